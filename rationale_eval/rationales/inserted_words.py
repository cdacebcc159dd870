"""Words put into an input: an adjective before a noun, an adverb before a verb."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from rationale_eval.data.example import Example
from rationale_eval.rationales.english.edit import Edit, edited
from rationale_eval.rationales.english.listed import listed
from rationale_eval.rationales.english.tokens import Token, tokens
from rationale_eval.rationales.reading import with_input

ADJECTIVES: Final = listed(
    "old new young small large strange famous quiet lonely happy angry tired wooden green yellow expensive cheap "
    "broken foreign ordinary dangerous gentle clever hungry cold warm empty heavy secret careless"
)
ADVERBS: Final = listed(
    "slowly quickly quietly secretly happily angrily rarely often carefully carelessly suddenly finally simply gladly "
    "badly bravely politely loudly calmly nearly hardly never always sadly eagerly patiently blindly openly kindly"
)


@dataclass(frozen=True, slots=True)
class Inserted:
    """An example with one word more.

    Args:
        example: The example.
        word: The word.
    """

    example: Example
    word: str


def insertions(example: Example, places: int, words: int, rng: np.random.Generator) -> Iterator[list[Inserted]]:
    """The examples to be tried, place by place.

    Args:
        example: The example.
        places: Most places, drawn among all nouns and verbs of all fields.
        words: Words tried at each, drawn from our lists.
        rng: Draws both.
    """
    spots = [
        (field, token, ADJECTIVES if token.pos == "NOUN" else ADVERBS)
        for field, text in example.inputs.items()
        for token in tokens(text)
        if token.pos in ("NOUN", "VERB")
    ]
    for place in rng.permutation(len(spots))[:places]:
        field, token, known = spots[place]
        drawn = [known[at] for at in rng.permutation(len(known))[:words]]
        yield [Inserted(_with(example, field, token, word), word) for word in drawn]


def _with(example: Example, field: str, token: Token, word: str) -> Example:
    edit = Edit(token.start, token.end, f"{word} {token.low}")
    return with_input(example, field, edited(example.inputs[field], [edit]))
