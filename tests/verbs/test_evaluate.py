"""The evaluate verb: the engine's answers, every metric, every edge of the input, streamed to a table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example, Task
from rationale_eval.data.rationale import Explanations, WordScores
from rationale_eval.errors import InputError, UsageError
from rationale_eval.verbs.chosen_metrics import choose_metrics
from rationale_eval.verbs.evaluate import evaluate
from rationale_eval.verbs.matching import in_model_order
from rationale_eval.verbs.result import Result
from tests.helpers.linear import LinearModel

CHOICES = ("a", "b", "c")
TASK = Task("toy", "classification", ("text",), CHOICES)
VOCABULARY = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]


def examples(count: int, seed: int = 0) -> list[Example]:
    draw = np.random.default_rng(seed)
    made = []
    for number in range(count):
        text = " ".join(draw.choice(VOCABULARY, size=draw.integers(3, 12)))
        first = len(text.split()[0])
        made.append(Example(f"e{number}", "toy", {"text": text}, CHOICES, number % 3, evidence={"text": ((0, first),)}))
    return made


def dataset(count: int = 20) -> RationaleDataset:
    return RationaleDataset.from_examples(examples(count), TASK, name="toy", cluster_field=None)


def rationales(data: RationaleDataset, name: str = "noise", seed: int = 0, order=lambda items: items) -> Explanations:
    def source():
        draw = np.random.default_rng(seed)
        made = []
        for example in data:
            words = data.words(example)
            made.append(WordScores(example.id, name, words, draw.normal(size=len(words))))
        return iter(order(made))

    return Explanations(name, source)


def test_a_summary_has_every_metric_with_interval_and_direction():
    data = dataset()
    result = evaluate(data, [rationales(data), rationales(data, "other", 1)], model=LinearModel())
    table = result.summary(resamples=200)
    assert set(table["method"]) == {"noise", "other", "model"}
    comp = table[(table["metric"] == "comprehensiveness_aopc") & (table["method"] == "noise")].iloc[0]
    assert comp["ci_low"] < comp["value"] < comp["ci_high"]
    assert comp["n"] == 20 and comp["coverage"] == 1.0 and comp["direction"] == "higher"
    accuracy = table[table["metric"] == "accuracy"].iloc[0]
    assert 0 <= accuracy["value"] <= 1 and accuracy["method"] == "model"


def test_the_order_of_rationales_the_batch_and_the_window_change_nothing():
    data = dataset()
    metrics = [
        "comprehensiveness_aopc",
        "sufficiency_aopc",
        "soft_sufficiency",
        "tau_loo",
        "decision_flip",
        "infidelity",
    ]
    plain = evaluate(data, rationales(data), model=LinearModel(), metrics=metrics).examples()
    backwards = evaluate(
        data, rationales(data, order=lambda m: m[::-1]), model=LinearModel(), metrics=metrics
    ).examples()
    pd.testing.assert_frame_equal(plain, backwards)


def test_a_method_scores_the_same_alone_and_in_company():
    data = dataset(8)
    alone = evaluate(data, rationales(data), model=LinearModel(), metrics=["csd", "soft_comprehensiveness"]).examples()
    many = [rationales(data), *(rationales(data, f"m{seed}", seed) for seed in range(1, 4))]
    company = evaluate(data, many, model=LinearModel(), metrics=["csd", "soft_comprehensiveness"]).examples(
        method="noise"
    )
    pd.testing.assert_frame_equal(alone, company)


def test_a_second_evaluation_runs_no_pass(tmp_path):
    data, memory = dataset(10), tmp_path / "memory.sqlite"
    first = evaluate(data, rationales(data), model=LinearModel(), memory=memory)
    again = evaluate(data, rationales(data), model=LinearModel(), memory=memory)
    assert first.provenance["engine"]["passes"] > 50
    assert again.provenance["engine"]["passes"] == 0
    pd.testing.assert_frame_equal(first.examples(), again.examples())


def test_without_a_model_only_plausibility_is_scored():
    data = dataset(6)
    result = evaluate(data, rationales(data))
    assert set(result.examples()["metric"]) == {"token_f1", "iou_f1", "auprc", "average_precision"}


def test_asking_for_what_needs_a_model_without_one_is_one_sentence():
    data = dataset(3)
    with pytest.raises(UsageError, match="comprehensiveness_aopc needs a model"):
        evaluate(data, rationales(data), metrics=["comprehensiveness_aopc"])
    with pytest.raises(UsageError, match="auprc needs rationales"):
        evaluate(data, model=LinearModel(), metrics=["auprc"])


def test_unknown_names_suggest_the_closest():
    with pytest.raises(UsageError, match="did you mean comprehensiveness"):
        choose_metrics(["comprehensivness"])
    with pytest.raises(UsageError, match="token_f1 has no variant 'mikro'; choose one of macro, micro"):
        choose_metrics(["token_f1:mikro"])


def test_all_variants_and_options():
    chosen = choose_metrics(["comprehensiveness_aopc:*", "auprc"], {"removal": "mask", "bins": (10.0,)})
    assert [(w.metric.name, w.variant) for w in chosen[:3]] == [
        ("comprehensiveness_aopc", "eraser"),
        ("comprehensiveness_aopc", "unirex"),
        ("comprehensiveness_aopc", "ferret"),
    ]
    assert chosen[0].options["removal"] == "mask" and chosen[0].options["bins"] == (10.0,)
    assert "removal" not in chosen[3].options


def test_a_missing_rationale_names_the_example():
    data = dataset(5)
    with pytest.raises(InputError, match="'noise' have none for example 'e4'"):
        evaluate(data, rationales(data, order=lambda made: made[:4]), model=LinearModel())


def test_other_words_are_refused():
    data = dataset(2)
    wrong = Explanations("m", lambda: [WordScores("e0", "m", data.words(next(iter(data)))[:1], np.ones(1))])
    with pytest.raises(InputError, match="has other words than the data set"):
        evaluate(data, wrong)


def test_two_sets_of_one_name_are_refused():
    data = dataset(2)
    with pytest.raises(UsageError, match="two sets of rationales are called 'noise'"):
        evaluate(data, [rationales(data), rationales(data)])


def test_no_gold_is_undefined_with_a_reason_and_counted():
    made = [*examples(3), Example("bare", "toy", {"text": "alpha beta"}, CHOICES, None)]
    data = RationaleDataset.from_examples(made, TASK)
    result = evaluate(data, rationales(data), model=LinearModel(), metrics=["auprc", "accuracy"])
    rows = result.examples().set_index(["metric", "example_id"])
    assert np.isnan(rows.loc[("auprc", "bare"), "value"])
    assert rows.loc[("auprc", "bare"), "reason"] == "the example has no gold highlights"
    assert rows.loc[("accuracy", "bare"), "reason"] == "the example has no gold label"
    summary = result.summary(resamples=50).set_index("metric")
    assert summary.loc["auprc", "coverage"] == 0.75 and summary.loc["auprc", "n"] == 3


def test_labels_follow_the_models_order():
    model = LinearModel(("c", "a", "b"))
    example = Example("x", "toy", {"text": "alpha"}, CHOICES, 1)
    ordered = in_model_order(example, model)
    assert ordered.choices == ("c", "a", "b") and ordered.choices[ordered.label] == "b"
    with pytest.raises(UsageError, match="chooses among c, a, b, but example 'x' offers yes, no"):
        in_model_order(Example("x", "toy", {"text": "alpha"}, ("yes", "no"), 1), model)


def test_accuracy_does_not_depend_on_the_order_of_labels():
    data = dataset(30)
    renamed = [
        Example(e.id, e.task, e.inputs, ("c", "b", "a"), ("c", "b", "a").index(e.choices[e.label])) for e in data
    ]
    turned = RationaleDataset.from_examples(renamed, Task("toy", "classification", ("text",), ("c", "b", "a")))
    values = [
        evaluate(each, model=LinearModel(), metrics=["accuracy", "macro_f1", "ece"]).summary(resamples=50)["value"]
        for each in (data, turned)
    ]
    np.testing.assert_allclose(values[0], values[1])


def test_multiple_choice_models_are_scored_too():
    made = [
        Example(f"e{n}", "mc", {"text": f"alpha {word} beta"}, ("red", "green", "blue"), n % 3)
        for n, word in enumerate(VOCABULARY)
    ]
    data = RationaleDataset.from_examples(made, Task("mc", "multiple_choice", ("text",)))
    table = evaluate(data, rationales(data), model=LinearModel(None)).summary(resamples=50)
    assert not table.set_index("metric").loc[["comprehensiveness_aopc", "accuracy"], "value"].isna().any()
    assert "macro_f1" not in set(table["metric"])
    with pytest.raises(UsageError, match="macro_f1 needs the same choices for every example"):
        evaluate(data, rationales(data), model=LinearModel(None), metrics=["macro_f1"])


def test_a_result_is_read_back(tmp_path):
    data = dataset(3)
    result = evaluate(data, rationales(data), out=tmp_path / "examples.parquet")
    pd.testing.assert_frame_equal(Result.load(tmp_path).examples(), result.examples())
    with pytest.raises(InputError, match=r"holds no examples\.parquet"):
        Result.load(tmp_path / "nowhere")


def test_the_models_answers_stand_beside_the_scores_in_the_data_sets_order_of_choices():
    data = dataset(8)
    turned_choices = ("c", "a", "b")
    renamed = [Example(e.id, e.task, e.inputs, turned_choices, turned_choices.index(e.choices[e.label])) for e in data]
    turned = RationaleDataset.from_examples(renamed, Task("toy", "classification", ("text",), turned_choices))
    first, second = (evaluate(each, model=LinearModel(), metrics=["accuracy"]) for each in (data, turned))
    plain, other = first.predictions(), second.predictions()
    assert list(plain["example_id"]) == [f"e{n}" for n in range(8)]
    assert set(plain["system"]) == {"model"} and set(plain["seen"]) == {"input"}
    right = first.examples(metric="accuracy")["value"]
    for one, same, example, hit in zip(plain.itertuples(), other.itertuples(), data, right, strict=True):
        assert one.probabilities.sum() == pytest.approx(1)
        assert one.choice == one.probabilities.argmax()
        assert (one.choice == example.label) == hit
        assert turned_choices[same.choice] == CHOICES[one.choice]
        by_name = dict(zip(turned_choices, same.probabilities, strict=True))
        np.testing.assert_allclose([by_name[name] for name in CHOICES], one.probabilities)
    assert evaluate(data, rationales(data)).predictions().empty


def test_truncated_examples_are_counted():
    data = dataset(20)
    result = evaluate(data, rationales(data), model=LinearModel(max_length=8), metrics=["comprehensiveness_aopc"])
    expected = sum(len(data.words(example)) > 5 for example in data)
    assert result.provenance["truncated"] == expected > 0


def test_max_sensitivity_asks_the_method_again():
    data = dataset(3)
    result = evaluate(
        data,
        rationales(data),
        model=LinearModel(),
        metrics=["max_sensitivity"],
        explainers={"noise": lambda asked: [np.zeros(one.encoding.words) for one in asked]},
    )
    np.testing.assert_allclose(result.examples()["value"], 1.0)
    silent = evaluate(data, rationales(data), model=LinearModel(), metrics=["max_sensitivity"]).examples()
    assert set(silent["reason"]) == {"the method cannot be run again on a changed input"}
