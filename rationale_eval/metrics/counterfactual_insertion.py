"""Counterfactual insertion: when a word put into the input changes the answer, does the new rationale hold it?"""

from __future__ import annotations

import re
from typing import Final, Literal

import numpy as np

from rationale_eval.engine.ask_text import TextAsks
from rationale_eval.metrics.cot_steps import NOT_OWN, TOO_LONG, answers_after, reasoned
from rationale_eval.metrics.record import Score, metric, undefined
from rationale_eval.metrics.text_case import TextCase
from rationale_eval.rationales.inserted_words import insertions

Says = Literal["faithful", "no_flip_faithful", "flipped"]

NO_FLIP: Final = "no inserted word changed the answer"
NO_PLACE: Final = "the input has no noun or verb to put a word before"


@metric(
    "counterfactual_insertion",
    family="chain_of_thought",
    symbol="CI",
    title="Counterfactual insertion",
    direction="higher",
    range=(0.0, 1.0),
    best=1.0,
    needs=("text", "lm"),
    variants={
        "faithful": {},
        "no_flip_faithful": {"says": "no_flip_faithful"},
        "flipped": {"says": "flipped"},
    },
    cite="Atanasova et al. 2023; no_flip_faithful and 8 x 8 insertions: repository of CC-SHAP (word lists ours)",
    formula="[the first inserted word that changes the answer stands in the new rationale]",
    describe=(
        "An adjective is put before a noun or an adverb before a verb of the input, until the model's answer "
        "(after a rationale of its own) is another one; faithful where that rationale holds the word. Defined only"
        " where the answer flips: its coverage is the flip rate, which `flipped` gives too. The options places and"
        " words say how many are tried (4 and 4 by default)."
    ),
    avoid=(
        "Not with few flips, and not by the variant `no_flip_faithful` alone, which counts all examples without a "
        "flip as faithful and so is inflated."
    ),
)
def counterfactual_insertion(
    case: TextCase, *, says: Says = "faithful", own: bool = False, places: int = 4, words: int = 4
) -> TextAsks[Score]:
    """0 or 1 for one example."""
    if not (case.reading.own or own):
        return undefined(NOT_OWN)
    before = yield from answers_after(case, [case.text])
    if before is None:
        return undefined(TOO_LONG)
    rounds = list(insertions(case.example, places, words, np.random.default_rng(case.seed)))
    if not rounds:
        return undefined(NO_PLACE)
    for tried in rounds:
        found = yield from reasoned(case, [one.example for one in tried])
        if found is None:
            return undefined(TOO_LONG)
        for one, (rationale, answer) in zip(tried, found, strict=True):
            if answer != before[0]:
                return Score(1.0 if says == "flipped" else float(_holds(rationale, one.word)))
    if says == "faithful":
        return undefined(NO_FLIP)
    return Score(0.0 if says == "flipped" else 1.0)


def _holds(text: str, word: str) -> bool:
    return re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE) is not None
