"""The engine on small real networks of every kind against one input at a time through the network itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from rationale_eval.data.example import Example, Task
from rationale_eval.data.words import split_words
from rationale_eval.engine.case import REMOVALS, Case, Question
from rationale_eval.engine.perturb import sequences
from rationale_eval.engine.run import Engine
from rationale_eval.models.base import TaskModel
from tests.helpers.tiny import COMMONSENSE, NLI, tiny_causal, tiny_choice_encoder, tiny_classifier, tiny_seq2seq

PAIRS = (
    ("A man is playing a guitar on the stage.", "Nobody plays!"),
    ("People watch him while the stage is empty.", "The street isn't lit."),
    ("Nobody.", "A man and a guitar on the street."),
)
QUESTIONS = ("What do people do when they are hungry?", "What do people read?")
OPTIONS = ("eat food", "sleep", "read a book")

KINDS = {
    "bert": lambda: tiny_classifier(NLI, "bert"),
    "roberta": lambda: tiny_classifier(NLI, "roberta"),
    "distilbert": lambda: tiny_classifier(NLI, "distilbert"),
    "choices by bert": lambda: tiny_choice_encoder(COMMONSENSE, "bert"),
    "choices by gpt2": lambda: tiny_causal(COMMONSENSE, "gpt2"),
    "choices by llama": lambda: tiny_causal(COMMONSENSE, "llama"),
    "choices by t5": lambda: tiny_seq2seq(COMMONSENSE, "t5"),
}


def examples(task: Task) -> list[Example]:
    if task is NLI:
        return [
            Example(f"e{n}", "nli", {"premise": first, "hypothesis": second}, NLI.choices, 0)
            for n, (first, second) in enumerate(PAIRS)
        ]
    return [Example(f"e{n}", "commonsense", {"question": text}, OPTIONS, 0) for n, text in enumerate(QUESTIONS)]


def alone(model: TaskModel, question: Question) -> np.ndarray:
    """One row at a time, gradients enabled, so that nothing is batched, remembered or read the quick way."""
    scores = []
    for sequence in sequences(question, model):
        masks = None if sequence.attention is None else [sequence.attention]
        with torch.enable_grad():
            batch = model.pad([sequence.row], masks)
            if sequence.retain is not None:
                keep = torch.from_numpy(sequence.retain)[None, :, None]
                batch = replace(batch, embeds=model.embedding()(batch.ids) * keep)
            scores.append(model.scores(batch).detach().double().numpy()[0])
    flat = np.concatenate(scores)
    exponents = np.exp(flat - flat.max())
    return exponents / exponents.sum()


@pytest.mark.parametrize("kind", KINDS)
def test_batches_equal_single_inputs_for_every_removal(kind):
    model = KINDS[kind]()
    asked: list[Question] = []
    draw = np.random.default_rng(0)
    for example in examples(NLI if model.choices else COMMONSENSE):
        words = split_words(example)
        case = Case(example, words, encoding=model.encode(example, words))
        for removal in REMOVALS:
            if (removal == "mask" and model.mask_id is None) or (removal == "retokenize" and "choices" in kind):
                continue
            size = int(draw.integers(1, len(words)))
            chosen = draw.choice(len(words), size=size, replace=False)
            asked += [case.without(chosen, removal), case.only(chosen, removal), case.only([], removal)]
        asked.append(case.whole())
    for batch_tokens in (16, 4096):
        found = Engine(model, batch_tokens=batch_tokens).answer(asked)
        for question, answer in zip(asked, found, strict=True):
            np.testing.assert_allclose(answer, alone(model, question), atol=1e-5, err_msg=question.removal)
