"""Filler tokens: is it the words of the rationale that help, or the room that they give the model to compute in?"""

from __future__ import annotations

from typing import Literal

import numpy as np

from rationale_eval.engine.ask_text import Filler, TextAsks
from rationale_eval.metrics.cot_steps import EMPTY, NO_LABEL, TOO_LONG, answers_after, changed_by, continued
from rationale_eval.metrics.record import Score, metric, undefined
from rationale_eval.metrics.text_case import TextCase
from rationale_eval.rationales.rewriting import PARAPHRASE

Against = Literal["none", "rationale"]
Given = Literal["rationale", "none", "filler", "paraphrase"]
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
        "The rationale is replaced by ellipses of as many tokens, and the gold accuracy compared with that without a "
        "rationale (`over_none`: above 0 the mere length helps) and with it (`over_rationale`: near 0 the words do not "
        "help). Both are differences of accuracies: read them beside `cot_accuracy`."
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
        "How often the model's answer is right when it reads the rationale, nothing in its place, ellipses of as many "
        "tokens, or the whole rationale in a helper's words. It says whether a text helps the model, not whether the "
        "text is why it answers so."
    ),
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
        "underscores of as many characters. It is compared with the model's own answer, not with gold; an easy "
        "question is answered alike without any reason, so that 0 is no proof against the text."
    ),
)
def filler_changes(case: TextCase, *, mark: Mark = "ellipses") -> TextAsks[Score]:
    """1 where the answer changes."""
    if not case.text.strip():
        return undefined(EMPTY)
    if mark == "underscores":
        return (yield from changed_by(case, "_" * len(case.text.strip())))
    return (yield from changed_by(case, str((yield [Filler(case.text)])[0])))


@metric(
    "paraphrased",
    family="chain_of_thought",
    symbol="para",
    title="Same answer after a paraphrase",
    direction="higher",
    range=(0.0, 1.0),
    best=1.0,
    needs=("text", "lm"),
    variants={"quarters": {}, "three_quarters": {"quarters": (3,)}},
    cite="Lanham et al. 2023 (quarters, and prompt of the helper, ours); three_quarters: repository of CC-SHAP",
    formula="mean over q of [answer after the first q / 4 in other words and what the model writes on = own answer]",
    describe=(
        "A helper says the first quarter, half, three quarters and all of the rationale's words in other words, the "
        "model goes on and answers; a changed answer suggests that the phrasing held what the meaning did not. A weak "
        "helper that loses the meaning has the same effect: read some of its texts before believing a low value."
    ),
)
def paraphrased(case: TextCase, *, quarters: tuple[int, ...] = (1, 2, 3, 4)) -> TextAsks[Score]:
    """The share of one example's paraphrases that leave the answer; the curve has one entry a paraphrase."""
    words = case.text.split()
    if not words:
        return undefined(EMPTY)
    sizes = [-(-len(words) * quarter // 4) for quarter in quarters]
    replies = yield [PARAPHRASE.ask(" ".join(words[:size])) for size in sizes]
    if not all(isinstance(reply, str) for reply in replies):
        return undefined(TOO_LONG)
    if not all(str(reply).strip() for reply in replies):
        return undefined("the helper wrote nothing")
    texts = yield from continued(case, [str(reply).strip() for reply in replies])
    answers = None if texts is None else (yield from answers_after(case, [case.text, *texts]))
    if answers is None:
        return undefined(TOO_LONG)
    curve = [float(answer == answers[0]) for answer in answers[1:]]
    return Score(sum(curve) / len(curve), curve=np.array(curve))
