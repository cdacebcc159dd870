"""Other inputs that a rationale speaks about: by fixed templates, or written by a language model.

And what a simulator is shown, who has to guess the model's answer to them from its rationale alone. All wording is
ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, Literal

from rationale_eval.data.example import Example
from rationale_eval.engine.ask_text import Who, Write
from rationale_eval.rationales.completion import choice_named
from rationale_eval.rationales.reading import with_input
from rationale_eval.rationales.template import one_line

TEMPLATES: Final = (
    "Suppose that it has nothing to do with {word}.",
    "Suppose that {word} is all that counts.",
    "Suppose that nobody has ever heard of {word}.",
)
"""Sentences added to an input, one for each content word of the rationale, in turn."""

MOST: Final = 10
"""Most counterfactual inputs for one example."""

LEAST_WORDS: Final = 3
"""A written input with fewer words is malformed."""

CANNOT: Final = "cannot guess"
NEITHER: Final = "neither"

Guess = int | Literal["cannot guess", "neither"]
"""A choice; that the rationale does not tell; or a reply that is none of these."""

_WRITE: Final = (
    "Somebody answered a question and gave a reason. Write another question of the same kind that the reason also "
    "helps to answer.\n\n"
    "Question: Can a penguin fly over a house?\nReason: Penguins are birds that cannot fly.\n"
    "Another question: Can a penguin fly across a lake?\n\n"
    "Question: Where would you put milk so that it stays fresh?\nReason: Milk stays fresh where it is cold.\n"
    "Another question: Where would you put milk on a hot day?\n\n"
)
_GUESS: Final = (
    "Somebody answered a question and gave a reason. Say how the same person would answer another question. If the "
    "reason does not tell, say: cannot guess.\n\n"
    "Question: Can a penguin fly over a house?\nAnswer: no\nReason: Penguins are birds that cannot fly.\n"
    "Another question: Can a penguin fly across a lake?\nOptions: yes, no\nThe answer would be: no\n\n"
    "Question: Where would you put milk?\nAnswer: fridge\nReason: Milk stays fresh where it is cold.\n"
    "Another question: Who built the bridge?\nOptions: a king, a farmer, a poet\nThe answer would be: cannot guess\n\n"
)


def content_words(text: str) -> list[str]:
    """Words of a text that are no stop words, each once, in lower case and in order."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    found = re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text.casefold())
    return list(dict.fromkeys(word for word in found if word not in ENGLISH_STOP_WORDS and len(word) > 1))


def by_template(example: Example, rationale: str, most: int = MOST) -> list[Example]:
    """Inputs with one sentence more, about a content word of the rationale; none for a rationale without any."""
    field, text = list(example.inputs.items())[-1]
    return [
        with_input(example, field, f"{text} {TEMPLATES[place % len(TEMPLATES)].format(word=word)}")
        for place, word in enumerate(content_words(rationale)[:most])
    ]


def ask_for_others(example: Example, rationale: str, most: int = MOST) -> list[Write]:
    """Asks for other inputs, of the explained model and of the helper in turn, drawn at temperature 1."""
    text = list(example.inputs.values())[-1]
    prompt = f"Question: {one_line(text)}\nReason: {one_line(rationale)}\nAnother question:"
    whom: tuple[Who, Who] = ("lm", "helper")
    return [Write(_WRITE, prompt, 48, ("\n",), temperature=1.0, seed=draw, who=whom[draw % 2]) for draw in range(most)]


def well_formed(example: Example, written: Iterable[object]) -> list[Example]:
    """The inputs that were written, without what is malformed (too short), a duplicate, or the input itself."""
    field, text = list(example.inputs.items())[-1]
    known, found = {_plain(text)}, []
    for one in written:
        if isinstance(one, str) and len(one.split()) >= LEAST_WORDS and _plain(one) not in known:
            known.add(_plain(one))
            found.append(with_input(example, field, one.strip()))
    return found


def ask_simulator(example: Example, answer: int, rationale: str, other: Example) -> Write:
    """Asks the helper how the model would answer another input; it sees the first with its answer and the rationale."""
    prompt = (
        f"Question: {_shown(example)}\nAnswer: {example.choices[answer]}\nReason: {one_line(rationale)}\n"
        f"Another question: {_shown(other)}\nOptions: {', '.join(other.choices)}\nThe answer would be:"
    )
    return Write(_GUESS, prompt, 24, ("\n",), who="helper")


def read_guess(other: Example, said: object) -> Guess:
    """What a simulator's reply says; nothing is guessed for it."""
    if not isinstance(said, str):
        return NEITHER
    if CANNOT in " ".join(said.casefold().split()):
        return CANNOT
    named = choice_named(other, said)
    return NEITHER if named is None else named


def _shown(example: Example) -> str:
    return " ".join(one_line(text) for text in example.inputs.values())


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))


def texts_of(examples: Sequence[Example]) -> list[str]:
    """The input field that was changed, of each."""
    return [list(example.inputs.values())[-1] for example in examples]
