"""Edits that change the meaning: exact texts, and where they hold back."""

from __future__ import annotations

import pytest

from rationale_eval.rationales.english.kinds import COMMON, PROPER
from tests.rationales.perturbations.cases import changed, every, report


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("A boy is not a girl.", "A boy is a girl."),
        ("It doesn't mean he runs.", "It means he runs."),
        ("He did not go.", "He went."),
        ("They do not have any sign.", "They have some sign."),
        ("There is no sign of it.", "There is some sign of it."),
        ("You cannot eat a stone", "You can eat a stone"),
        ("We can't see", "We can see"),
        ("He won't come", "He will come"),
        ("Not all men run.", "All men run."),
        ("No one can fly.", "Someone can fly."),
        ("Nothing moves", "Something moves"),
        ("A plane can never swim", "A plane can always swim"),
        ("The roof is red but not green", "The roof is red and green"),
        ("A man sits on a bench.", "A man does not sit on a bench."),
        ("The dog chased it", "The dog did not chase it"),
        ("Dogs swim in the sea.", "Dogs do not swim in the sea."),
        ("A car can be fast", "A car cannot be fast"),
        ("He has been there", "He has not been there"),
        ("If a man sleeps, he is resting.", "If a man sleeps, he is not resting."),
        ("A man who runs is moving.", "A man who runs is not moving."),
        # Nothing that could be denied cleanly.
        ("Neither a boy nor a girl.", None),
        ("not only a boy runs", None),
        ("a bright morning", None),
        ("He could've run", None),
        ("It must be either a man or a girl", None),
        ("Buy a house", None),
        ("They do not run any longer.", None),
    ],
)
def test_negation(before: str, after: str | None) -> None:
    assert changed("negation", before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("The water is hot.", {"The water is cold."}),
        ("Women laughed", {"Men laughed", "Women cried"}),
        ("An old brush is useful", {"A new brush is useful", "A young brush is useful", "An old brush is useless"}),
        ("It is possible", {"It is impossible"}),
        ("This is the same as that.", {"This is different from that."}),
        ("They are different.", {"They are the same."}),
        # It would deny itself.
        ("A boy is a girl.", set()),
        ("just because of it", set()),
        ("New York", set()),
    ],
)
def test_antonym(before: str, after: set[str]) -> None:
    assert every("antonym", before) == after


def test_entity_stays_within_its_kind() -> None:
    found = every("entity", "It is on Monday.")
    assert found and found <= {f"It is on {day}." for day in PROPER["weekday"] if day != "Monday"}
    found = every("entity", "An elephant")
    assert len(found) > 5 and all(text.split()[0] == ("An" if text.split()[1][0] in "aeiou" else "A") for text in found)
    assert {text.split()[1] for text in found} <= set(COMMON["animal"]) - {"elephant"}
    assert every("entity", "He has two dogs") & {"He has three dogs", "He has two cats"}
    assert every("entity", "It has 4 wheels") == {f"It has {n} wheels" for n in (5, 6, 3, 8, 12)}


@pytest.mark.parametrize("text", ["He is the only one", "a bus stop", "the White House", "the sun"])
def test_entity_holds_back(text: str) -> None:
    assert every("entity", text) == set()


def test_label_swap_replaces_the_answer_wherever_it_stands() -> None:
    choices = ("bed", "iron chair", "desk")
    assert every("label_swap", "A bed is a Bed.", choices) == {"An iron chair is an Iron chair.", "A desk is a Desk."}
    assert every("label_swap", "Not a desk but a bed", choices) == {"Not a desk but an iron chair"}


def test_label_swap_needs_a_mention_as_whole_words() -> None:
    told = {"it does not mention its answer": 1}
    assert dict(report("label_swap", "bedtime", ("bed", "desk")).reasons) == told
    assert dict(report("label_swap", "at a desk", ("bed", "desk")).reasons) == told
    assert every("label_swap", "at a desk", ("bed", "desk"), answer=None) == {"at a bed"}


def test_label_swap_takes_no_choice_that_holds_the_answer() -> None:
    assert dict(report("label_swap", "in bed", ("bed", "big bed", "in")).reasons) == {
        "every other choice is mentioned, too, or of another kind of phrase": 1
    }
