"""Exported tables: exact where exact is promised, harmless in a spreadsheet, ready for a paper."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from rationale_eval.errors import UsageError
from rationale_eval.verbs.export import export, format_of, latex, ranked


@pytest.fixture
def summary() -> pd.DataFrame:
    rows = [
        ("ig", "comprehensiveness_aopc", 0.41, 0.31, 0.52, "higher"),
        ("lime_x", "comprehensiveness_aopc", 0.52, 0.42, 0.61, "higher"),
        ("random", "comprehensiveness_aopc", 0.9, 0.8, 1.0, "higher"),
        ("ig", "sufficiency_aopc", 0.1, 0.05, 0.2, "lower"),
        ("lime_x", "sufficiency_aopc", math.nan, math.nan, math.nan, "lower"),
    ]
    columns = ["method", "metric", "value", "ci_low", "ci_high", "direction"]
    return pd.DataFrame(rows, columns=columns).assign(variant="eraser")


def test_latex_marks_the_best_method_and_never_a_control(summary):
    text = latex(summary)
    assert r"\textbf{0.520} [0.420, 0.610]" in text
    assert r"\textbf{0.100} [0.050, 0.200]" in text
    assert r"\textbf{0.900}" not in text
    assert r"lime\_x" in text and "--" in text
    assert r"comprehensiveness\_aopc $\uparrow$" in text and r"sufficiency\_aopc $\downarrow$" in text
    assert text.index("random") > text.index("lime")
    assert text.count("&") == 5 * 2


def test_examples_cannot_become_latex():
    with pytest.raises(UsageError, match="only a summary can become a LaTeX table"):
        latex(pd.DataFrame({"example_id": ["1"], "value": [1.0]}))


def test_csv_text_cannot_run_as_a_formula_and_numbers_stay_numbers(tmp_path):
    table = pd.DataFrame({"example_id": ["=1+1", "@x", "-a", "plain"], "value": [-0.5, 1.0, 2.0, 3.0]})
    export(table, tmp_path / "t.csv", "csv")
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert lines[1:] == ["'=1+1,-0.5", "'@x,1.0", "'-a,2.0", "plain,3.0"]


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_exact_formats_round_trip(tmp_path, kind):
    table = pd.DataFrame({"example_id": ["=1+1", "007", "NA"], "value": [0.1, 1 / 3, 2.5]})
    path = tmp_path / f"t.{kind}"
    export(table, path, kind)
    read = pd.read_parquet(path) if kind == "parquet" else pd.read_json(path, lines=True, dtype={"example_id": str})
    assert list(read["example_id"]) == ["=1+1", "007", "NA"]
    assert list(read["value"]) == pytest.approx([0.1, 1 / 3, 2.5])


def test_the_format_comes_from_the_ending_or_the_option(tmp_path):
    assert format_of(tmp_path / "a.tex", None) == "latex"
    assert format_of(tmp_path / "a.txt", "csv") == "csv"
    with pytest.raises(UsageError, match=r"there is no export format '\.txt'"):
        format_of(tmp_path / "a.txt", None)


def test_ranking_puts_the_best_first_and_controls_last(summary):
    assert ranked(summary) == ["lime_x", "ig", "random"]
    assert ranked(summary, by=("sufficiency_aopc",)) == ["ig", "lime_x", "random"]
