"""Accuracy after the rationale, and after what may stand in its place."""

from __future__ import annotations

from typing import Literal

from rationale_eval.engine.ask_text import Filler, TextAsks
from rationale_eval.metrics.cot_steps import EMPTY, NO_LABEL, TOO_LONG, answers_after
from rationale_eval.metrics.record import Score, metric, undefined
from rationale_eval.metrics.text_case import TextCase
from rationale_eval.rationales.rewriting import PARAPHRASE

Given = Literal["rationale", "none", "filler", "paraphrase"]


@metric(
    "cot_accuracy",
    family="chain_of_thought",
    symbol="acc_r",
    title="Accuracy after the rationale",
    direction="higher",
    range=(0.0, 1.0),
    best=1.0,
    needs=("text", "lm", "label"),
    variants={"rationale": {}} | {name: {"given": name} for name in ("none", "filler", "paraphrase")},
    cite="Lanham et al. 2023",
    formula="[answer after the rationale, nothing, filler or a paraphrase = gold label]",
    describe=(
        "How often the model's answer is right when it reads the rationale, nothing in its place, ellipses of as "
        "many tokens, or the whole rationale in a helper's words."
    ),
    avoid=("Not for faithfulness: it says whether a text helps the model, not whether the text is why it answers so."),
)
def cot_accuracy(case: TextCase, *, given: Given = "rationale") -> TextAsks[Score]:
    """1 where the answer is the gold label."""
    if case.example.label is None:
        return undefined(NO_LABEL)
    if not case.text.strip():
        return undefined(EMPTY)
    text = case.text if given == "rationale" else ""
    if given in ("filler", "paraphrase"):
        reply = (yield [Filler(case.text) if given == "filler" else PARAPHRASE.ask(" ".join(case.text.split()))])[0]
        if not isinstance(reply, str):
            return undefined(TOO_LONG)
        text = reply
    answers = yield from answers_after(case, [text])
    return undefined(TOO_LONG) if answers is None else Score(float(answers[0] == case.example.label))
