"""What the pictures of a comparison are drawn from, on numbers that a hand can check."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rationale_eval.desk.compare_pictures import BARS, curves, distributions, front, has_curve
from rationale_eval.desk.compare_slices import facts, slices
from rationale_eval.desk.desk import Desk
from rationale_eval.metrics.record import Score
from rationale_eval.verbs.result import Result, ScoreRow, write_scores
from rationale_eval.verbs.side_by_side import together
from rationale_eval.verbs.systems import Evaluation, System, first_metrics, systems_of, total
from rationale_eval.workspace.runs import Workspace

ONE = System("good", "run", "good", "good")
TWO = System("random", "run", "random", "random")


def result(tmp_path: Path, rows: list[ScoreRow]) -> dict[str, Result]:
    return {"run": Result(write_scores(rows, tmp_path / "examples.parquet"), {})}


def row(i: int, method: str, score: Score, metric: str = "comprehensiveness_aopc", variant: str = "eraser") -> ScoreRow:
    return ScoreRow(f"e{i}", None, method, metric, variant, score)


def test_curves_are_means_at_each_place(tmp_path: Path) -> None:
    rows = [row(i, "good", Score(0.0, curve=np.array([0.0, 0.1, 0.2, 0.3, 0.4]) + i)) for i in range(3)]
    rows.append(row(3, "good", Score(0.0, curve=np.array([9.0]))))  # of another length: no place to put it
    table = curves(result(tmp_path, rows), [ONE, TWO], "comprehensiveness_aopc:eraser")
    assert table["k"].tolist() == [1.0, 5.0, 10.0, 20.0, 50.0]
    assert table["value"].tolist() == pytest.approx([1.0, 1.1, 1.2, 1.3, 1.4]) and set(table["n"]) == {3}
    assert (table["ci_low"] <= table["value"]).all() and (table["value"] <= table["ci_high"]).all()
    few = curves(result(tmp_path, rows), [ONE], "comprehensiveness_aopc:eraser", ids=["e0", "e1"])
    assert few["value"].tolist() == pytest.approx([0.5, 0.6, 0.7, 0.8, 0.9])


def test_variants_that_skip_bins_have_no_curve() -> None:
    assert has_curve("comprehensiveness_aopc", "eraser") and has_curve("deletion_auc", "mask")
    assert not has_curve("comprehensiveness_aopc", "ferret") and not has_curve("auprc", "trapezoid")


def test_distributions_count_every_example_in_few_points(tmp_path: Path) -> None:
    rows = [row(i, "good", Score(float(i))) for i in range(101)]
    rows += [row(i, "random", Score(float("nan"), "nothing") if i else Score(50.0)) for i in range(101)]
    good, random = distributions(result(tmp_path, rows), [ONE, TWO], "comprehensiveness_aopc:eraser")
    assert good.quartiles == (0.0, 25.0, 50.0, 75.0, 100.0) and good.mean == 50.0 and good.n == 101
    assert len(good.places) == BARS and good.density.max() == 1.0
    assert random.n == 1 and random.quartiles[2] == 50.0


def test_equal_values_have_a_distribution_too(tmp_path: Path) -> None:
    (only,) = distributions(
        result(tmp_path, [row(i, "good", Score(0.5)) for i in range(4)]), [ONE], "comprehensiveness_aopc:eraser"
    )
    assert only.quartiles == (0.5,) * 5 and np.isfinite(only.density).all()


@pytest.mark.parametrize(
    ("directions", "expected"),
    [
        (("higher", "higher"), [True, True, False, False, False]),
        (("lower", "higher"), [False, True, True, False, False]),
    ],
)
def test_the_front_holds_what_nobody_beats(directions: tuple[str, str], expected: list[bool]) -> None:
    points = pd.DataFrame({"x": [3.0, 2.0, 1.0, 2.0, np.nan], "y": [1.0, 2.0, 1.5, 1.0, 9.0]})
    if directions[0] == "lower":
        points.loc[2, "x"] = 0.5
    assert front(points, directions) == expected


def test_equal_points_are_on_the_front_together() -> None:
    assert front(pd.DataFrame({"x": [1.0, 1.0], "y": [1.0, 1.0]}), ("higher", "higher")) == [True, True]


def test_slices_part_by_label_by_the_model_and_by_length() -> None:
    table = pd.DataFrame(
        {
            "label": ["a", "a", "b", "b", "b", None],
            "correct": [1.0, 0.0, 1.0, np.nan, 1.0, 0.0],
            "words": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        },
        index=[f"e{i}" for i in range(6)],
    )
    found = slices(table)
    assert found["label: a"] == ["e0", "e1"] and found["model is wrong"] == ["e1", "e5"]
    lengths = [ids for name, ids in found.items() if "words" in name]
    assert lengths == [["e0", "e1"], ["e2", "e3"], ["e4", "e5"]]
    assert not any("label" in name for name in slices(table.assign(label="a")))


def test_facts_of_the_sample(sample_folder: Path, sample_ids: dict[str, str]) -> None:
    table = facts(Desk(Workspace(sample_folder)), sample_ids["evaluate"])
    assert table["label"].value_counts().to_dict() == {"entailment": 16, "neutral": 16, "contradiction": 16}
    run = Result.load(sample_folder / "runs" / sample_ids["evaluate"])
    right = run.examples("accuracy").set_index("example_id")["value"]
    assert (table["correct"] == right.loc[table.index]).all() and table["words"].between(5, 60).all()


def test_systems_keep_one_order_and_say_where_they_come_from() -> None:
    results = tuple({"method": name, "n": 4, "coverage": 1.0} for name in ("random", "good", "other", "good"))
    one = Evaluation("20260101-a1b2", "T", "d", "test", "f", "run:one", results)
    two = Evaluation("20260102-c3d4", "T", "d", "test", "f", "run:two", results)
    assert [each.key for each in systems_of([one])] == ["good", "other", "random"]
    several = systems_of([one, two])
    assert [each.label for each in several[:3]] == ["good · run:one", "other · run:one", "good · run:two"]
    assert several[0].key == "20260101-a1b2/good" and [each.control for each in several] == [False] * 4 + [True] * 2
    assert one.examples == 4


def test_what_is_not_defined_is_counted_from_the_reasons() -> None:
    assert total({"n": 6, "coverage": 0.5, "reasons": "x: 6"}) == 12
    assert total({"n": 0, "coverage": 0.0, "reasons": "no gold: 7; too long: 5"}) == 12


def test_the_usual_metrics_come_first() -> None:
    keys = ["comprehensiveness_aopc:eraser", "comprehensiveness_aopc:ferret", "csd:eraser", "auprc:trapezoid", "rev:v"]
    assert first_metrics(keys) == keys
    many = [*keys, "tau_loo:delete", "accuracy:default"]
    assert "accuracy:default" in first_metrics(many) and len(first_metrics(many)) == 6


def test_no_tests_are_an_empty_table() -> None:
    assert not len(together([])) and not len(together([pd.DataFrame(columns=["p"])]))
