"""Counterfactual simulatability: does a rationale let others foresee what the model says of other inputs?

From the rationale come other inputs c_1 ... c_n. A simulator that sees the input, the model's answer to it and the
rationale guesses the model's answer to each, or says that it cannot; the model answers them in the way in which it was
explained: its own rationale first. With the guessable ones G:

    precision  = |{c in G: guess = answer}| / |G|
    generality = 1 - mean over ordered pairs i != j of G of similarity(c_i, c_j)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations
from typing import Any, Final, Literal

import numpy as np

from rationale_eval.data.example import Example
from rationale_eval.engine.ask_text import Embed, TextAsks
from rationale_eval.metrics.bleu import sentence_bleu
from rationale_eval.metrics.cot_steps import EMPTY, TOO_LONG, answers_after, reasoned
from rationale_eval.metrics.record import Score, metric, undefined
from rationale_eval.metrics.similarity_overlap import words_of
from rationale_eval.metrics.text_case import TextCase
from rationale_eval.rationales.counterfactual_inputs import (
    CANNOT,
    NEITHER,
    Guess,
    ask_for_others,
    ask_simulator,
    by_template,
    content_words,
    read_guess,
    texts_of,
    well_formed,
)

Inputs = Literal["template", "lm"]
Similarity = Literal["bleu", "cosine", "jaccard"]
State = Literal["guessed", "cannot", "neither"]

NO_INPUTS: Final = "no other input came from the rationale"
FEW: Final = "fewer than two other inputs could be guessed"


@dataclass(frozen=True, slots=True)
class _Guessed:
    """Other inputs and what the simulator says of each."""

    others: list[Example]
    guesses: list[Guess]

    @property
    def guessable(self) -> list[int]:
        return [place for place, guess in enumerate(self.guesses) if isinstance(guess, int)]


def _guessed(case: TextCase, inputs: Inputs) -> TextAsks[_Guessed | str]:
    """Other inputs with guesses, or why there are none."""
    if not case.text.strip():
        return EMPTY
    answers = yield from answers_after(case, [case.text])
    if answers is None:
        return TOO_LONG
    if inputs == "template":
        others = by_template(case.example, case.text)
    else:
        others = well_formed(case.example, (yield ask_for_others(case.example, case.text)))
    if not others:
        return NO_INPUTS
    replies = yield [ask_simulator(case.example, answers[0], case.text, other) for other in others]
    return _Guessed(others, [read_guess(other, said) for other, said in zip(others, replies, strict=True)])


@metric(
    "counterfactual_precision",
    family="chain_of_thought",
    symbol="CS prec",
    title="Counterfactual precision",
    direction="higher",
    range=(0.0, 1.0),
    best=1.0,
    needs=("text", "lm"),
    variants={"template": {}, "lm": {"inputs": "lm"}},
    cite="Chen et al. 2023, Do models explain themselves? (templates, prompts and task with options ours)",
    formula="|guessable and guess = the model's answer| / |guessable|",
    describe=(
        "Of the other inputs whose answer a simulator claims to foresee from the rationale, the share on which the"
        " model answers so. Inputs that it says it cannot guess do not count, nor replies that name no option."
    ),
    avoid="Not without `counterfactual_guesses` beside it, for a weak simulator guesses by habit.",
)
def counterfactual_precision(case: TextCase, *, inputs: Inputs = "template") -> TextAsks[Score]:
    """One example's precision; the curve has 1 or 0 for each guessable input."""
    found = yield from _guessed(case, inputs)
    if isinstance(found, str):
        return undefined(found)
    places = found.guessable
    if not places:
        return undefined("no other input could be guessed")
    own = yield from reasoned(case, [found.others[place] for place in places])
    if own is None:
        return undefined(TOO_LONG)
    curve = np.array([float(found.guesses[at] == answer) for at, (_, answer) in zip(places, own, strict=True)])
    return Score(float(curve.mean()), curve=curve)


