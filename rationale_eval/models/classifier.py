"""Encoder classifiers: the input is read once, a linear head on the first token's state gives class logits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from rationale_eval.data.example import Example, Task
from rationale_eval.data.words import Word
from rationale_eval.errors import InputError, UsageError
from rationale_eval.models.base import Batch, Encoding
from rationale_eval.models.layout import LAYOUTS
from rationale_eval.models.network import label_order
from rationale_eval.models.transformer import TransformerModel, check_task, encoding, to_row


class Classifier(TransformerModel):
    """An encoder with a classification head, `[CLS] text [SEP]` or `[CLS] first [SEP] others [SEP]`.

    The head is the library's sequence-classification head over the first token ([CLS]) state, after the encoder's
    pooler where it has one. A bare encoder gets a fresh head.

    Args:
        network: A sequence-classification module with as many labels as the task has choices.
        tokenizer: Its fast tokenizer.
        task: A classification task.
        layout: Name of a layout in `LAYOUTS`.
        rest: See `TransformerModel`.

    Raises:
        UsageError: If the task is not a classification, or the head has another number of classes.
    """

    kind: ClassVar[str] = "classifier"

    def __init__(
        self, network: nn.Module, tokenizer: Any, *, task: Task | None, layout: str | None = None, **rest: Any
    ):
        task = check_task(task, ("classification",), "an encoder classifier")
        super().__init__(network, tokenizer, task=task, layout=layout or "fields", **rest)
        config: Any = network.config
        self.choices = task.choices
        self.outputs = len(task.choices)
        self._order = label_order(config, task) if config.num_labels == self.outputs else None
        if config.num_labels != self.outputs:
            raise UsageError(
                f"the classifier '{self.name}' has {config.num_labels} classes, but the task '{task.name}' has "
                f"{self.outputs} choices; train it on this task or choose a model with {self.outputs} classes"
            )

    def encode(self, example: Example, words: Sequence[Word]) -> Encoding:
        """One row: the fields in reading order."""
        if example.choices and len(example.choices) != self.outputs:
            raise InputError(
                f"example '{example.id}' has {len(example.choices)} choices, but the classifier '{self.name}' "
                f"knows {self.outputs} classes"
            )
        rows, truncated = self.lay_out(LAYOUTS[self.layout], example, words)
        return self.narrowed(encoding([to_row(row, segments=self._segments) for row in rows], len(words), truncated))

    def scores(self, batch: Batch) -> Tensor:
        """Class logits, float32 `[rows, classes]`, in the order of the task's choices."""
        return self._ordered(self.head_logits(batch))

    def joint_scores(self, batches: Sequence[Batch]) -> Tensor:
        """Class logits of several batches, `[rows of all, classes]`."""
        return self._ordered(self.joint_head_logits(batches))

    def scores_and_states(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Class logits, and the last layer's states of all tokens, from one pass."""
        logits, states = self.head_logits_and_states(batch)
        return self._ordered(logits), states

    def _ordered(self, logits: Tensor) -> Tensor:
        return (logits if self._order is None else logits[:, self._order]).float()
