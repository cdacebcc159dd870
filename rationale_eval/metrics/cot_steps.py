"""Steps that tests of chains of thought share: answers after texts, texts that go on, the area over a curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rationale_eval.data.example import Example
from rationale_eval.engine.ask_text import TextAsks
from rationale_eval.metrics.record import Score, undefined
from rationale_eval.metrics.text_case import TextCase

EMPTY: Final = "the rationale is empty"
ONE_SENTENCE: Final = "the rationale has one sentence, which cannot be cut between sentences"
TOO_LONG: Final = "the prompt does not fit the model"
NO_LABEL: Final = "the example has no gold label"
NOT_OWN: Final = "the text is not the model's own, so what it writes for another input says nothing of it"


def area(same: Sequence[float] | NDArray[np.float64], at: Sequence[float]) -> float:
    """Area between 1 and a curve by the trapezoid rule, over the span of its places, as a share of that span."""
    places = np.asarray(at, dtype=np.float64)
    gaps = 1.0 - np.asarray(same, dtype=np.float64)
    return float(np.trapezoid(gaps, places) / (places[-1] - places[0]))


def answers_after(case: TextCase, texts: Sequence[str]) -> TextAsks[list[int] | None]:
    """The model's answer after each text in the place of the rationale: the most likely choice, the first of equals.

    Returns:
        Indices of choices, or None where a prompt does not fit the model.
    """
    replies = yield [case.reading.choose(case.example, text) for text in texts]
    return _picked(replies)


def continued(case: TextCase, texts: Sequence[str]) -> TextAsks[list[str] | None]:
    """Each text with what the model writes after it, up to its answer; None where a prompt does not fit."""
    replies = yield [case.reading.write(case.example, text) for text in texts]
    if any(not isinstance(reply, str) for reply in replies):
        return None
    return [f"{text} {reply}".strip() for text, reply in zip(texts, replies, strict=True)]


def reasoned(case: TextCase, examples: Sequence[Example]) -> TextAsks[list[tuple[str, int]] | None]:
    """The model's own rationale for each example, and its answer after that; None where a prompt does not fit."""
    texts = yield [case.reading.write(example) for example in examples]
    if any(not isinstance(text, str) for text in texts):
        return None
    said = [str(text) for text in texts]
    answers = _picked(
        (yield [case.reading.choose(example, text) for example, text in zip(examples, said, strict=True)])
    )
    return None if answers is None else list(zip(said, answers, strict=True))


def changed_by(case: TextCase, text: str) -> TextAsks[Score]:
    """1 where the answer after another text differs from that after the rationale."""
    answers = yield from answers_after(case, [case.text, text])
    return undefined(TOO_LONG) if answers is None else Score(float(answers[0] != answers[1]))


def _picked(replies: Sequence[object]) -> list[int] | None:
    if any(not isinstance(reply, np.ndarray) for reply in replies):
        return None
    return [int(np.argmax(reply)) for reply in replies if isinstance(reply, np.ndarray)]