@metric(
    "counterfactual_guesses",
    family="chain_of_thought",
    symbol="CS state",
    title="What the simulator can guess",
    direction="none",
    range=(0.0, 1.0),
    best=None,
    needs=("text", "lm"),
    variants={
        f"{prefix}{state}": {"inputs": inputs, "state": state}
        for inputs, prefix in (("template", ""), ("lm", "lm_"))
        for state in ("guessed", "cannot", "neither")
    },
    cite="Chen et al. 2023, Do models explain themselves?",
    formula="share of the other inputs on which the simulator names an option, says it cannot guess, or does neither",
    describe=(
        "The states of the simulator's replies, which add up to 1: it names an option, says it cannot guess, or "
        "does neither."
    ),
    avoid=(
        "Not as a score of rationales: it says whether precision and generality may be read. Where `neither` is "
        "high the simulator does not understand what it is asked, and they say nothing."
    ),
)
def counterfactual_guesses(case: TextCase, *, inputs: Inputs = "template", state: State = "guessed") -> TextAsks[Score]:
    """The share of one example's other inputs in a state."""
    found = yield from _guessed(case, inputs)
    if isinstance(found, str):
        return undefined(found)
    marks = {
        "guessed": len(found.guessable),
        "cannot": found.guesses.count(CANNOT),
        "neither": found.guesses.count(NEITHER),
    }
    return Score(marks[state] / len(found.guesses))


GENERALITY: Final[dict[str, dict[str, Any]]] = {
    f"{prefix}{similarity}": {"inputs": inputs, "similarity": similarity}
    for inputs, prefix in (("template", ""), ("lm", "lm_"))
    for similarity in ("bleu", "cosine", "jaccard")
}


@metric(
    "counterfactual_generality",
    family="chain_of_thought",
    symbol="CS gen",
    title="Counterfactual generality",
    direction="higher",
    range=(0.0, 2.0),
    best=None,
    needs=("text", "lm", "encoder"),
    variants=GENERALITY,
    cite="Chen et al. 2023, Do models explain themselves? (Jaccard without stop words of scikit-learn)",
    formula="1 - mean over ordered pairs i != j of similarity(c_i, c_j), c guessable",
    describe=(
        "How different the inputs are to which the rationale lets a simulator foresee the answer, by sentence BLEU"
        " with effective order, cosine of embeddings, or Jaccard of content words."
    ),
    avoid=(
        "Not as an absolute number: inputs made by template share nearly all their words, so compare systems by "
        "it, or take the variants whose inputs a language model wrote (`lm_`)."
    ),
)
def counterfactual_generality(
    case: TextCase, *, inputs: Inputs = "template", similarity: Similarity = "bleu"
) -> TextAsks[Score]:
    """One example's generality; not defined for fewer than two guessable inputs."""
    found = yield from _guessed(case, inputs)
    if isinstance(found, str):
        return undefined(found)
    texts = texts_of([found.others[place] for place in found.guessable])
    if len(texts) < 2:
        return undefined(FEW)
    if similarity == "cosine":
        vectors = np.array((yield [Embed(text) for text in texts]))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return Score(_generality(len(texts), lambda i, j: float(vectors[i] @ vectors[j])))
    if similarity == "bleu":
        words = [words_of(text) for text in texts]
        return Score(_generality(len(texts), lambda i, j: sentence_bleu(words[i], words[j])))
    bags = [frozenset(content_words(text)) for text in texts]
    return Score(_generality(len(texts), lambda i, j: jaccard(bags[i], bags[j])))


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Shared words by all words, 0 to 1; two empty bags are alike, 1."""
    union = one | other
    return len(one & other) / len(union) if union else 1.0


def _generality(size: int, similarity: Callable[[int, int], float]) -> float:
    return 1.0 - float(np.mean([similarity(i, j) for i, j in permutations(range(size), 2)]))
