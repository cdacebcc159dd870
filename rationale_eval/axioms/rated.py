"""Explanations that people rated, as examples of the task that is audited."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from rationale_eval.axioms.spoken import Spoken
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example, Task
from rationale_eval.metrics.human_ratings import HUMAN, read_ratings


@dataclass(frozen=True, slots=True)
class RatedSet:
    """Rated explanations of one task.

    Args:
        data: The examples; the label is the answer that is explained.
        spoken: That answer, and the rated text.
        plausibility: Mean rating, 0 to 1, by example id.
        by_people: Ids of explanations that people wrote.
    """

    data: RationaleDataset
    spoken: Spoken
    plausibility: dict[str, float]
    by_people: frozenset[str]

    def sample(self, n: int, seed: int) -> RatedSet:
        """Some of them, drawn at random."""
        drawn = self.data.sample(n, seed)
        held = RationaleDataset.from_examples(drawn, self.data.task, name=self.data.name, split=self.data.split)
        return replace(self, data=held)


def rated_of(ratings: RationaleDataset, task: Task) -> RatedSet:
    """The rated explanations whose inputs have just the fields of a task, and its choices.

    Args:
        ratings: In the form of `feb_human_eval`.
        task: The task that is audited.
    """
    fitting = [one for one in ratings if one.label is not None and _fits(one, task)]
    of_task = RationaleDataset.from_examples(fitting, ratings.task, name=ratings.name, split=ratings.split)
    found = read_ratings(of_task)

    def examples() -> Iterator[Example]:
        for one in of_task:
            choices = task.choices or one.choices
            label = choices.index(one.choices[one.label or 0])
            inputs = {name: one.inputs[name] for name in task.fields}
            # References are the explanations of people; that of people is not compared with itself.
            references = tuple(text for text in one.rationales[1:] if text != one.rationales[0])
            yield replace(one, task=task.name, inputs=inputs, choices=choices, label=label, rationales=references)

    data = RationaleDataset.from_examples(examples(), task, name=ratings.name, split=ratings.split)
    answers: dict[str, int | None] = {one.id: one.label for one in data}
    return RatedSet(
        data,
        Spoken(answers, {one.example_id: one.text for one in found}),
        {one.example_id: one.plausibility for one in found},
        frozenset(one.example_id for one in found if one.system == HUMAN),
    )


def _fits(example: Example, task: Task) -> bool:
    if {name for name, text in example.inputs.items() if text} != set(task.fields):
        return False
    return not task.choices or set(example.choices) == set(task.choices)
