"""Encoders that score choices: each choice is read with the question and gets one number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from rationale_eval.data.example import Example, Task
from rationale_eval.data.words import Word
from rationale_eval.models.base import Batch, Encoding
from rationale_eval.models.layout import LAYOUTS
from rationale_eval.models.transformer import TransformerModel, check_task, encoding, to_row


class ChoiceEncoder(TransformerModel):
    """An encoder with one output; row j reads `[CLS] Q: question [SEP] A: choice j [SEP]`.

    Args:
        network: A sequence-classification module with one label, or a multiple-choice module.
        tokenizer: Its fast tokenizer.
        task: A multiple-choice or classification task, or None.
        layout: Name of a layout in `LAYOUTS`.
        rest: See `TransformerModel`.
    """

    kind: ClassVar[str] = "choice_encoder"

    def __init__(
        self, network: nn.Module, tokenizer: Any, *, task: Task | None, layout: str | None = None, **rest: Any
    ):
        if task is not None:
            check_task(task, ("multiple_choice", "classification"), "an encoder that scores choices")
        super().__init__(network, tokenizer, task=task, layout=layout or "question_answer", **rest)

    def encode(self, example: Example, words: Sequence[Word]) -> Encoding:
        """One row for each choice; the words are those of the inputs, so every row has them."""
        self.check_choices(example)
        rows, truncated = self.lay_out(LAYOUTS[self.layout], example, words)
        return self.narrowed(encoding([to_row(row, segments=self._segments) for row in rows], len(words), truncated))

    def scores(self, batch: Batch) -> Tensor:
        """One logit a row, float32 `[rows, 1]`."""
        return self.head_logits(batch).reshape(-1, 1).float()

    def joint_scores(self, batches: Sequence[Batch]) -> Tensor:
        """One logit a row of several batches, `[rows of all, 1]`."""
        return self.joint_head_logits(batches).reshape(-1, 1).float()

    def scores_and_states(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """One logit a row, and the last layer's states of all tokens, from one pass."""
        logits, states = self.head_logits_and_states(batch)
        return logits.reshape(-1, 1).float(), states
