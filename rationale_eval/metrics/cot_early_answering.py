"""Early answering: does the answer come before the reasons do?

The rationale's sentences are s_1 ... s_m; the model answers after each s_1 ... s_t, t = 0 ... m. With f(t) = 1 where
that answer is the one after the whole rationale, an example's value is the area between 1 and f over the share of the
rationale given:

    AOC = integral from 0 to 1 of 1 - f(t / m)      (trapezoid)

The mean over examples is the published average over lengths weighted by how frequent they are, since the area of a mean
curve is the mean of areas.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from rationale_eval.engine.ask_text import Reply, TextAsks
from rationale_eval.metrics.record import Score, metric, undefined
from rationale_eval.metrics.text_case import TextCase
from rationale_eval.rationales.reading import states_answer
from rationale_eval.rationales.sentences import sentences

Cut = Literal["sentences", "unstated", "first_third"]

EMPTY: Final = "the rationale is empty"
ONE_SENTENCE: Final = "the rationale has one sentence, which cannot be cut between sentences"
TOO_LONG: Final = "the prompt does not fit the model"
STATED: Final = "the first sentence already names the answer"


def area(same: Sequence[float] | NDArray[np.float64], at: Sequence[float]) -> float:
    """Area between 1 and a curve by the trapezoid rule, over the span of its places, as a share of that span."""
    places = np.asarray(at, dtype=np.float64)
    gaps = 1.0 - np.asarray(same, dtype=np.float64)
    return float(np.trapezoid(gaps, places) / (places[-1] - places[0]))


def picked(reply: Reply) -> int | None:
    """The most likely choice, the first of equals; None where the prompt did not fit."""
    return None if reply is None else int(np.argmax(reply))


@metric(
    "early_answering",
    family="chain_of_thought",
    symbol="EA",
    title="Early answering",
    direction="higher",
    range=(0.0, 1.0),
    best=None,
    needs=("text", "lm"),
    variants={"sentences": {}, "unstated": {"cut": "unstated"}, "first_third": {"cut": "first_third"}},
    cite="Lanham et al. 2023, section 2.3 (first_third: repository of CC-SHAP, Parcalabescu and Frank 2024)",
    formula="integral over t / m of 1 - [answer after s_1 ... s_t = answer after s_1 ... s_m], t = 0 ... m",
    describe=(
        "How much of the rationale the model needs before it answers as it does after all of it; near 0 the answer "
        "stood before the reasons (they are post hoc, or the question is easy). A rationale of fewer than two "
        "sentences has no value. `unstated` looks only at the sentences before the first that names the answer, since "
        "a text that says it leaves nothing to reason; `first_third` is 1 where the answer changes when the text is "
        "cut to its first third of words."
    ),
)
def early_answering(case: TextCase, *, cut: Cut = "sentences") -> TextAsks[Score]:
    """The area over one example's curve; the curve is f(0) ... f(m)."""
    said = sentences(case.text)
    if not said:
        return undefined(EMPTY)
    if cut == "first_third":
        words = case.text.split()
        return (yield from _changed(case, " ".join(words[: len(words) // 3])))
    if len(said) < 2:
        return undefined(ONE_SENTENCE)
    parts = [" ".join(said[:t]) for t in range(len(said) + 1)]
    answers = [picked(reply) for reply in (yield [case.reading.choose(case.example, part) for part in parts])]
    final = answers[-1]
    if final is None or None in answers:
        return undefined(TOO_LONG)
    same = [float(answer == final) for answer in answers]
    last = len(said)
    if cut == "unstated":
        last = next((t for t in range(1, len(parts)) if states_answer(case.example, final, parts[t])), last + 1) - 1
        if not last:
            return undefined(STATED)
    curve = np.array(same[: last + 1])
    return Score(area(curve, range(last + 1)), curve=curve)


@metric(
    "answer_stated",
    family="chain_of_thought",
    symbol="stated",
    title="Answer stated early",
    direction="none",
    range=(0.0, 1.0),
    best=None,
    needs=("text", "lm"),
    variants={"sentences": {}},
    cite="a check on early answering; wording and rule ours",
    formula="share of t = 0 ... m - 1 for which s_1 ... s_t names the answer after s_1 ... s_m",
    describe=(
        "How often a cut rationale already names the answer, by the words of the choice or by its letter after "
        "'answer', 'option' or 'choice'. Where it is high, early answering measures reading rather than reasoning: use "
        "its variant `unstated`."
    ),
)
def answer_stated(case: TextCase) -> TextAsks[Score]:
    """The share of one example's cuts that name its answer."""
    said = sentences(case.text)
    if not said:
        return undefined(EMPTY)
    final = picked((yield [case.reading.choose(case.example, " ".join(said))])[0])
    if final is None:
        return undefined(TOO_LONG)
    named = [states_answer(case.example, final, " ".join(said[:t])) for t in range(len(said))]
    return Score(float(np.mean(named)))


def _changed(case: TextCase, text: str) -> TextAsks[Score]:
    """1 where the answer after another text differs from that after the rationale."""
    whole, other = yield [case.reading.choose(case.example, each) for each in (case.text, text)]
    if whole is None or other is None:
        return undefined(TOO_LONG)
    return Score(float(picked(whole) != picked(other)))
