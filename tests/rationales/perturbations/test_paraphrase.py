"""What a paraphrase must keep, and that the perturbation tries, checks and tells why it gave up."""

from __future__ import annotations

import pytest

from rationale_eval.errors import UsageError
from rationale_eval.rationales.english.same_meaning import why_not_same
from rationale_eval.rationales.perturbations import PERTURBATIONS, paraphrase, perturb
from tests.rationales.perturbations.cases import said


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("A boy sleeps in a bed.", "In a bed sleeps a boy.", "another order"),
        ("A boy sleeps.", "The boy is sleeping.", ""),
        ("He buys a car.", "He is purchasing an automobile.", ""),
        ("A boy sleeps.", "a boy sleeps", "repeated"),
        ("A boy sleeps.", "A boy does not sleep.", "negations"),
        ("Two boys sleep.", "Three boys sleep.", "other numbers"),
        ("2 boys sleep.", "The two boys sleep.", ""),
        ("All boys sleep.", "The boys sleep.", "how often"),
        ("He sleeps because it is night.", "He sleeps, so it is night.", "or why"),
        ("A boy sleeps.", "A boy can sleep.", "can be"),
        ("A boy and his dog sleep.", "A boy sleeps with his", "loses content"),
        ("A boy sleeps.", "A boy sleeps on the warm floor of a house.", "too long"),
        ("A small boy sleeps.", "The small boy sleeps at home.", "adds content"),
        ("A boy sleeps there.", "A boy sleeps there under it.", "adds content"),
        ("You sleep in a bed.", "A bed is for you to sleep in.", "another order"),
        ("It is for sleep in a bed.", "It is for a nap.", "leaves out the answer"),
        ("You sleep there.", "You sleep on a desk there.", "another choice"),
    ],
)
def test_what_speaks_against_a_paraphrase(old: str, new: str, why: str) -> None:
    found = why_not_same(said(old, ("bed", "desk")), new)
    assert why in found and bool(why) == bool(found)


def test_it_tries_again_until_a_text_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def written(given, lm, seed, attempt):
        asked.append((attempt, len(given)))
        return {one.example.id: "The boy is sleeping." if attempt == 2 else "A boy runs." for one in given}

    monkeypatch.setattr(paraphrase, "_written", written)
    found = perturb(["paraphrase"], [said("A boy sleeps.")], seed=0, lm=object())["paraphrase"]
    assert found.texts == {"a": "The boy is sleeping."}
    assert asked == [(0, 1), (1, 1), (2, 1)]
    found = perturb(["paraphrase"], [said("A girl walks.")], seed=0, lm=object())["paraphrase"]
    assert dict(found.report.reasons) == {"the paraphrase loses content words": 1}


def test_it_needs_a_language_model() -> None:
    assert PERTURBATIONS["paraphrase"].needs == ("lm",)
    with pytest.raises(UsageError, match="paraphrase needs a language model"):
        perturb(["paraphrase"], [said("A boy sleeps.")], seed=0)
