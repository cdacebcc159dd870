"""Probing a model: which models and examples there are, and what the warm process says of an edited example."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example, Task
from rationale_eval.data.load import load_dataset, other_splits
from rationale_eval.data.schema import to_record
from rationale_eval.data.words import Word
from rationale_eval.desk import choices
from rationale_eval.desk.choices import Offer
from rationale_eval.desk.desk import Desk
from rationale_eval.desk.sources import Source as Evaluation
from rationale_eval.errors import UsageError
from rationale_eval.models.embedded import SMOLLM2, smollm2_folder
from rationale_eval.rationales.selection import count

FIRST: Final = 500
"""Examples of a split that are offered to pick; others are reached by their id."""

TYPED: Final = "typed"
"""In place of a data set: an example that is typed."""

_UNTRAINED: Final = ("embedded/", "new/")

Ask = Callable[[str, Mapping[str, Any]], Any]
"""Asks the warm process: a verb and its arguments."""


def models(desk: Desk) -> list[Offer]:
    """Models that choose: those trained here, newest first, those under the operator's folders, and SmolLM2."""
    found = [each for each in choices.models(desk) if not each.value.startswith(_UNTRAINED)]
    found.sort(key=lambda each: not each.value.startswith("run:"))
    if smollm2_folder().is_dir():
        found.append(Offer(SMOLLM2, SMOLLM2, "language model, not trained for the task; slow"))
    return found


@dataclass(frozen=True, slots=True)
class Place:
    """Where an example comes from.

    Args:
        data: Name of the data set, or `TYPED`.
        split: Its split.
        mapping: Our names to the columns of an own file, as pairs.
    """

    data: str
    split: str = ""
    mapping: tuple[tuple[str, str], ...] = ()

    def open(self) -> RationaleDataset:
        """The data set.

        Raises:
            UsageError: If there is no such set or split.
            InputError: If it cannot be read.
        """
        return load_dataset(self.data, self.split or None, mapping=dict(self.mapping) or None)


def splits(data: str) -> list[str]:
    """The splits of a data set, test first.

    Raises:
        UsageError: If there is no such set.
        InputError: If it cannot be read.
    """
    found = other_splits(data, "") or [load_dataset(data).split]
    return sorted(found, key=lambda name: (name != "test", name != "validation", name))


def of_evaluation(desk: Desk, id: str) -> tuple[Place, str | None]:
    """What an evaluation looked at: its data, and its model or None.

    Raises:
        UsageError: If there is no such evaluation.
    """
    job = Evaluation(desk.run(id), desk).job
    place = Place(job.data, job.split or "", tuple(sorted(job.mapping.items())))
    return place if job.split else replace(place, split=place.open().split), job.model


@dataclass(frozen=True, slots=True)
class Found:
    """An example and how to read it.

    Args:
        example: The example.
        task: Of its data set.
        rule: Its word rule.
    """

    example: Example
    task: Task
    rule: str


def first_examples(place: Place, most: int = FIRST) -> list[tuple[str, str]]:
    """Id and beginning of the text of the first examples of a split."""
    return [
        (example.id, " / ".join(text[:80] for text in example.inputs.values()))
        for example in islice(place.open(), most)
    ]


def find(place: Place, id: str) -> Found:
    """An example by its id.

    Raises:
        UsageError: If there is none.
        InputError: If the data cannot be read.
    """
    data = place.open()
    for example in data:
        if example.id == id:
            return Found(example, data.task, data.word_rule)
    raise UsageError(f"there is no example '{id[:80]}' in {place.data} ({place.split}).")


def typed(inputs: Mapping[str, str], offered: Sequence[str]) -> Found:
    """An example that was typed."""
    task = Task("typed", "classification" if offered else "open", tuple(inputs), tuple(offered))
    return Found(Example("typed", "typed", dict(inputs), tuple(offered)), task, "unicode")


@dataclass(frozen=True, slots=True)
class Method:
    """A quick method.

    Args:
        name: Its name.
        title: The name in words.
        describe: What it says.
        signed: Whether scores below 0 speak against the choice.
        params: What makes it quick.
        why: Why it cannot be used on the model, or None.
    """

    name: str
    title: str
    describe: str
    signed: bool
    params: Mapping[str, Any]
    why: str | None


