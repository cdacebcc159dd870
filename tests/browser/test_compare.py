"""Comparing in a real browser: from a number to its examples, tables to take away, names that mean harm."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from rationale_eval.metrics.record import Score
from rationale_eval.verbs.compare import compare
from rationale_eval.verbs.export import latex
from rationale_eval.verbs.numbers import number
from rationale_eval.verbs.report import POLICY
from rationale_eval.verbs.result import Result, ScoreRow, write_scores
from rationale_eval.workspace.runs import Workspace
from tests.helpers.dashboard import Seen, Server, new_page, open_at, serving, settled

HOSTILE = (
    "<img src=https://evil.example/a.png onerror=alert(1)>",
    "![x](https://evil.example/b.png)",
    "<a href='javascript:alert(2)'>x</a><script>alert(3)</script>",
    "[x](https://evil.example) $\\href{https://evil.example}{x}$ :material/home:",
)


def test_from_a_point_to_the_examples_behind_it(
    view: tuple[Any, Seen], looking: Server, sample_ids: dict[str, str]
) -> None:
    page, seen = view
    run = sample_ids["evaluate"]
    open_at(page, looking, f"compare?run={run}&metrics=auprc:trapezoid&metrics=token_f1:macro")
    page.get_by_text("Take away").wait_for()
    chart = page.locator('[data-testid="stPlotlyChart"]').first
    chart.locator(".scatterlayer .point").first.click(force=True)
    wanted = ("/examples?", f"run={run}", "by=saliency", "order=worst", "metric=auprc%3Atrapezoid")
    page.wait_for_url(lambda url: all(part in url for part in wanted))
    expect(page.locator("h1")).to_have_text("Examples")
    settled(page)
    assert seen == Seen()


def test_tables_and_the_report_are_taken_away(
    view: tuple[Any, Seen], looking: Server, sample_folder: Path, sample_ids: dict[str, str]
) -> None:
    page, seen = view
    run = sample_ids["evaluate"]
    open_at(page, looking, f"compare?run={run}&metrics=auprc:trapezoid&methods=saliency&methods=random")
    result = Result.load(sample_folder / "runs" / run)
    test = compare(result, methods=["saliency", "random"], metrics=["auprc"]).iloc[0]
    chip = page.locator(".chips span").first
    first, second = sorted((test["first"], test["second"]), key=lambda name: name != test["better"])
    mark = "[\u2068\u2069]*"
    between = ">" if test["better"] else "≈"
    expect(chip).to_have_text(re.compile(f"^{mark}{first}{mark} {between} {mark}{second}{mark}$"))
    said = f"p {number(test['p'])}, corrected {number(test['p_holm'])}"
    expect(chip).to_have_attribute("title", re.compile(re.escape(said)))
    summary = result.summary()
    wanted = summary[(summary["metric"] == "auprc") & summary["method"].isin(["saliency", "random"])]
    assert _saved(page, "Download LaTeX") == latex(wanted)
    report = _saved(page, "Download report")
    assert POLICY in report and "<script" not in report and f"rationale-eval compare {run}" in report
    other = page.context.new_page()
    other.set_content(report)
    expect(other.locator("svg circle")).to_have_count(1)
    expect(other.locator("h1")).not_to_be_empty()
    assert seen == Seen()


def test_hostile_names_are_only_text(browser: Any, tmp_path: Path) -> None:
    place = Workspace(tmp_path / "workspace")
    run = place.create_run("evaluate", {"data": "bundled/nli", "split": "test"}, about={"title": HOSTILE[0]})
    with run.working():
        rows = [
            ScoreRow(f"e{i}", None, name, "comprehensiveness_aopc", "eraser", Score(0.1 * j + 0.01 * (i % 5)))
            for i in range(30)
            for j, name in enumerate(HOSTILE)
        ]
        write_scores(rows, run.examples)
        run.write_summary({"results": Result.load(run.folder).records()})
    with serving(place.path, "--no-preload") as server:
        page, seen = new_page(browser)
        open_at(page, server, f"compare?run={run.id}")
        page.locator(".chips span").first.wait_for()
        for picture in ("Distributions", "Relative gain", "By slice", "Curves over k"):
            page.get_by_role("radio", name=picture).or_(page.get_by_role("button", name=picture)).first.click()
            settled(page)
        expect(page.locator(".chips").first).to_contain_text(HOSTILE[0][:20])
        expect(page.locator('[data-testid="stMain"] :is(img[src*="evil"], a[href*="evil"])')).to_have_count(0)
        expect(page.locator("script", has_text="alert")).to_have_count(0)
        assert seen == Seen()
        page.context.close()


def _saved(page: Any, name: str) -> str:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=name).click()
    return Path(waiting.value.path()).read_text(encoding="utf-8")
