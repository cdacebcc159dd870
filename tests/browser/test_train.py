"""Training from the page: the way of a new user, a server that is killed, two people at once."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from rationale_eval.workspace.runs import Run, Workspace
from tests.helpers.dashboard import PATIENCE, Seen, Server, new_page, open_at, serving, settled

TINY = "tiny-bert"
SLOW = 3 * PATIENCE
"""Milliseconds for what needs torch in another process: it may still be starting, beside other tests."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the operator with one tiny encoder."""
    from tests.helpers.tiny import tiny_folder

    root = tmp_path_factory.mktemp("models")
    tiny_folder(root / TINY, "bert", "classifier")
    return root


@pytest.fixture(scope="module")
def training(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("train") / "workspace", "--root", str(models)) as server:
        yield server


def pick(page: Any, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option).first.click()
    settled(page)


def fill(page: Any, label: str, value: str) -> None:
    box = page.get_by_label(label, exact=True).first
    box.fill(value)
    box.press("Enter")
    settled(page)


def state(page: Any, word: str) -> Any:
    """The sign of a run's state; its text begins with the name of the icon."""
    return page.locator(".stMarkdownBadge", has_text=word).first


def open_form(page: Any, server: Server) -> None:
    open_at(page, server, "train?recipe=fine_tune&preset=quick")
    page.get_by_role("button", name="Launch").wait_for(timeout=SLOW)
    pick(page, "Start from", TINY)


def launch(page: Any) -> None:
    page.get_by_role("button", name="Launch").click()


def opened_run(page: Any, server: Server) -> Run:
    page.wait_for_url("**/train?run=*", timeout=SLOW)
    return Workspace(server.workspace).get(page.url.rpartition("=")[2])


def until(run: Run, *states: str, seconds: float = 180) -> None:
    """The test looks at the run itself here, for that is what the page must agree with."""
    end = time.monotonic() + seconds
    while run.status.state not in states:
        assert time.monotonic() < end, f"{run.status.state}: {run.status.message}"
        time.sleep(0.05)


def test_a_new_user_trains_unirex_on_a_small_slice(training: Server, view: tuple[Any, Seen]) -> None:
    page, seen = view
    open_at(page, training)
    page.get_by_role("link", name="Train").click()
    page.get_by_role("button", name="unirex").wait_for(timeout=SLOW)
    pick(page, "Start from", TINY)
    fill(page, "Training examples", "24")
    fill(page, "epochs", "2")
    launch(page)
    run = opened_run(page, training)
    assert (run.config["recipe"], run.config["limit"], run.config["config"]["epochs"]) == ("unirex", 24, 2)
    state(page, "finished").wait_for(timeout=SLOW)
    assert run.status.state == "finished"
    page.get_by_text("Loss and its terms").wait_for()
    for line in ("loss", "task", "comp", "suff", "plaus", "accuracy", "auprc"):
        page.locator(".legendtext").get_by_text(line, exact=True).first.wait_for()
    steps = {line["step"] for line in run.metrics()}
    assert steps == set(range(1, 1 + max(steps))) and run.summary is not None
    # The next question is one click away: what its rationales are worth, and by which example to begin.
    page.get_by_role("button", name="Evaluate its rationales").click()
    page.get_by_role("button", name="Start the evaluation").wait_for(timeout=SLOW)
    page.get_by_role("heading", name="Compare").wait_for()
    fill(page, "Examples", "20")
    page.get_by_role("button", name="Start the evaluation").click()
    chip = page.locator(".chips span", has_text="learned").first
    expect(chip).to_have_attribute("title", re.compile("corrected"), timeout=SLOW)
    made = max(Workspace(training.workspace).runs(), key=lambda each: each.id)
    assert made.config["model"] == f"run:{run.id}" and made.config["methods"][0] == "learned"
    assert made.status.state == "finished" and made.config["limit"] == 20
    page.locator('[data-testid="stPlotlyChart"]').first.locator(".scatterlayer .point").first.click(force=True)
    page.wait_for_url(lambda url: "/examples?" in url and "order=worst" in url and f"run={made.id}" in url)
    assert seen == Seen()


def test_two_who_launch_at_once_get_one_run_each_and_each_is_done_once(training: Server, browser: Any) -> None:
    known = {run.id for run in Workspace(training.workspace).runs()}
    pages = [new_page(browser)[0] for _ in range(2)]
    for seed, page in enumerate(pages, start=5):
        open_form(page, training)
        fill(page, "Training examples", "16")
        fill(page, "epochs", "1")
        fill(page, "Seed", str(seed))
    for page in pages:
        launch(page)
    runs = [opened_run(page, training) for page in pages]
    for run in runs:
        until(run, "finished")
    made = {run.id for run in Workspace(training.workspace).runs()} - known
    assert made == {run.id for run in runs} and len(made) == 2
    # queued, starting, running, finished: a second start would show in the attempt and in the sequence.
    assert [(run.stored.attempt, run.stored.sequence) for run in runs] == [(1, 3), (1, 3)]
    assert sorted(run.config["seed"] for run in runs) == [5, 6]
    for page in pages:
        page.context.close()


def test_a_killed_server_stops_no_run_and_the_next_one_finds_it(training: Server, models: Path, browser: Any) -> None:
    """The last test of this file: it kills the server."""
    page, _ = new_page(browser)
    open_form(page, training)
    fill(page, "epochs", "9000")
    launch(page)
    run = opened_run(page, training)
    address = page.url.removeprefix(f"{training.url}/")
    page.get_by_text("left, fine_tune").wait_for(timeout=SLOW)
    worker = run.worker
    training.kill()
    page.context.close()
    assert worker and run.worker == worker, "the run goes on"
    before = run.progress
    with serving(training.workspace, "--root", str(models), port=int(training.url.rpartition(":")[2])) as server:
        page, _ = new_page(browser)
        begun = time.monotonic()
        page.goto(f"{server.url}/{address}")
        state(page, "running").wait_for(timeout=SLOW)
        page.get_by_text("left, fine_tune").wait_for(timeout=SLOW)
        took = time.monotonic() - begun
        assert run.worker == worker
        assert before is not None and run.progress is not None and run.progress.step > before.step
        page.get_by_role("button", name="Cancel").click()
        state(page, "cancelled").wait_for(timeout=SLOW)
        assert run.status.state == "cancelled" and run.worker is None
        page.context.close()
    # A few seconds on a machine with nothing else to do; here others are at work, and this test's own training.
    share = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    assert took < 15.0 * share, f"{took:.1f} s, where every process has to wait {share:.1f} times as long as alone"