@dataclass(frozen=True, slots=True)
class Model:
    """An open model.

    Args:
        name: What was asked for.
        choices: What it chooses among; None where every example brings its own.
        fields: The fields it was trained on; None where it does not know.
        fingerprint: Equal fingerprints, equal answers.
        device: Where it is.
        methods: The quick methods.
        removals: How words can be taken away.
        seconds: Time it took to open.
    """

    name: str
    choices: tuple[str, ...] | None
    fields: tuple[str, ...] | None
    fingerprint: str
    device: str
    methods: tuple[Method, ...]
    removals: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A model's answer to a whole text.

    Args:
        choices: What it chose among.
        probabilities: float64 `[choices]`.
        words: The words of the text.
        seen: Booleans `[words]`: whether the model sees them.
        truncated: Whether the text was cut off.
    """

    choices: tuple[str, ...]
    probabilities: NDArray[np.float64]
    words: tuple[Word, ...]
    seen: NDArray[np.bool_]
    truncated: bool


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Word scores.

    Args:
        scores: float64 `[words]`; NaN where there is none.
        order: Scored words, most important first.
        target: Index of the explained choice, or None.
    """

    scores: NDArray[np.float64]
    order: tuple[int, ...]
    target: int | None

    def top(self, percent: float) -> list[int]:
        """The most important words: so many per cent of those with a score, counted as the metrics count."""
        return list(self.order[: count(len(self.order), percent)]) if percent > 0 else []


@dataclass(frozen=True, slots=True, eq=False)
class Without:
    """A model's answers with and without some words.

    Args:
        whole: To the whole text, float64 `[choices]`.
        rest: Without the words.
        alone: To the words alone.
        target: Index of the choice that the two numbers are about.
        comprehensiveness: Fall of its probability without the words; NaN where undefined.
        sufficiency: Fall of its probability with them alone.
    """

    whole: NDArray[np.float64]
    rest: NDArray[np.float64]
    alone: NDArray[np.float64]
    target: int
    comprehensiveness: float
    sufficiency: float


@dataclass(frozen=True, slots=True, eq=False)
class Guesses:
    """What simulators guess, or how far they are.

    Args:
        state: "ready", "training", "failed" or "missing".
        text: What is being done, or what went wrong.
        seconds_left: Of a training; None where nobody knows.
        choices: What is chosen among.
        answer: Index of the model's answer, which is to be guessed.
        input: From the text alone, float64 `[choices]`.
        both: With a rationale, by its name.
        alone: From the rationale alone, by its name.
        accuracy: Share of held-out answers that the simulator of text and rationale guesses.
        majority: Share of the most frequent one.
        learned: Whether the first is clearly above the second.
    """

    state: str
    text: str = ""
    seconds_left: float | None = None
    choices: tuple[str, ...] = ()
    answer: int = 0
    input: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    both: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    alone: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    accuracy: float = 0.0
    majority: float = 0.0
    learned: bool = False

    def helps(self, name: str) -> int:
        """RQ of one example: 1 where only the rationale lets the answer be guessed, -1 where it hides it, else 0."""
        return int(self.both[name].argmax() == self.answer) - int(self.input.argmax() == self.answer)

    def leaks(self, name: str) -> bool:
        """Whether the answer can be guessed from the rationale alone."""
        return int(self.alone[name].argmax()) == self.answer


