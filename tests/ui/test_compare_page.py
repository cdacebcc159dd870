"""The Compare page: the numbers of `rx.compare`, every state, and selections from the address."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from rationale_eval.data.load import load_dataset
from rationale_eval.desk.access import Access
from rationale_eval.desk.notes import Notes
from rationale_eval.metrics.nrg import DESIDERATA
from rationale_eval.ui.numbers import number
from rationale_eval.verbs.compare import compare, composite
from rationale_eval.verbs.result import Result
from rationale_eval.workspace.runs import Workspace

ROOT = Path(__file__).resolve().parents[2]


def opened(workspace: Path, monkeypatch: pytest.MonkeyPatch, **query: Any) -> AppTest:
    monkeypatch.setenv("RATIONALE_EVAL_WORKSPACE", str(workspace))
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    app.switch_page("pages/compare_page.py").run()
    assert not app.exception and [each.value for each in app.title] == ["Compare"]
    return app


def frame(app: AppTest, column: str) -> Any:
    """The table that has a column."""
    return next(each.value for each in app.dataframe if column in each.value.columns)


def test_values_and_tests_are_those_of_the_verbs(
    sample_folder: Path, sample_ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(sample_folder, monkeypatch, run=sample_ids["evaluate"])
    result = Result.load(sample_folder / "runs" / sample_ids["evaluate"])
    summary = result.summary().set_index(["method", "metric"])
    shown = frame(app, "auprc:trapezoid").set_index("system")
    for method in ("saliency", "leave_one_out", "random", "gold"):
        line = summary.loc[(method, "auprc")]
        low, high = number(line["ci_low"]), number(line["ci_high"])
        assert shown.loc[method, "auprc:trapezoid"] == f"{number(line['value'])} [{low}, {high}]"
    assert shown.loc["model", "auprc:trapezoid"] == ""
    tests = frame(app, "p (Holm)")
    metrics = list(app.multiselect(key="compare-metrics").value)
    whole = compare(result, methods=app.multiselect(key="compare-systems").value, metrics=metrics)
    assert len(tests) == len(whole) > 20
    keys = ["metric", "first", "second"]
    named = {row["p_holm"] for row in whole.to_dict("records")}
    assert set(tests["p (Holm)"]) == {number(each) for each in named}
    exact = {
        tuple(row[key] for key in keys[1:]): number(row["p"])
        for row in whole[whole["metric"] == "auprc"].to_dict("records")
    }
    rows = tests[tests["metric"].str.startswith("Area under")]
    assert {(row["first"], row["second"]): row["p"] for row in rows.to_dict("records")} == exact
    assert (tests["better"] != "tie").sum() == (whole["better"] != "").sum()


def test_the_command_gives_the_numbers_of_the_page(
    sample_folder: Path, sample_ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = sample_ids["evaluate"]
    app = opened(sample_folder, monkeypatch, run=run, systems=["saliency", "random"], metrics=["auprc:trapezoid"])
    chosen = f"{run} --method saliency,random --metric auprc:trapezoid"
    assert app.code[-1].value.splitlines() == [
        f"rationale-eval compare {chosen}",
        f"rationale-eval export {chosen} --out report.html",
    ]


def test_two_evaluations_on_one_set(
    sample_folder: Path, sample_ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = [sample_ids["evaluate"], sample_ids["other"]]
    app = opened(
        sample_folder,
        monkeypatch,
        runs=pair,
        systems=["saliency", "model"],
        metrics=["auprc:trapezoid", "accuracy:default"],
    )
    tests = frame(app, "p (Holm)")
    results = {id: Result.load(sample_folder / "runs" / id) for id in pair}
    whole = compare(results, methods=["saliency", "model"], metrics=["auprc", "accuracy"])
    assert sorted(tests["p"]) == sorted(number(each) for each in whole["p"]) and len(tests) == 2
    assert sorted(tests["test"]) == sorted(whole["test"])
    assert [each.value for each in app.code][-1].startswith(f"rationale-eval compare {pair[0]} {pair[1]} --method")


def test_a_slice_counts_everywhere(
    sample_folder: Path, sample_ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = sample_ids["evaluate"]
    app = opened(sample_folder, monkeypatch, run=run, metrics=["auprc:trapezoid"], slice="label: entailment")
    full = frame(app, "coverage")
    result = Result.load(sample_folder / "runs" / run)
    assert set(full["n"]) == {16}
    rows = result.examples("auprc", "saliency").set_index("example_id")["value"]
    ids = [each.id for each in load_dataset("bundled/nli", "test") if each.choices[each.label] == "entailment"]
    line = full[full["system"] == "saliency"].iloc[0]
    assert line["value"] == number(rows.loc[ids].mean())
    assert app.code[-1].value.splitlines()[0].endswith("--ids slice.txt")


def test_a_saved_slice_is_its_examples(
    own_sample: Path, sample_ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = sample_ids["evaluate"]
    Notes(Workspace(own_sample), Access()).save_slice("odd <b>", {"label": ["neutral"], "right": ["wrong"]})
    app = opened(own_sample, monkeypatch, run=run, metrics=["auprc:trapezoid"], slice="odd <b>")
    assert app.selectbox(key="compare-slice").value == "saved: odd <b>"
    result = Result.load(own_sample / "runs" / run)
    right = result.examples("accuracy").set_index("example_id")["value"]
    neutral = [each.id for each in load_dataset("bundled/nli", "test") if each.choices[each.label] == "neutral"]
    ids = [id for id in neutral if right[id] == 0]
    line = frame(app, "coverage").set_index("system").loc["saliency"]
    assert 0 < line["n"] == len(ids) < 16
    values = result.examples("auprc", "saliency").set_index("example_id")["value"]
    assert line["value"] == number(values.loc[ids].mean())


def test_free_text_is_compared_as_well(
    sample_folder: Path, sample_ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(sample_folder, monkeypatch, run=sample_ids["texts"])
    assert len(frame(app, "p (Holm)")) >= 1 and not app.error


@pytest.mark.parametrize(
    ("picture", "says"),
    [
        ("Curves over k", "Mean over examples at each k"),
        ("Distributions", "the middle half"),
        ("Trade-off", "Up and to the right is better on both"),
        ("Relative gain", "Each metric is stretched"),
        ("By slice", "Values with 95 % intervals on each part alone"),
    ],
)
def test_every_picture(
    picture: str, says: str, sample_folder: Path, sample_ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(sample_folder, monkeypatch, run=sample_ids["evaluate"], picture=picture)
    assert any(says in each.value for each in app.caption) and not app.error


def test_relative_gain_is_that_of_the_verb(
    sample_folder: Path, sample_ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(sample_folder, monkeypatch, run=sample_ids["evaluate"], picture="Relative gain")
    methods = [name for name in app.multiselect(key="compare-systems").value if name not in ("random", "gold", "model")]
    result = Result.load(sample_folder / "runs" / sample_ids["evaluate"])
    parts = {name: DESIDERATA[name] for name in ("faithfulness", "plausibility")}
    whole = composite(result, parts, methods=methods).table()
    pd.testing.assert_frame_equal(frame(app, "composite").reset_index(drop=True), whole)


def test_tests_against_one_system(
    sample_folder: Path, sample_ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(sample_folder, monkeypatch, run=sample_ids["evaluate"], metrics=["auprc:trapezoid"], baseline="random")
    tests = frame(app, "p (Holm)")
    result = Result.load(sample_folder / "runs" / sample_ids["evaluate"])
    methods = app.multiselect(key="compare-systems").value
    whole = compare(result, methods=methods, metrics=["auprc"], baseline="random")
    assert set(tests["second"]) == {"random"} and list(tests["p (Holm)"]) == [number(each) for each in whole["p_holm"]]


def test_a_selection_of_nothing_says_what_to_do(
    sample_folder: Path, sample_ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(sample_folder, monkeypatch, run=sample_ids["evaluate"])
    app.multiselect(key="compare-metrics").set_value([]).run()
    assert any(each.value == "Pick at least one system and one metric above." for each in app.caption)
    app.multiselect(key="compare-runs").set_value([]).run()
    assert any(each.value == "Pick an evaluation above." for each in app.caption) and not app.exception


def test_an_empty_workspace_says_what_would_be_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(tmp_path / "workspace", monkeypatch)
    assert app.subheader[0].value == "No evaluation yet"
    assert [each.label for each in app.button] == ["Start with the demo"]


def test_a_read_only_dashboard_compares_all_the_same(
    sample_folder: Path, sample_ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATIONALE_EVAL_READ_ONLY", "1")
    app = opened(sample_folder, monkeypatch, run=sample_ids["evaluate"], metrics=["auprc"])
    assert len(frame(app, "p (Holm)")) and not app.error


def test_scores_that_are_gone_are_a_sentence(
    own_sample: Path, sample_ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_sample / "runs" / sample_ids["evaluate"] / "examples.parquet").unlink()
    app = opened(own_sample, monkeypatch, run=sample_ids["evaluate"])
    assert any("examples\\.parquet" in each.value for each in app.error)
    shutil.rmtree(own_sample)
