"""Tasks whose true rationale is known, read by a model that decides as the label function does.

In `keyword` one word decides, so the gold highlights are the whole truth: no method may score better than gold, and
random must score worse, on every faithfulness metric. In `majority` and `negation` words speak for and against, which a
marked-or-not highlight cannot rank; there gold must beat random and its own inverse.
"""

from __future__ import annotations

import pandas as pd
import pytest

from rationale_eval.data.generated import generate
from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.record import METRICS
from rationale_eval.verbs.evaluate import evaluate
from rationale_eval.verbs.extract import extract_many
from tests.helpers.oracle import OracleModel

METHODS = (
    "saliency",
    "input_x_gradient",
    "integrated_gradients",
    "gradient_shap",
    "leave_one_out",
    "occlusion",
    "lime",
    "kernel_shap",
)
CONTROLS = ("random", "gold", "inverse_gold")


def faithfulness_metrics() -> list[str]:
    return [
        name
        for name, facts in load_all().items()
        if facts.family == "faithfulness" and facts.direction != "none" and "explainer" not in facts.needs
    ]


def scores(task: str, methods: tuple[str, ...]) -> pd.DataFrame:
    """Corpus values, one row a method, one column a metric, turned so that larger is better."""
    data, model = generate(task, "test", 40, 0), OracleModel(task)
    made = extract_many(model, data, methods, settings={"lime.samples": 60} if "lime" in methods else None)
    summary = evaluate(data, made, model=model, metrics=faithfulness_metrics()).summary(resamples=20)
    table = summary.pivot_table(index="method", columns="metric", values="value", sort=False)
    for name in table.columns:
        if METRICS[name].direction == "lower":
            table[name] = -table[name]
    return table


def test_where_one_word_decides_no_method_beats_gold_and_random_always_loses():
    table = scores("keyword", METHODS + CONTROLS)
    assert len(table.columns) >= 14
    for name in table.columns:
        gold = table.loc["gold", name]
        for method in METHODS:
            assert table.loc[method, name] <= gold + 1e-6, (name, method)
        assert table.loc["random", name] < gold - 0.01, name
        assert table.loc["inverse_gold", name] < gold - 0.01, name


def test_where_one_word_decides_integrated_gradients_find_it():
    table = scores("keyword", ("integrated_gradients", "gold"))
    pd.testing.assert_series_equal(
        table.loc["integrated_gradients"], table.loc["gold"], check_names=False, atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("task", ["majority", "negation"])
def test_where_words_speak_against_each_other_gold_beats_random(task):
    table = scores(task, CONTROLS)
    for name in table.columns:
        assert table.loc["gold", name] > table.loc["random", name] + 0.01, name
        assert table.loc["gold", name] > table.loc["inverse_gold", name] + 0.01, name
