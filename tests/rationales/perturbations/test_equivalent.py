"""Edits that keep the meaning: exact texts, and what they leave alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rationale_eval.rationales.english.lexicon import antonyms, synonyms
from rationale_eval.rationales.english.listed import listed
from rationale_eval.rationales.english.mentions import mentions
from rationale_eval.rationales.english.word_pairs import ANTONYMS, SYNONYMS
from rationale_eval.rationales.perturbations import PERTURBATIONS
from tests.rationales.perturbations.cases import changed, every, report

EDITS = [name for name, each in PERTURBATIONS.items() if each.effect == "equivalent" and not each.needs]
WORDS = st.sampled_from(
    listed("a the large car shop person is not cannot it's because if two dogs and cats big child usually buys , .")
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("It's warm and they don't run.", "It is warm and they do not run."),
        ("It doesnt mean that he's got a dog", "It does not mean that he has got a dog"),
        ("We can’t say, let's go", "We cannot say, let us go"),
        ("You can not infer it is his party.", "You can't infer it's his party."),
        ("A boy is not a girl", "A boy isn't a girl"),
        ("IT IS THE PLACE", "IT'S THE PLACE"),
        ("They will not say what it is.", "They won't say what it is."),
        ("John's dog isn't it", None),
        ("He'd gone", None),
        ("The man sits", None),
        ("there are more than it is in winter", None),
    ],
)
def test_contraction(before: str, after: str | None) -> None:
    assert changed("contraction", before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("The boy smiles because he is happy.", "Because he is happy, the boy smiles."),
        ("If the street is busy, then the street is loud.", "The street is loud if the street is busy."),
        ("you move when you walk", "when you walk, you move"),
        ("Gold is heavy while wood is light", "While wood is light, gold is heavy"),
        # He would come before the man that he is.
        ("If the man sleeps, he rests.", None),
        ("Just because a man runs, he is not late.", None),
        ("It is because he runs.", None),
        ("We do not know if he runs.", None),
        ("He is not necessarily sad because he weeps.", None),
        ("Cats and dogs are animals.", "Dogs and cats are animals."),
        ("The street is wet or dirty.", "The street is dirty or wet."),
        ("A man and a woman are here.", "A woman and a man are here."),
        ("A white shirt and tie is worn.", None),
        ("A taxi is a car and a child can ride.", None),
        ("He is looking for shells and napping.", None),
        ("Dory has no fins because she is human.", "Because she is human, Dory has no fins."),
        ("He sits.", None),
    ],
)
def test_reorder(before: str, after: str | None) -> None:
    assert changed("reorder", before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("The man repairs it in a shop.", {"The man fixes it in a store."}),
        ("It happened in a car.", {"It occurred in an auto.", "It occurred in an automobile."}),
        ("CHILDREN play", {"KIDS play"}),
        ("Dogs eat meat.", {"Dogs consume meat."}),
        ("Dogs eat in here.", set()),
        ("It is bigger than a cup.", {"It is larger than a cup."}),
        # Every occurrence of a word is replaced, and so the sentence still speaks of one thing.
        ("A movie is a movie.", {"A film is a film."}),
        # Part of a compound, of a verb with a particle, or in the text already.
        ("The car radio ends up here.", set()),
        ("A shop is a store.", set()),
        ("See photo.com", set()),
    ],
)
def test_synonym(before: str, after: set[str]) -> None:
    assert every("synonym", before) == after


def test_synonym_leaves_the_words_of_the_choices_alone() -> None:
    assert every("synonym", "He buys a car in the shop.", ("car shop", "school")) == {"He purchases a car in the shop."}
    assert every("synonym", "He buys a car.", ("auto", "automobile")) == {"He purchases a car."}


@pytest.mark.parametrize("table", [SYNONYMS, ANTONYMS])
def test_confirmed_pairs_are_pairs_of_the_lexicon(table: dict[str, dict[str, tuple[str, ...]]]) -> None:
    listed = synonyms if table is SYNONYMS else antonyms
    assert [
        (word, other)
        for pairs in table.values()
        for word, others in pairs.items()
        for other in others
        if other not in listed(word)
    ] == []


@given(st.lists(WORDS, min_size=1, max_size=14), st.integers(0, 5))
def test_words_of_the_choices_stay(words: list[str], seed: int) -> None:
    text, choices = " ".join(words), ("large car", "two dogs")
    for name in EDITS:
        if name == "reorder":  # A phrase may be parted by another order of words.
            continue
        after = changed(name, text, choices, seed=seed)
        assert after is None or all(mentions(after, choice) == mentions(text, choice) for choice in choices)


def test_reasons_are_told() -> None:
    assert dict(report("synonym", "The sun.").reasons) == {"no word has a synonym that is sure enough": 1}
    assert dict(report("contraction", "The sun.").reasons) == {"there is nothing to write out or to contract": 1}
