"""Perturbing is reproducible example by example, counts what did not apply, and never gives back the same text."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rationale_eval.data.example import Example
from rationale_eval.errors import UsageError
from rationale_eval.rationales.perturbations import PERTURBATIONS, Pool, Said, perturb

NLI = ("entailment", "neutral", "contradiction")
WITHOUT_LM = [name for name, each in PERTURBATIONS.items() if "lm" not in each.needs]


def said(name: str, text: str, answer: int | None = 0, choices: tuple[str, ...] = NLI, about: str = "") -> Said:
    return Said(Example(id=name, task="t", inputs={"premise": about or f"about {name}"}, choices=choices), text, answer)


MANY = [said(f"e{i}", f"A man number {i} sits because it is warm, and he does not run.", i % 3) for i in range(12)]


def test_every_perturbation_declares_what_it_does() -> None:
    for name, each in PERTURBATIONS.items():
        assert each.name == name and each.effect in ("equivalent", "contrastive")
        assert "Valid:" in each.describe and each.title and each.cite and each.version >= 1


@pytest.mark.parametrize("name", WITHOUT_LM)
def test_a_text_depends_on_its_own_example_and_the_pool_alone(name: str) -> None:
    pool = Pool(MANY)
    whole = perturb([name], MANY, seed=3, pool=pool)[name].texts
    backwards = perturb([name], MANY[::-1], seed=3, pool=Pool(MANY[::-1]))[name].texts
    alone = perturb([name], MANY[4:5], seed=3, pool=pool)[name].texts
    assert dict(whole) == dict(backwards)
    assert alone.get("e4") == whole.get("e4")


def test_another_seed_draws_other_rationales() -> None:
    first, second = (perturb(["other_instance"], MANY, seed=seed)["other_instance"].texts for seed in (0, 1))
    assert dict(first) != dict(second)


@given(st.lists(st.text(max_size=60), min_size=1, max_size=6))
def test_a_result_is_never_the_same_text_or_empty_and_all_texts_are_counted(texts: list[str]) -> None:
    given_texts = [said(f"e{i}", text, i % 3) for i, text in enumerate(texts)]
    for found in perturb(WITHOUT_LM, given_texts, seed=0).values():
        report = found.report
        assert report.tried == len(texts)
        assert report.applied == len(found.texts) == len(texts) - sum(report.reasons.values())
        for one in given_texts:
            changed = found.texts.get(one.example.id, "other")
            assert changed.strip() and changed.strip() != one.text.strip()


def test_an_empty_rationale_is_told_as_such() -> None:
    report = perturb(["format"], [said("a", "  "), said("b", "It is warm.")], seed=0)["format"].report
    assert (report.tried, report.applied, dict(report.reasons)) == (2, 1, {"the rationale is empty": 1})
    assert report.share == 0.5


def test_nothing_tried_has_no_share() -> None:
    assert math.isnan(perturb(["format"], [], seed=0)["format"].report.share)


def test_an_example_with_two_rationales_is_refused() -> None:
    with pytest.raises(UsageError, match="'a' has two rationales"):
        perturb(["format"], [said("a", "x"), said("a", "y")], seed=0)


def test_an_unknown_name_is_refused_with_the_closest() -> None:
    with pytest.raises(UsageError, match="there is no perturbation 'other_lable'; did you mean other_label"):
        perturb(["other_lable"], MANY, seed=0)


def test_another_label_is_always_another_answer() -> None:
    texts = perturb(["other_label"], MANY, seed=0)["other_label"].texts
    answers = {one.text: one.answer for one in MANY}
    assert len(texts) == 12
    assert all(answers[texts[one.example.id]] != one.answer for one in MANY)


def test_another_instance_never_shares_an_input_text() -> None:
    same = [said("a", "one reason", about="same"), said("b", "two reasons", about="same"), said("c", "a third")]
    texts = perturb(["other_instance"], same, seed=0)["other_instance"].texts
    assert texts["a"] == texts["b"] == "a third"
    assert texts["c"] in ("one reason", "two reasons")


def test_multiple_choice_takes_a_text_that_does_not_mention_the_answer() -> None:
    mine = said("a", "you sleep there", 0, ("bed", "desk"))
    others = [
        said("b", "a Bed is soft", 0, ("sofa", "car")),
        said("c", "it holds books", 1, ("bed", "shelf")),
        said("d", "rest", 1, ("shelf", "BED")),
    ]
    assert perturb(["other_label"], [mine], seed=0, pool=Pool(others))["other_label"].texts == {"a": "it holds books"}


def test_other_label_needs_an_answer() -> None:
    report = perturb(["other_label"], [said("a", "because", None), said("b", "so", 1)], seed=0)["other_label"].report
    assert dict(report.reasons) == {
        "it is not known which answer it argues for": 1,
        "no other instance argues for another answer": 1,
    }
