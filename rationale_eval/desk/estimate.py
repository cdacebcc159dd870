"""What a training will take before it starts: from runs that were alike, else from a few steps measured here."""

from __future__ import annotations

import hashlib
import json
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from rationale_eval import durable
from rationale_eval.desk.desk import Desk
from rationale_eval.desk.recipes import CACHE, stamp
from rationale_eval.desk.training import Asked
from rationale_eval.desk.warm.client import Warm
from rationale_eval.errors import RationaleEvalError
from rationale_eval.workspace.quotas import size_of
from rationale_eval.workspace.rows import RunRow

_AMOUNT: Final = ("epochs", "max_steps", "evaluate_every", "patience", "checkpoint_every", "checkpoint_seconds")
_OPTIMIZER: Final = ("lr", "weight_decay", "beta1", "beta2", "eps", "layer_decay", "warmup", "schedule", "clip")
_CHOICE: Final = ("term_schedules", "selection", "metric")
SCALING: Final = frozenset({*_AMOUNT, *_OPTIMIZER, *_CHOICE})
"""Knobs that change how many steps there are, or what they lead to, but not how long one takes."""

NEWEST: Final = 5
PATIENCE: Final = 240.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a training will take.

    Args:
        seconds: Time to the end, if nothing else wants the machine; None where the number of examples is unknown.
        memory: Bytes of memory at the most, or None where it was not measured.
        disk: Bytes on the disk at the end.
        while_training: Bytes on the disk at the most, or None where it was not measured.
        steps: Optimizer steps of the longest stage, or None.
        basis: Where the numbers come from, in a sentence.
    """

    seconds: float | None
    memory: int | None
    disk: int | None
    while_training: int | None
    steps: int | None
    basis: str


def steps_of(examples: int, config: Mapping[str, Any]) -> int:
    """Optimizer steps that so many examples make."""
    batch = int(config["batch_size"]) * int(config.get("accumulate") or 1)
    steps = math.ceil(examples / batch) * int(config["epochs"])
    most = config.get("max_steps")
    return steps if most is None else min(steps, int(most))


def from_runs(desk: Desk, asked: Asked, config: Mapping[str, Any]) -> Estimate | None:
    """From finished runs of the same recipe, model, data and settings, the amount of data aside.

    Args:
        desk: Whose runs.
        asked: The training.
        config: All its knobs.
    """
    alike = [
        each.row
        for each in desk.runs(kind="train", states=("finished",))
        if _alike(each.row, asked, config) and each.row.summary is not None
    ][:NEWEST]
    if not alike:
        return None
    summaries: list[Mapping[str, Any]] = [row.summary for row in alike if row.summary is not None]
    pace = median(summary["seconds"] / summary["steps"] for summary in summaries)
    examples = _examples(
        asked, [(row.config, int(each["train_examples"])) for row, each in zip(alike, summaries, strict=True)]
    )
    steps = None if examples is None else steps_of(examples, config)
    sizes = [size_of(desk.run(row.id).folder) for row in alike]
    held = [int(summary["memory"]) for summary in summaries if summary.get("memory")]
    several = f"{len(alike)} earlier runs" if len(alike) > 1 else "an earlier run"
    return Estimate(
        None if steps is None else pace * steps,
        max(held) if held else None,
        max(sizes),
        None,
        steps,
        f"from {several} of this recipe, model and data: {pace:.2g} seconds a step, evaluations included.",
    )


def _alike(row: RunRow, asked: Asked, config: Mapping[str, Any]) -> bool:
    if (row.recipe, row.config.get("data"), row.config.get("model")) != (asked.recipe, asked.data, asked.model):
        return False
    known: Mapping[str, Any] = row.config["config"]
    return all(known.get(name) == value for name, value in config.items() if name not in SCALING | {"precision"})


def _examples(asked: Asked, known: Sequence[tuple[Mapping[str, Any], int]]) -> int | None:
    """Training examples there will be: the limit, unless it is known that there are fewer."""
    whole = [number for config, number in known if not (config.get("limit") or config.get("sample"))]
    # A part is held out of sets without a development split, so fewer than the limit may mean that and not the end.
    if asked.limit is None:
        return whole[0] if whole else None
    same = [number for config, number in known if (config.get("limit") or config.get("sample")) == asked.limit]
    return same[0] if same else min([asked.limit, *whole])


class Measurements:
    """Measurements of one workspace: one at a time, each in a process of its own; kept for the next time.

    Args:
        workspace: Folder of the workspace.
    """

    def __init__(self, workspace: Path):
        self.workspace = workspace
        self._lock = threading.Lock()
        self._at: str | None = None
        self._failed: dict[str, str] = {}

    def begin(self, desk: Desk, asked: Asked, config: Mapping[str, Any]) -> None:
        """Measures in the background, unless something is being measured.

        Raises:
            NotAllowed: In a read-only dashboard.
        """
        desk.access.require_change("measure a training")
        key = _key(asked, config)
        with self._lock:
            if self._at is not None:
                return
            self._at = key
            self._failed.pop(key, None)
        threading.Thread(target=self._measure, args=(key, asked.job()), name="measuring", daemon=True).start()

    @property
    def busy(self) -> bool:
        """Whether something is being measured."""
        return self._at is not None

    def problem(self, asked: Asked, config: Mapping[str, Any]) -> str | None:
        """Why this could not be measured, or None."""
        return self._failed.get(_key(asked, config))

    def found(self, asked: Asked, config: Mapping[str, Any]) -> Estimate | None:
        """What was measured of such a training, scaled to its length; None where nothing was."""
        try:
            told: Mapping[str, Any] = json.loads(self._file(_key(asked, config)).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        steps = steps_of(told["train_examples"], config)
        epochs = math.ceil(steps / max(1, steps_of(told["train_examples"], {**config, "epochs": 1, "max_steps": None})))
        seconds = sum(told["stages"]) * steps + told["seconds_per_evaluation"] * epochs * len(told["stages"])
        pace = ", ".join(f"{each:.2g}" for each in told["stages"])
        return Estimate(
            seconds,
            told["memory"],
            told["model"],
            told["model"] + told["checkpoints"],
            steps,
            f"from a few steps measured on this machine ({told['device']}): {pace} seconds a step. "
            "Early stopping can make it shorter, other work on the machine longer.",
        )

    def _measure(self, key: str, job: Mapping[str, Any]) -> None:
        warm = Warm(self.workspace)
        try:
            told = warm.call("measure", timeout=PATIENCE, job=dict(job))
            durable.make_folder(self.workspace / CACHE, 0o700)
            durable.write_json(self._file(key), told)
        except (RationaleEvalError, OSError) as error:
            self._failed[key] = str(error)
        finally:
            warm.close()
            self._at = None

    def _file(self, key: str) -> Path:
        return self.workspace / CACHE / f"measured-{key}.json"


def _key(asked: Asked, config: Mapping[str, Any]) -> str:
    """Equal for trainings whose steps take equally long and that have equally many examples."""
    kept = {name: value for name, value in config.items() if name not in SCALING}
    told = [stamp(), asked.recipe, asked.model, asked.data, asked.limit, asked.drawn, asked.dev_limit, kept]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


_known: dict[str, Measurements] = {}
_adding = threading.Lock()


def measurements(desk: Desk) -> Measurements:
    """The measurements of a desk's workspace; one object in the whole process."""
    path = desk.workspace.path.absolute()
    with _adding:
        return _known.setdefault(str(path), Measurements(path))
