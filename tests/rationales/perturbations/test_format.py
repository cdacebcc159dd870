"""Format edits: the same words, written otherwise."""

from __future__ import annotations

import pytest

from rationale_eval.data.example import Example
from rationale_eval.rationales.perturbations import Said, perturb


def changed(text: str, choices: tuple[str, ...] = ("yes", "no")) -> str | None:
    example = Example(id="a", task="t", inputs={"text": "A text."}, choices=choices)
    return perturb(["format"], [Said(example, text, 0)], seed=0)["format"].texts.get("a")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("A boy is not a girl.", "a boy is not a girl"),
        ("two men are people", "2 men are people."),
        ("There are 3 dogs, not twenty.", "there are three dogs, not 20"),
        ("I see it.", "I see it"),
        ("I'm sure", "I'm sure."),
        ('The word "run" is said.', "the word 'run' is said"),
        ("He says 'no' and it's cold", 'he says "no" and it\'s cold.'),
        ("NASA flies.", "NASA flies"),
        ("Really?", "really?"),
        ("At 7:30 or 2.5 % of 1,200 in U.S.", "at 7:30 or 2.5 % of 1,200 in U.S."),
        ("no one is there", "No one is there."),
    ],
)
def test_exact_edits(before: str, after: str) -> None:
    assert changed(before) == after


def test_numbers_of_the_choices_are_left_alone() -> None:
    assert changed("it has 4 legs", ("four", "six")) == "It has 4 legs."
    assert changed("it has four legs", ("four", "six")) == "It has four legs."
    assert changed("it has five legs", ("four", "six")) == "It has 5 legs."
