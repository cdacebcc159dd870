"""Comparing in a real browser: from a number to its examples, tables to take away, names that mean harm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
    page.wait_for_url("**/examples?**")
    settled(page)
    assert page.locator("h1").inner_text() == "Examples"
    assert f"run={run}" in page.url and "by=saliency" in page.url and "order=worst" in page.url
    assert "metric=auprc%3Atrapezoid" in page.url
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
    chip.wait_for()
    first, second = sorted((test["first"], test["second"]), key=lambda name: name != test["better"])
    said = f"{first} > {second}" if test["better"] else f"{first} ≈ {second}"
    assert chip.inner_text().replace("\u2068", "").replace("\u2069", "") == said
    assert f"p {number(test['p'])}, corrected {number(test['p_holm'])}" in chip.get_attribute("title")
    summary = result.summary()
    wanted = summary[(summary["metric"] == "auprc") & summary["method"].isin(["saliency", "random"])]
    assert _saved(page, "Download LaTeX") == latex(wanted)
    report = _saved(page, "Download report")
    assert POLICY in report and "<script" not in report and f"rationale-eval compare {run}" in report
    other = page.context.new_page()
    other.set_content(report)
    assert other.locator("svg circle").count() == 1 and other.locator("h1").inner_text()
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
    with serving(place.path) as server:
        page, seen = new_page(browser)
        open_at(page, server, f"compare?run={run.id}")
        page.locator(".chips span").first.wait_for()
        for picture in ("Distributions", "Relative gain", "By slice", "Curves over k"):
            page.get_by_role("radio", name=picture).or_(page.get_by_role("button", name=picture)).first.click()
            settled(page)
        assert HOSTILE[0][:20] in page.locator(".chips").first.inner_text()
        assert (
            page.locator('[data-testid="stMain"] img[src*="evil"], [data-testid="stMain"] a[href*="evil"]').count() == 0
        )
        assert page.locator("script", has_text="alert").count() == 0
        assert seen == Seen()
        page.context.close()


def _saved(page: Any, name: str) -> str:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=name).click()
    return Path(waiting.value.path()).read_text(encoding="utf-8")
