"""FEB's scores by hand, and its study of human ratings: the published table from the released answers."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example, Task
from rationale_eval.data.load import load_dataset
from rationale_eval.errors import InputError, UsageError
from rationale_eval.metrics.feb import FebScores, feb_scores, over_splits
from rationale_eval.metrics.human_ratings import HUMAN, Rated, plausibility, read_ratings, summarize

STUDY = Path(__file__).parents[2] / ".." / "shared" / "data" / "feb_human_eval"

PUBLISHED = {
    "esnli": {"t5-base": "16.8±1.5", "t5-large": "32.7±1.9", "t5-3b": "41.6±2.1", "gpt3": "42.4±2.2"},
    "ecqa": {"t5-base": "25.5±1.2", "t5-large": "30.3±1.5", "t5-3b": "34.2±1.6", "gpt3": "45.1±1.4"},
    "sensemaking": {"t5-base": "13.8±1.3", "t5-large": "25.6±1.7", "t5-3b": "33.4±1.7", "gpt3": "42.2±1.8"},
    "sbic": {"t5-base": "58.0±2.3", "t5-large": "61.8±2.2", "t5-3b": "64.2±2.1", "gpt3": "72.7±1.7"},
}
MISSING = {("ecqa", "t5-large"): 36, ("sbic", "t5-base"): 1, ("sbic", "t5-large"): 1}
"""Showings of the 360 whose text the data set at hand lacks: these cells cannot be computed from it."""


def test_the_scores_of_a_split_by_hand():
    """Closest references 0.9, 0.5, 0.8, 0.6; the second and the fourth label are wrong; the fourth text is broken."""
    found = feb_scores(
        [True, False, True, False], [[0.2, 0.9], [0.5], [0.8, 0.1, 0.3], [0.6]], [False, False, False, True]
    )
    assert found.accuracy == 50.0 and found.broken == 25.0
    assert found.explanation == pytest.approx(100 * (0.9 + 0.8) / 4)
    assert found.unconditional == pytest.approx(70.0)
    assert found.correct_only == pytest.approx(85.0)


def test_where_no_label_is_right_the_mean_over_right_ones_is_not_defined():
    found = feb_scores([False], [[0.7]], [False])
    assert found.explanation == 0.0 and math.isnan(found.correct_only)
    spread = over_splits([found, FebScores(60.0, 40.0, 50.0, 80.0, 10.0), FebScores(20.0, 10.0, 90.0, 60.0, 0.0)])
    assert spread["correct_only"] == (70.0, 10.0)
    mean, std = spread["accuracy"]
    assert mean == pytest.approx(80 / 3) and std == pytest.approx(math.sqrt((0 + 3600 + 400) / 3 - (80 / 3) ** 2))


@pytest.mark.parametrize("arguments", [([], [], []), ([True], [[0.1], [0.2]], [False]), ([True], [[]], [False])])
def test_a_split_without_what_it_needs_is_refused(arguments):
    with pytest.raises(UsageError):
        feb_scores(*arguments)
    with pytest.raises(UsageError, match="no split"):
        over_splits([])


def test_ratings_by_hand():
    assert plausibility(["yes", "w_yes", "no"]) == pytest.approx(5 / 9)
    with pytest.raises(UsageError, match="'maybe' is none"):
        plausibility(["maybe"])
    six = Rated("a", "esnli", HUMAN, "text", ("yes", "w_yes", "yes", "no", "w_no", "yes"))
    assert six.plausibility == pytest.approx((8 / 3 + 4 / 3) / 6)
    assert list(six.showings()) == [("yes", "w_yes", "yes"), ("no", "w_no", "yes")]
    found = summarize([six, Rated("b", "esnli", HUMAN, "text", ("no", "no"))])  # two raters are too few
    first, second = 8 / 9, 4 / 9
    assert found.showings == 2
    assert found.plausibility == pytest.approx((first + second) / 2)
    assert found.error == pytest.approx((first - second) / 2 / math.sqrt(2))
    # Pairs of raters that agree: 3 of 3, and 1 of 3; by chance one half.
    assert found.kappa == pytest.approx(((1 + 1 / 3) / 2 - 0.5) / 0.5)
    with pytest.raises(UsageError, match="three ratings"):
        summarize([])


def test_an_example_without_ratings_is_named():
    task = Task("t", "classification", ("text",), ("a", "b"))
    bare = Example("x", "t", {"text": "hello"}, task.choices, 0, rationales=("why",), meta={"ratings": ["often"]})
    with pytest.raises(InputError, match="example 'x' holds no rated text"):
        read_ratings(RationaleDataset.from_examples([bare], task))


@pytest.mark.skipif(not STUDY.is_dir(), reason="the folder shared/ is not there")
def test_the_published_table_of_human_ratings():
    rated = read_ratings(load_dataset(str(STUDY), "test"))
    for dataset, row in PUBLISHED.items():
        for model, cell in row.items():
            group = [one for one in rated if one.dataset == dataset and one.system in (model, f"unifiedqa-{model}")]
            found = summarize(group)
            said = f"{100 * found.plausibility:.1f}±{100 * found.error:.1f}"
            missing = MISSING.get((dataset, model), 0)
            if not missing:
                assert said == cell, (dataset, model)
                continue
            assert found.showings == 360 - missing and said != cell
            low = found.plausibility * found.showings / 360
            assert 100 * low - 0.05 <= float(cell.split("±")[0]) <= 100 * (low + missing / 360) + 0.05
    gold = {name: summarize([one for one in rated if (one.dataset, one.system) == (name, HUMAN)]) for name in PUBLISHED}
    ranges = {"esnli": (74.4, 78.7), "ecqa": (69.5, 74.0), "sensemaking": (76.0, 77.8), "sbic": (78.2, 80.9)}
    assert all(low <= 100 * gold[name].plausibility <= high for name, (low, high) in ranges.items())
