"""FRAME and Methods as a person uses them: an audit from the form to its scorecard, examples behind a number."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from rationale_eval.ui.numbers import number
from rationale_eval.verbs.audit_summary import headline
from tests.helpers.dashboard import Seen, Server, open_at, serving, settled

LONG = 300_000
"""Milliseconds an audit may take beside other tests."""


@pytest.mark.slow
def test_a_metric_is_audited_from_the_page(view: tuple[Any, Seen], own_sample: Path) -> None:
    page, seen = view
    with serving(own_sample, "--no-preload") as server:
        open_at(page, server, "frame")
        page.get_by_role("button", name="New audit").click()
        page.get_by_role("button", name="Start the audit").wait_for()
        for name in ("simulatability", "las"):
            page.get_by_role("button", name=f"Remove {name}").or_(
                page.locator(f'[aria-label^="{name}"] [title="Delete"]')
            ).first.click()
            settled(page)
        page.get_by_text("How", exact=True).click()
        evaluated = page.get_by_role("spinbutton", name="eval limit")
        evaluated.fill("20")
        evaluated.press("Enter")
        settled(page)
        page.get_by_text("rq:np", exact=True).first.wait_for()
        page.get_by_role("button", name="Start the audit").click()
        page.get_by_text("audit of rq:np on bundled/nli").first.wait_for()
        # The card comes by itself when the audit has ended.
        card = page.locator('[class*="st-key-card-"]')
        page.get_by_text("20 examples, task model retrieve").wait_for(timeout=LONG)
        expect(card).to_have_count(1)
        (run,) = [
            found.parent
            for found in own_sample.glob("runs/*/audit.json")
            if json.loads(found.read_text())["protocol"]["eval_limit"] == 20
        ]
        report = json.loads((run / "audit.json").read_text())
        for check in report["scorecards"][0]["checks"]:
            expected = headline(check)
            if expected is not None:
                figure = card.locator(f'[class*="st-key-figure-"][class*="-{check["check"]}"] button')
                expect(figure.first).to_have_text(number(expected["value"]))
    assert seen == Seen()


def test_a_number_opens_its_examples_and_the_address_brings_them_back(
    view: tuple[Any, Seen], looking: Server, sample_ids: dict[str, str]
) -> None:
    page, seen = view
    open_at(page, looking, "frame")
    page.locator('[class*="-rq-np-reference"] button').first.click()
    window = page.get_by_role("dialog")
    window.get_by_text("Axiom 1, reference").wait_for()
    page.wait_for_url("**behind=reference**")
    address = page.url
    window.get_by_text("The answer is", exact=False).first.wait_for()
    page.keyboard.press("Escape")
    window.wait_for(state="detached")
    page.wait_for_url(lambda url: "behind" not in url)
    page.goto(address)
    page.get_by_role("dialog").get_by_text("Axiom 1, reference").wait_for()
    assert seen == Seen()


def test_a_metric_is_looked_up(view: tuple[Any, Seen], looking: Server) -> None:
    page, seen = view
    open_at(page, looking, "methods?metric=rq:np")
    page.get_by_role("heading", name="Rationale quality").wait_for()
    page.get_by_text("mean of s_xr - s_x").wait_for()
    search = page.get_by_placeholder("a name, a word, an author")
    search.fill("sundararajan")
    search.press("Enter")
    page.get_by_role("heading", name="Integrated gradients").wait_for()
    page.wait_for_url("**method=integrated_gradients**")
    assert seen == Seen()
