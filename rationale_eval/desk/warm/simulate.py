"""What a simulator guesses of the model's answer, with and without a rationale in words.

The simulators of a model and a data set are trained once, in the background, and kept by content with those of
evaluations; until they are there, the answer says how far they are.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from rationale_eval import durable
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example, Task, TaskKind
from rationale_eval.data.load import load_dataset
from rationale_eval.desk.warm.probe import example_of, task_of
from rationale_eval.desk.warm.shelf import SHELF, Opened
from rationale_eval.desk.warm.simulator import CONFIG, EXAMPLES, LEARNING, SEED, VERSION, VIEWS, own_choices
from rationale_eval.errors import InputError, UsageError
from rationale_eval.simulators.small_simulator import SmallSimulator
from rationale_eval.simulators.view import Seen, view
from rationale_eval.verbs.simulating import KEPT
from rationale_eval.workspace.launch import environment
from rationale_eval.workspace.runs import Workspace

MODULE: Final = "rationale_eval.desk.warm.simulator"
INDEX: Final = Path("memory") / "probe"
"""Where a workspace keeps which simulators belong to a model and a data set."""

TRAIN: Final = "train"
MEMORY: Final = 4 * 1024**3
MOST: Final = 8
"""Models and data sets whose simulators are held in memory."""

Loaded = Mapping[Seen, SmallSimulator]


@dataclass(slots=True, eq=False)
class _Training:
    """Simulators that are being trained.

    Args:
        process: That trains them.
        told: What it said last.
        at: When, by the monotonic clock.
    """

    process: subprocess.Popen[bytes]
    told: dict[str, Any] = field(default_factory=lambda: {"text": "starting", "seconds_left": 20 + LEARNING})
    at: float = field(default_factory=time.monotonic)

    @property
    def live(self) -> bool:
        return self.process.poll() is None

    def state(self) -> dict[str, Any]:
        """How far it is, with the seconds that are left by now."""
        left = max(1.0, self.told["seconds_left"] - (time.monotonic() - self.at))
        return {"state": "training", "text": self.told["text"], "seconds_left": left}


_loaded: OrderedDict[str, tuple[Loaded, Mapping[Seen, Any]]] = OrderedDict()
_training: dict[str, _Training] = {}


def simulate(
    workspace: Workspace,
    model: str,
    source: Mapping[str, Any],
    record: Mapping[str, Any],
    texts: Mapping[str, str],
    task: Mapping[str, Any] | None = None,
    rule: str = "unicode",
    train: bool = True,
) -> dict[str, Any]:
    """What simulators guess for an example.

    Args:
        workspace: Where runs and simulators are.
        model: The model whose answer is guessed.
        source: `data`, whose training split they learn from; `mapping`, our names to the columns of an own file; and
            `split`, the one that the example is from, which they must not have seen.
        record: The example.
        texts: Rationales, by a name each.
        task: What the model is to do, where it does not say so itself.
        rule: How texts are split into words.
        train: Begin to train them where they are missing.

    Returns:
        `state`: "ready", "training", "failed" or "missing". While training `text` and `seconds_left`; after a failure
        `text`. Else `answer`, the index of the model's answer; `choices`; `input`: probabilities from the text alone;
        `both` and `rationale`: by the name of the rationale, with the text and alone; and `learned`: how good each is.
    """
    if source["split"] == TRAIN:
        raise UsageError("simulators learn from the training split and so cannot judge its examples; pick another.")
    opened = SHELF.take(workspace, model, task_of(task))
    data, mapping = source["data"], dict(source.get("mapping") or {})
    key = _key(opened, data, mapping)
    index = workspace.path / INDEX / f"{key}.json"
    found = _load(key, index, workspace)
    if found is None:
        return _state(key, index, workspace, {"model": model, "data": data, "mapping": mapping}, train)
    loaded, learned = found
    example = example_of(record)
    answer = opened.case(example, rule).target
    example = own_choices(replace(example, rationales=()), opened.model.choices)
    return {
        "state": "ready",
        "answer": answer,
        "choices": list(example.choices),
        "input": _guess(loaded, "input", example, answer, ""),
        "both": {name: _guess(loaded, "both", example, answer, text) for name, text in texts.items()},
        "rationale": {name: _guess(loaded, "rationale", example, answer, text) for name, text in texts.items()},
        "learned": learned,
    }


def _guess(loaded: Loaded, seen: Seen, example: Example, answer: int, text: str) -> list[float]:
    simulator = loaded[seen]
    kind: TaskKind = "multiple_choice" if simulator.stack.shape.outputs == 1 else "classification"
    task = Task(example.task, kind, tuple(example.inputs), example.choices if kind == "classification" else ())
    data = RationaleDataset.from_examples([example], task)
    shown = view(data, seen, {example.id: answer}, {example.id: text}, CONFIG.vacuous)
    return [float(each) for each in simulator.guesses(shown)[example.id]]


def _load(key: str, index: Path, workspace: Workspace) -> tuple[Loaded, Mapping[Seen, Any]] | None:
    """The simulators and what came of their training; None where they are missing or damaged."""
    if key not in _loaded:
        try:
            record = json.loads(index.read_text(encoding="utf-8"))["simulators"]
            places = {seen: workspace.path / KEPT / Path(record[seen]["folder"]).name for seen in VIEWS}
            learned = {seen: record[seen]["learned"] for seen in VIEWS}
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if any(durable.damage(place) is not None for place in places.values()):
            return None
        _loaded[key] = {seen: SmallSimulator.load(place, "cpu") for seen, place in places.items()}, learned
    _loaded.move_to_end(key)
    while len(_loaded) > MOST:
        _loaded.popitem(last=False)
    return _loaded[key]


def _state(key: str, index: Path, workspace: Workspace, asked: Mapping[str, Any], train: bool) -> dict[str, Any]:
    """How far the training is; begins it where nobody has. One is trained at a time."""
    known = _training.get(key)
    if known is not None and known.live and "error" not in known.told:
        return known.state()
    if not train:
        why = "" if known is None else known.told.get("error") or "their training ended before it was finished."
        return {"state": "failed", "text": why} if known is not None else {"state": "missing"}
    if any(each.live for each in _training.values()):
        return {"state": "training", "text": "waiting for the simulators of another model", "seconds_left": None}
    _training[key] = _begin(index, workspace, asked)
    return _training[key].state()


def _begin(index: Path, workspace: Workspace, asked: Mapping[str, Any]) -> _Training:
    durable.make_folder(workspace.path / INDEX, 0o700)
    process = subprocess.Popen(
        [sys.executable, "-m", MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(os.environ),
        start_new_session=True,
        close_fds=True,
        umask=0o077,
    )
    made = _Training(process)
    whole = {**asked, "split": TRAIN, "workspace": str(workspace.path.absolute()), "index": str(index.absolute())}
    assert process.stdin is not None
    process.stdin.write(json.dumps({**whole, "memory": MEMORY}).encode() + b"\n")
    process.stdin.flush()  # and left open: the process ends when this one does
    threading.Thread(target=_hear, args=(made,), name="simulators", daemon=True).start()
    return made


def _hear(training: _Training) -> None:
    assert training.process.stdout is not None
    for line in training.process.stdout:
        training.told, training.at = json.loads(line), time.monotonic()
    training.process.wait()


def _key(opened: Opened, data: str, mapping: Mapping[str, str]) -> str:
    """Another one as soon as the model or the file that is learned from changes."""
    try:
        source = load_dataset(data, TRAIN, mapping=mapping or None)
    except (UsageError, InputError) as error:
        raise UsageError(f"{data} has no training split that a simulator could learn from ({error})") from error
    files = [[name, *_stat(name)] for name in source.origin.files]
    return durable.digest(
        [VERSION, opened.model.fingerprint, data, dict(mapping), files, CONFIG.record(), EXAMPLES, SEED]
    )[:32]


def _stat(name: str) -> list[int]:
    with suppress(OSError):
        status = os.stat(name)
        return [status.st_size, status.st_mtime_ns]
    return []
