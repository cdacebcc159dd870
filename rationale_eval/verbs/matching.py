"""Rationales, examples and the model brought together: the same example, the same words, the same order of choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.data.rationale import Explanations, WordScores
from rationale_eval.data.words import Word
from rationale_eval.errors import InputError, UsageError
from rationale_eval.models.base import TaskModel


def refuse_equal_names(methods: Sequence[Explanations]) -> None:
    """Raises UsageError where two sets of rationales have one name: their scores could not be told apart."""
    names = [each.method for each in methods]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"two sets of rationales are called '{twice[0]}'; give one of them another name")


def in_model_order(example: Example, model: TaskModel) -> Example:
    """The example with its choices in the model's order, so that one index means one choice everywhere.

    Raises:
        UsageError: If the model chooses among other labels than the example offers.
    """
    if model.choices is None or example.choices == model.choices:
        return example
    if sorted(example.choices) != sorted(model.choices):
        raise UsageError(
            f"{model.name} chooses among {', '.join(model.choices)}, but example '{example.id}' offers "
            f"{', '.join(example.choices) or 'no choices'}; use a model trained for this task"
        )
    label = None if example.label is None else model.choices.index(example.choices[example.label])
    return replace(example, choices=model.choices, label=label)


class ById:
    """Hands out one method's rationales example by example; reads along as long as the orders agree."""

    def __init__(self, explanations: Explanations, data: RationaleDataset):
        self.name, self.data = explanations.method, data
        self._next = iter(explanations)
        self._early: dict[str, WordScores] = {}

    def of(self, example: Example, words: tuple[Word, ...]) -> WordScores:
        """The rationale of an example.

        Raises:
            InputError: If there is none, or it has other words.
        """
        found = self._early.pop(example.id, None)
        while found is None:
            read = next(self._next, None)
            if read is None:
                raise InputError(
                    f"the rationales of '{self.name}' have none for example '{example.id}' of {self.data.name} "
                    f"({self.data.split}); extract or import them for the same split and limit"
                )
            if read.example_id == example.id:
                found = read
            else:
                self._early[read.example_id] = read
        if found.words != words:
            raise InputError(
                f"the rationale of '{self.name}' for example '{example.id}' has other words than the data set; "
                "use the same data and the same word rule for both"
            )
        return found