@dataclass(frozen=True, slots=True)
class Bench:
    """A model, ready to be asked about edits of one example.

    Args:
        ask: Asks the warm process.
        model: Name of the model.
        found: The example as it was.
        removal: How words are taken away.
        target: The explained choice.
    """

    ask: Ask
    model: str
    found: Found
    removal: str = "delete"
    target: str = "predicted"

    def predict(self, *inputs: Mapping[str, str]) -> list[Answer]:
        """The model's answers to the example with other inputs."""
        told = self.ask("predict", {**self._about(), "records": [self.record(each) for each in inputs]})
        return [
            Answer(
                tuple(each["choices"]),
                _floats(each["probabilities"]),
                tuple(Word(*word) for word in each["words"]),
                np.array(each["seen"], dtype=bool),
                each["truncated"],
            )
            for each in told
        ]

    def attribute(self, inputs: Mapping[str, str], method: Method) -> Scores:
        """Word scores of the example with other inputs."""
        asked = {"record": self.record(inputs), "method": method.name, "params": dict(method.params)}
        told = self.ask("attribute", {**self._about(), **asked, "target": self.target})
        return Scores(_floats(told["scores"]), tuple(told["order"]), told["target"])

    def without(self, inputs: Mapping[str, str], drop: Sequence[int]) -> Without:
        """The answers without some words of the example with other inputs."""
        asked = {"record": self.record(inputs), "drop": sorted(drop), "removal": self.removal, "target": self.target}
        told = self.ask("without", {**self._about(), **asked})
        return Without(
            _floats(told["whole"]),
            _floats(told["without"]),
            _floats(told["only"]),
            told["target"],
            _float(told["comprehensiveness"]),
            _float(told["sufficiency"]),
        )

    def simulate(self, inputs: Mapping[str, str], place: Place, texts: Mapping[str, str], *, train: bool) -> Guesses:
        """What simulators guess of the model's answer to the example with other inputs, with some rationales.

        Args:
            inputs: Field to text.
            place: Where the example comes from: its data set has the training split that simulators learn from.
            texts: Rationales by name.
            train: Begin to train them where they are missing.

        Raises:
            UsageError: If there is nothing that they could learn from.
        """
        source = {"data": place.data, "split": place.split, "mapping": dict(place.mapping)}
        asked = {"record": self.record(inputs), "source": source, "texts": dict(texts), "train": train}
        told = self.ask("simulate", {**self._about(), **asked})
        if told["state"] != "ready":
            return Guesses(told["state"], told.get("text", ""), told.get("seconds_left"))
        learned = told["learned"]["both"]
        return Guesses(
            "ready",
            choices=tuple(told["choices"]),
            answer=told["answer"],
            input=_floats(told["input"]),
            both={name: _floats(each) for name, each in told["both"].items()},
            alone={name: _floats(each) for name, each in told["rationale"].items()},
            accuracy=learned["accuracy"],
            majority=learned["majority"],
            learned=learned["learned"],
        )

    def edited(self, inputs: Mapping[str, str]) -> Example:
        """The example with other inputs; what people marked stays only where the text did."""
        example = self.found.example
        same = {name for name, text in example.inputs.items() if inputs.get(name) == text}
        marked = example.evidence
        kept = None if marked is None else {name: spans for name, spans in marked.items() if name in same}
        return replace(
            example,
            inputs=dict(inputs),
            evidence=kept if same == set(inputs) else None,
            annotators=example.annotators if same == set(inputs) else (),
        )

    def record(self, inputs: Mapping[str, str]) -> dict[str, Any]:
        """That example as a record; what was said about it beside the text is left out."""
        return to_record(replace(self.edited(inputs), meta={}, rationales=(), annotators=()))

    def _about(self) -> dict[str, Any]:
        return {"model": self.model, "rule": self.found.rule, "task": task_record(self.found.task)}


def open_model(ask: Ask, name: str, task: Task) -> Model:
    """Opens a model.

    Raises:
        UsageError: If there is none, or it was never trained to choose.
        InputError: If its folder is refused.
    """
    told = ask("open_model", {"model": name, "task": task_record(task)})
    return Model(
        name,
        None if told["choices"] is None else tuple(told["choices"]),
        None if told["fields"] is None else tuple(told["fields"]),
        told["fingerprint"],
        told["device"],
        tuple(Method(**each) for each in told["methods"]),
        tuple(told["removals"]),
        told["seconds"],
    )


def for_model(found: Found, model: Model) -> Found:
    """The example with the choices of a model of another task, which decides among its own; a label is unknown then."""
    example = found.example
    own = {choice.casefold() for choice in model.choices or ()}
    if not own or own == {choice.casefold() for choice in example.choices}:
        return found
    task = Task(found.task.name, "classification", found.task.fields, model.choices or ())
    return replace(found, example=replace(example, choices=task.choices, label=None), task=task)


def task_record(task: Task) -> dict[str, Any] | None:
    """A task for the warm process; None for one with open answers, which no model chooses among."""
    return None if task.kind == "open" else asdict(task)


def carried(before: Sequence[str], dropped: Sequence[int], after: Sequence[str]) -> list[int]:
    """Which words of a changed text were dropped before it changed: those that stand in both."""
    matched = difflib.SequenceMatcher(a=list(before), b=list(after), autojunk=False)
    places = {block.a + step: block.b + step for block in matched.get_matching_blocks() for step in range(block.size)}
    return sorted(places[place] for place in dropped if place in places)


def _float(value: float | None) -> float:
    return float("nan") if value is None else value


def _floats(values: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array([_float(value) for value in values], dtype=np.float64)


def stamp(desk: Desk, model: str) -> str:
    """Changes when a model's files do."""
    folder = desk.workspace.path / "runs" / model.removeprefix("run:") / "model" if model.startswith("run:") else None
    files = sorted((folder or Path(model)).glob("*.safetensors")) if folder or Path(model).is_absolute() else []
    return " ".join(f"{file.name} {(status := file.stat()).st_size} {status.st_mtime_ns}" for file in files)
