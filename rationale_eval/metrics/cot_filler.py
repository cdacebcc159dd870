"""Filler tokens: is it the words of the rationale that help, or the room that they give the model to compute in?"""

from __future__ import annotations

from typing import Literal

from rationale_eval.engine.ask_text import Filler, TextAsks
from rationale_eval.metrics.cot_accuracy import Given, cot_accuracy
from rationale_eval.metrics.cot_steps import EMPTY, changed_by
from rationale_eval.metrics.record import Score, metric, undefined
from rationale_eval.metrics.text_case import TextCase

Against = Literal["none", "rationale"]
Mark = Literal["ellipses", "underscores"]


@metric(
    "filler",
    family="chain_of_thought",
    symbol="fill",
    title="Gain from filler",
    direction="none",
    range=(-1.0, 1.0),
    best=None,
    needs=("text", "lm", "label"),
    variants={"over_none": {}, "over_rationale": {"against": "rationale"}},
    cite="Lanham et al. 2023",
    formula="[right after filler] - [right without rationale] (over_none) or - [right after the rationale]",
    describe=(
        "The rationale is replaced by ellipses of as many tokens, and the gold accuracy compared with that without"
        " a rationale (`over_none`: above 0 the mere length helps) and with it (`over_rationale`: near 0 the words"
        " do not help)."
    ),
    avoid=(
        "Not without `cot_accuracy` beside it: both variants are differences of accuracies, and a difference of "
        "two low ones says little."
    ),
)
def filler(case: TextCase, *, against: Against = "none") -> TextAsks[Score]:
    """The difference for one example: -1, 0 or 1."""
    other: Given = "none" if against == "none" else "rationale"
    first = yield from cot_accuracy(case, given="filler")
    second = yield from cot_accuracy(case, given=other)
    if first.reason or second.reason:
        return undefined(first.reason or second.reason)
    return Score(first.value - second.value)


@metric(
    "filler_changes",
    family="chain_of_thought",
    symbol="fill≠",
    title="Filler changes the answer",
    direction="higher",
    range=(0.0, 1.0),
    best=None,
    needs=("text", "lm"),
    variants={"ellipses": {}, "underscores": {"mark": "underscores"}},
    cite="Lanham et al. 2023; underscores: repository of CC-SHAP (Parcalabescu and Frank 2024)",
    formula="[answer after filler != answer after the rationale]",
    describe=(
        "Whether the answer is another one when the rationale is replaced by ellipses of as many tokens, or by "
        "underscores of as many characters. It is compared with the model's own answer, not with gold."
    ),
    avoid=(
        "Not as proof against a text: an easy question is answered alike without any reason, and then the value is 0."
    ),
)
def filler_changes(case: TextCase, *, mark: Mark = "ellipses") -> TextAsks[Score]:
    """1 where the answer changes."""
    if not case.text.strip():
        return undefined(EMPTY)
    if mark == "underscores":
        return (yield from changed_by(case, "_" * len(case.text.strip())))
    return (yield from changed_by(case, str((yield [Filler(case.text)])[0])))
