import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from rationale_eval.cli import make_app
from rationale_eval.errors import UsageError
from rationale_eval.metrics.compare import corrected
from rationale_eval.metrics.record import Score
from rationale_eval.verbs.compare import compare, composite
from rationale_eval.verbs.result import Result, ScoreRow, write_scores
from rationale_eval.verbs.side_by_side import gain_metrics, gains, stored
from rationale_eval.verbs.systems import Evaluation, metrics_of, opening, systems_of
from rationale_eval.workspace.runs import Workspace

BASE = {"auprc": 0.5, "token_f1": 0.4, "comprehensiveness_aopc": 0.2, "sufficiency_aopc": 0.3}


def write(path, shifts, accuracy=0.8):
    """Scores of 60 examples for each method, the method's shift better in every metric."""
    draw = np.random.default_rng(1)
    noise = {name: draw.normal(0, 0.02, 60) for name in BASE}
    rows = []
    for i in range(60):
        for method, shift in shifts.items():
            for name, base in BASE.items():
                sign = -1 if name == "sufficiency_aopc" else 1
                value = base + sign * shift + float(noise[name][i]) * (1 + shift)
                rows.append(ScoreRow(f"e{i}", None, method, name, "v", Score(value)))
        rows.append(ScoreRow(f"e{i}", None, "model", "accuracy", "default", Score(float(i < 60 * accuracy))))
    write_scores(rows, path)
    return path


@pytest.fixture
def result(tmp_path):
    return Result(write(tmp_path / "a" / "examples.parquet", {"good": 0.2, "bad": 0.0}), {"data": {"fingerprint": "x"}})


def test_methods_of_one_result(result):
    table = compare(result, metrics=["auprc", "sufficiency_aopc"])
    assert table["first"].tolist() == ["good", "good"] and table["better"].tolist() == ["good", "good"]
    assert table["difference"].tolist() == pytest.approx([0.2, -0.2], abs=0.01)
    assert (table["p_holm"] >= table["p"]).all()


def test_one_variant_may_be_asked_for(result):
    assert len(compare(result, metrics=["auprc:v", "token_f1"])) == 2
    assert len(compare(result, metrics=["auprc:*"])) == 1
    with pytest.raises(UsageError, match="no such methods or metrics"):
        compare(result, metrics=["auprc:w"])


def test_metrics_tested_one_at_a_time_and_joined_are_the_table_of_all(result):
    whole = compare(result)
    names = list(dict.fromkeys(whole["metric"]))
    joined = pd.concat([compare(result, metrics=[name]) for name in names], ignore_index=True)
    assert (joined["p_holm"] <= whole["p_holm"]).all() and (joined["p_holm"] < whole["p_holm"]).any()
    pd.testing.assert_frame_equal(corrected(joined), whole)


def test_gains_from_corpus_values_are_the_composite(result, tmp_path):
    other = Result(write(tmp_path / "b" / "examples.parquet", {"good": 0.1, "bad": 0.05}, 0.5), {})
    records = {"a": result.records(resamples=20), "b": other.records(resamples=20)}
    chosen = [Evaluation(id, id, "d", "test", "f", "", tuple(rows)) for id, rows in records.items()]
    values = stored(chosen, systems_of(chosen), gain_metrics(metrics_of(chosen)))
    table, note = gains(values)
    pd.testing.assert_frame_equal(table, composite({"a": result, "b": other}).table())
    assert note.startswith("Relative to these 4 systems") and "Left out" not in note
    alone = [chosen[0]]
    table, note = gains(stored(alone, systems_of(alone), gain_metrics(metrics_of(alone))))
    assert table["system"].tolist() == ["good", "bad"] and note.endswith("missing or equal for all: accuracy.")


def test_a_narrowed_result_is_that_of_its_examples(result, tmp_path):
    ids = [f"e{i}" for i in range(0, 60, 2)]
    few = result.narrowed([*ids, "no such example"])
    table = few.summary(resamples=50)
    assert set(table["n"]) == {30} and set(few.examples()["example_id"]) == set(ids)
    value = result.examples("auprc", "good").set_index("example_id").loc[ids, "value"].mean()
    assert table.set_index(["method", "metric"]).loc[("good", "auprc"), "value"] == pytest.approx(value)
    assert set(compare(few)["n_pairs"]) == {30}
    assert few.narrowed(["e0", "e1"]).examples()["example_id"].unique().tolist() == ["e0"]
    assert not len(result.narrowed([]).summary())


def test_results_on_the_same_data_by_name(result, tmp_path):
    other = Result(write(tmp_path / "b" / "examples.parquet", {"good": 0.1}, 0.5), {"data": {"fingerprint": "x"}})
    table = compare([result, other], baseline="b/good", metrics=["auprc"])
    assert table["first"].tolist() == ["a/good", "a/bad"]
    models = compare({"first": result, "second": other}, methods=["model"])
    assert models[["first", "second", "test"]].values.tolist() == [["first/model", "second/model", "McNemar, exact"]]
    assert models["difference"].iloc[0] == pytest.approx(0.3)


def test_refuses_different_data(result):
    other = Result(result.path, {"data": {"fingerprint": "y"}})
    with pytest.raises(UsageError, match="different data"):
        compare({"a": result, "b": other})
    with pytest.raises(UsageError, match="no such methods"):
        compare(result, methods=["absent"])


def test_composite_counts_the_models_metric_for_each_method(result, tmp_path):
    other = Result(write(tmp_path / "b" / "examples.parquet", {"good": 0.1}, 0.5), {"data": {"fingerprint": "x"}})
    gains = composite({"a": result, "b": other})
    assert gains.composite["a/good"] == pytest.approx(1.0)
    assert gains.desiderata.loc["a/bad", "task"] == 1 and gains.desiderata.loc["b/good", "task"] == 0
    # One model: all tasks are equal, so that desideratum has no gain.
    assert composite(result).composite.isna().all()
    assert composite(result, {"plausibility": ["auprc", "token_f1:v"]}).composite["good"] == 1


def test_command_prints_tests_and_gains(tmp_path):
    folder = Workspace(tmp_path).create_run("evaluate", {}).folder
    write(folder / "examples.parquet", {"good": 0.2, "bad": 0.0})
    ask = CliRunner().invoke
    arguments = ["compare", folder.name, "--metric", "auprc", "--json", "--workspace", str(tmp_path)]
    outcome = ask(make_app(), arguments)
    assert outcome.exit_code == 0, outcome.output
    found = json.loads(outcome.stdout)["comparisons"]
    assert [line["better"] for line in found] == ["good"] and found[0]["n_pairs"] == 60
    text = ask(make_app(), [each for each in arguments if each != "--json"])
    assert "Holm" in text.stdout and "good" in text.stdout


def test_the_newest_evaluation_that_compares_anything_is_opened_first() -> None:
    def results(*methods: str) -> list[dict[str, str]]:
        return [{"method": name} for name in methods]

    texts, words, old = (
        results("lm few_shot", "random"),
        results("saliency", "lime", "random", "model"),
        results("a", "b"),
    )
    assert opening([texts, words, old]) == 1
    assert opening([words, texts]) == 0
    assert opening([texts, results("lime", "gold", "model")]) == 0
    assert opening([results()]) == 0
