"""FEB, the few-shot benchmark of self-rationalization: its four tasks, their prompts, and its 60 splits.

Prompts are the best ones of the paper's study, word for word; texts of UnifiedQA tasks are written in lower case and
have a backslash and an n between question and context. The closing `</s>` is what the tokenizer adds anyway. What the
drawing of a split depends on besides its seed (the order of the authors' files, their library's generators) is not at
hand, so the seeds are theirs and the examples drawn are not.

Source: Marasovic et al. 2022, "Few-Shot Self-Rationalization with Natural Language Prompts", sections 3 and 4; seeds,
prompts and sizes as in the authors' repository (allenai/feb, commit a64e461, `scripts/feb_benchmark.py`, `exp.py` and
`feature_conversion_methods.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example, Task
from rationale_eval.errors import UsageError
from rationale_eval.rationales.template import Reading, Template

SEEDS: Final = (
    7004, 3639, 6290, 9428, 7056, 4864, 4273, 7632, 2689, 8219, 4523, 2175, 7356, 8975, 51,
    4199, 4182, 1331, 2796, 6341, 7009, 1111, 1967, 1319, 741, 7740, 1335, 9933, 6339, 3112,
    1349, 8483, 2348, 834, 6895, 4823, 2913, 9962, 178, 2147, 8160, 1936, 9991, 6924, 6595,
    5358, 2638, 6227, 8384, 2769, 4512, 2051, 4779, 2498, 176, 9599, 1181, 5320, 588, 4791,
)  # fmt: skip
"""The seeds of the 60 splits, in the authors' order."""

SHOTS: Final = 48
"""Training examples of a split."""

JUDGED: Final = 350
"""Evaluation examples of a split, shared out among the classes, rounded down."""

JOINT: Final = " because "
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class FebTask:
    """One of the four tasks.

    Args:
        name: As the paper calls it, in lower case.
        fields: Input fields that a data set of it has.
        kind: Kind of the task.
        choices: Label names; empty for multiple choice.
        case: How an example is shown.
        words: What is written for a label where its name will not do.
        lower: What is written in lower case.
        reading: How a text is read.
        each_statement: Whether every gold rationale is a training example by itself.
    """

    name: str
    fields: tuple[str, ...]
    kind: str
    choices: tuple[str, ...]
    case: str
    words: Mapping[str, str] = field(default_factory=dict)
    lower: tuple[str, ...] = ("inputs", "choices", "rationale")
    reading: Reading = "feb"
    each_statement: bool = False

    @property
    def balanced(self) -> bool:
        """Whether as many examples of every class are drawn; options of questions are no classes."""
        return bool(self.choices)

    def template(self, *, causal: bool = False) -> Template:
        """Its prompt.

        Args:
            causal: For a model that reads prompt and text as one; the line "Answer:" is then ours.
        """
        return Template(
            name=f"feb:{self.name}",
            version=VERSION,
            given="input",
            order="answer_first",
            instruction="",
            case=self.case + (" Answer:" if causal else ""),
            says=(" " if causal else "") + f"{{answer}}{JOINT}{{rationale}}",
            joint=JOINT,
            shots=0,
            stop=(),
            describe=f"FEB's best prompt for {self.name} (Marasovic et al. 2022).",
            words=self.words,
            lower=self.lower,
            one_line=True,
            reading=self.reading,
        )


TASKS: Final = (
    FebTask(
        "esnli",
        ("premise", "hypothesis"),
        "classification",
        ("entailment", "neutral", "contradiction"),
        "explain nli hypothesis: {hypothesis} premise: {premise}",
        lower=("rationale",),
    ),
    FebTask("ecqa", ("question",), "multiple_choice", (), "explain {question} \\n {options}"),
    FebTask(
        "comve",
        ("sentence0", "sentence1"),
        "classification",
        ("sentence0", "sentence1"),
        "explain what is more nonsensical? \\n choice1: {sentence0} choice2: {sentence1}",
        words={"sentence0": "choice1", "sentence1": "choice2"},
    ),
    FebTask(
        "sbic",
        ("post",),
        "classification",
        ("offensive", "not offensive"),
        "explain what is this? \\n post: {post}",
        words={"not offensive": "not_offensive"},
        reading="feb_offensive",
        each_statement=True,
    ),
)


def feb_task(task: Task) -> FebTask | None:
    """Which of the four tasks a data set is of, or None."""
    for one in TASKS:
        if (task.kind, task.fields) == (one.kind, one.fields) and set(task.choices) == set(one.choices):
            return one
    return None


def draw_split(
    task: FebTask, train: RationaleDataset, dev: RationaleDataset | None, split: int
) -> tuple[RationaleDataset, RationaleDataset | None]:
    """The training and evaluation examples of one split.

    Examples are drawn by their ids and the split's seed, of every class alike (ECQA: of all). Where there are fewer
    evaluation examples of a class than FEB has, all of them are taken.

    Args:
        task: The task.
        train: Where the 48 shots are drawn from.
        dev: Where the evaluation examples are drawn from, or None.
        split: Which, 0 to 59.

    Raises:
        UsageError: If there is no such split, or a class has too few examples with a rationale.
    """
    if not 0 <= split < len(SEEDS):
        raise UsageError(f"FEB has the splits 0 to {len(SEEDS) - 1}; there is no split {split}")
    seed = SEEDS[split]
    shots = _drawn(task, as_shown(task, train, training=True), SHOTS, seed)
    if len(shots) < SHOTS:
        each = f"{SHOTS // len(task.choices)} of each class" if task.balanced else str(SHOTS)
        raise UsageError(
            f"a split of FEB has {SHOTS} training examples with a rationale, {each}, and {train.name} ({train.split}) "
            f"yields {len(shots)}; give more data"
        )
    return shots, None if dev is None else _drawn(task, as_shown(task, dev), JUDGED, seed)


def _drawn(task: FebTask, data: RationaleDataset, count: int, seed: int) -> RationaleDataset:
    if not task.balanced:
        return data.sample(count, seed)
    each = count // len(data.task.choices)
    chosen: set[str] = set()
    for label in range(len(data.task.choices)):
        of_class = data.where(partial(_has_label, label=label))
        chosen |= {example.id for example in of_class.sample(each, seed)}
    return data.where(lambda example: example.id in chosen)


def _has_label(example: Example, label: int) -> bool:
    return example.label == label


def as_shown(task: FebTask, data: RationaleDataset, *, training: bool = False) -> RationaleDataset:
    """Examples with the explanations that FEB takes; those without label or explanation are left out.

    ECQA's explanation is the properties that speak for the right answer, joined; where only another text is at hand it
    is that text. In training every statement about a post of SBIC is an example by itself.
    """

    def shown() -> Iterator[Example]:
        for example in data:
            positives = example.meta.get("positives")
            if task.name == "ecqa" and isinstance(positives, list) and positives:
                example = replace(example, rationales=(" ".join(map(str, positives)),))
            if example.label is None or not example.rationales:
                continue
            if training and task.each_statement:
                for place, text in enumerate(example.rationales):
                    yield replace(example, id=f"{example.id}/{place}", rationales=(text,))
            else:
                yield example

    return data.with_task(data.task, shown)
