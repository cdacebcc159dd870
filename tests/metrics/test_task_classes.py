import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import classification_report

from rationale_eval.data.example import Example
from rationale_eval.engine.case import Case
from rationale_eval.errors import UsageError
from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.faithfulness_entropy import divergence, entropy_of

METRICS = load_all()


class PlainCase(Case):
    def whole(self):
        return "whole"


def ask(name, answer, label, **options):
    probabilities = np.full(3, 0.1)
    probabilities[answer] = 0.8
    questions = METRICS[name].ask(PlainCase(Example("e", "t", {"text": "a"}, label=label), []), **options)
    next(questions)
    with pytest.raises(StopIteration) as stop:
        questions.send([probabilities])
    return stop.value.value


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=15))
def test_equals_the_classification_report(pairs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = classification_report(*zip(*pairs, strict=True), output_dict=True, zero_division=0)

    def corpus(name, **options):
        parts = [ask(name, answer, label, **options).parts for label, answer in pairs]
        return float(METRICS[name].reduce(np.sum(parts, axis=0)))

    for quantity, key in (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score")):
        assert corpus(f"weighted_{quantity}") == pytest.approx(report["weighted avg"][key])
        assert corpus(f"macro_{quantity}") == pytest.approx(report["macro avg"][key])
        for choice in range(3):
            if str(choice) in report:
                # A ratio without a denominator is 0 in the report, and undefined here.
                value = corpus(f"class_{quantity}", choice=choice)
                assert (0.0 if np.isnan(value) else value) == pytest.approx(report[str(choice)][key])


def test_undefined_and_refused():
    assert ask("class_f1", 0, None).reason == "no gold label" == ask("weighted_f1", 0, None).reason
    assert ask("class_recall", 0, 1, choice=3).reason == "there is no class 3"
    with pytest.raises(UsageError):
        ask("class_recall", 0, 1, choice=-1)


def test_entropy_and_divergence():
    assert entropy_of(np.array([0.5, 0.5])) == pytest.approx(np.log(2)) and entropy_of(np.array([1.0, 0.0])) == 0
    # Numbers that do not sum to 1 are scaled first.
    assert entropy_of(np.array([2.0, 2.0])) == pytest.approx(np.log(2))
    whole, part = np.array([0.9, 0.1]), np.array([0.5, 0.5])
    assert divergence(whole, part).value == pytest.approx(0.5 * np.log(0.5 / 0.9) + 0.5 * np.log(0.5 / 0.1))
    assert divergence(whole, whole).value == 0
    assert "probability 0" in divergence(np.array([1.0, 0.0]), part).reason
    assert divergence(part, np.array([1.0, 0.0])).value == pytest.approx(np.log(2))
