"""The simulators of Probe, trained in a process of their own: `python -m rationale_eval.desk.warm.simulator`.

They learn to guess what the probed model answers to the training split, from the text, from people's rationales, and
from both. One JSON line in says for what; JSON lines out say how far it is. Who asked may be gone by then, and so this
process ends with the pipe.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np

from rationale_eval import durable
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example, Task
from rationale_eval.data.load import load_dataset
from rationale_eval.data.words import split_words
from rationale_eval.desk.warm.process import end_with, limit_memory
from rationale_eval.desk.warm.shelf import Opened, Shelf
from rationale_eval.engine.case import Case
from rationale_eval.errors import RationaleEvalError, UsageError
from rationale_eval.simulators.service import Answers, Simulators
from rationale_eval.simulators.simulator import SimulatorConfig
from rationale_eval.simulators.view import Seen
from rationale_eval.training.held_out import hold_out
from rationale_eval.verbs.simulating import KEPT
from rationale_eval.verbs.taught import LEAST
from rationale_eval.workspace.launch import settle
from rationale_eval.workspace.runs import Workspace

VIEWS: Final[tuple[Seen, ...]] = ("input", "rationale", "both")
EXAMPLES: Final = 1000
"""Most examples they learn from, drawn at random."""

CONFIG: Final = SimulatorConfig(weights="np", np_architecture="small")
VERSION: Final = 1
SEED: Final = 0
SECONDS: Final = 900
"""After so many it ends by itself."""

LEARNING: Final = 8.0
"""Seconds that three small simulators take on one core; said before it is known better."""

_CHUNK: Final = 32

Told = Callable[[Mapping[str, Any]], None]


def own_choices(example: Example, choices: tuple[str, ...] | None) -> Example:
    """The example with the model's choices, where the model has its own."""
    return example if choices is None else replace(example, choices=choices, label=None)


def own_task(task: Task, choices: tuple[str, ...] | None) -> Task:
    """The task, likewise."""
    return task if choices is None else replace(task, kind="classification", choices=choices)


def learn(workspace: Workspace, asked: Mapping[str, Any], index: Path, told: Told) -> None:
    """Trains what is missing and writes into `index` where it is kept.

    Args:
        workspace: Where simulators are kept.
        asked: `model`, `data`, `split`, `mapping`, `task`.
        index: The file.
        told: Told how far it is.

    Raises:
        UsageError: If too few examples have a rationale.
    """
    source = load_dataset(asked["data"], asked["split"], mapping=asked["mapping"] or None)
    drawn = source.where(lambda example: bool(example.rationales)).sample(EXAMPLES, SEED)
    if len(drawn) < LEAST:
        raise UsageError(
            f"a simulator needs {LEAST} examples with a rationale in words to learn from, and the split "
            f"'{source.split}' of {source.name} has {len(drawn)}."
        )
    opened = Shelf().take(workspace, asked["model"], source.task)
    choices = opened.model.choices
    targets = dict(_answers(opened, drawn, told))
    held = RationaleDataset.from_examples(
        [own_choices(example, choices) for example in drawn],
        own_task(source.task, choices),
        name=source.name,
        word_rule=source.word_rule,
        cluster_field=source.cluster_field,
    )
    told({"text": "training three small simulators", "seconds_left": LEARNING})
    texts = {example.id: example.rationales[0] for example in held}
    train, dev = (Answers(part, targets, texts) for part in hold_out(held))
    simulators = Simulators(workspace.path / KEPT, workspace.path / KEPT, train, dev, CONFIG, device="cpu")
    simulators.train_all(VIEWS, SEED)
    kept = {
        seen: {"folder": simulators.place(seen, SEED).name, "learned": simulators.learned(seen, SEED).record()}
        for seen in VIEWS
    }
    durable.write_json(index, {"simulators": kept})


def _answers(opened: Opened, data: RationaleDataset, told: Told) -> Iterator[tuple[str, int]]:
    source, done, start = iter(data), 0, time.monotonic()
    while part := list(islice(source, _CHUNK)):
        cases = []
        for example in part:
            words = split_words(example, data.word_rule)
            cases.append(Case(example, words, encoding=opened.model.encode(example, words)))
        for example, answer in zip(part, opened.engine.answer([case.whole() for case in cases]), strict=True):
            yield example.id, int(np.argmax(answer))
        done += len(part)
        left = (time.monotonic() - start) / done * (len(data) - done)
        told({"text": f"asking the model about {done} of {len(data)} examples", "seconds_left": left + LEARNING})


def main() -> int:
    """Reads what to learn, learns it, and says how far it is."""
    settle()
    end_with(sys.stdin.fileno())
    signal.alarm(SECONDS)
    asked = json.loads(sys.stdin.buffer.readline())
    limit_memory(asked["memory"])
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def told(how: Mapping[str, Any]) -> None:
        out.write(json.dumps(how) + "\n")
        out.flush()

    try:
        learn(Workspace(asked["workspace"]), asked, Path(asked["index"]), told)
    except RationaleEvalError as error:
        told({"error": str(error)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
