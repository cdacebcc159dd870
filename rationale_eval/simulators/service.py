"""Simulators as a service: trained once for each data, view, configuration and seed, kept, shared by all metrics."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rationale_eval import durable
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.models.load import load_model
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.simulators.simulator import Learned, SimulatorConfig, guesses, train_simulator
from rationale_eval.simulators.vacuous import Wording
from rationale_eval.simulators.view import SEEN, Seen, says_nothing_new, view
from rationale_eval.training.fingerprint import digest
from rationale_eval.training.progress import Report, silent

VERSION: Final = 1
"""Raised whenever the same key would give another simulator."""

LEARNED: Final = "learned.json"

Shown = Callable[[str], AbstractContextManager[Report]]
"""Called with what is being trained; gives what is told of every step."""


def silently(what: str) -> AbstractContextManager[Report]:
    """Shows nothing."""
    return nullcontext(silent)


@dataclass(frozen=True, slots=True)
class Answers:
    """Whose answers are guessed, and from what.

    Args:
        data: The examples.
        targets: Example id to the index of the answer.
        texts: Example id to rationale.
    """

    data: RationaleDataset
    targets: Mapping[str, int]
    texts: Mapping[str, str]

    def seen(self, seen: Seen, wording: Wording = "merged") -> RationaleDataset:
        """As a simulator sees it, with the vacuous rationale in some wording."""
        return view(self.data, seen, self.targets, self.texts, wording)


class Simulators:
    """Trains and keeps simulators.

    Args:
        folder: Where they are kept, one folder each, named by a hash of all that makes them.
        work: A folder of the caller's own for what is not finished; going on with it loses no training.
        train: What they learn from.
        dev: What they are held to.
        config: How they are trained.
        device: Where.
        shown: Shows progress.
    """

    def __init__(
        self,
        folder: Path,
        work: Path,
        train: Answers,
        dev: Answers,
        config: SimulatorConfig,
        *,
        device: str = "auto",
        shown: Shown = silently,
    ):
        self.folder, self.work, self.train, self.dev = folder, work, train, dev
        self.config, self.device, self._shown = config, device, shown
        self._loaded: dict[str, tuple[TransformerModel, Learned]] = {}

    def train_all(self, views: Iterable[Seen] = SEEN, seed: int = 0) -> None:
        """Trains what is missing of the simulators of some views."""
        for seen in views:
            self._get(seen, seed)

    def guesses(self, answers: Answers, seen: Seen, seed: int = 0) -> dict[str, NDArray[np.float64]]:
        """What the simulator of a view and seed answers: probabilities of the choices by example id.

        Where a rationale is empty or says just what the vacuous one says, the simulator that sees the vacuous one alone
        answers for `vacuous_rationale` too (Chen et al. 2023, REV), so that such a rationale adds exactly nothing.
        """
        shown = answers.seen(seen, self.config.vacuous)
        if seen != "vacuous_rationale":
            return guesses(self._get(seen, seed)[0], shown)
        empty = {example.id for example in shown if says_nothing_new(example)}
        found = guesses(self._get(seen, seed)[0], shown.where(lambda example: example.id not in empty))
        # Asked about all of them again, since what shares a batch can change the last digit.
        alone = self.guesses(answers, "vacuous", seed) if empty else {}
        return found | {key: alone[key] for key in empty}

    def learned(self, seen: Seen, seed: int = 0) -> Learned:
        """What came of its training."""
        return self._get(seen, seed)[1]

    def _get(self, seen: Seen, seed: int) -> tuple[TransformerModel, Learned]:
        train, dev = (answers.seen(seen, self.config.vacuous) for answers in (self.train, self.dev))
        key = digest([VERSION, train.fingerprint(), dev.fingerprint(), self.config.record(), seed])
        if key not in self._loaded:
            self._loaded[key] = self._kept(key, train) or self._made(key, seen, train, dev, seed)
        return self._loaded[key]

    def _kept(self, key: str, train: RationaleDataset) -> tuple[TransformerModel, Learned] | None:
        place = self.folder / key
        if durable.damage(place) is not None:
            rmtree(place, ignore_errors=True)
            return None
        learned = Learned(**json.loads((place / LEARNED).read_text(encoding="utf-8")))
        return load_model(str(place / "model"), task=train.task, device=self.device), learned

    def _made(
        self, key: str, seen: Seen, train: RationaleDataset, dev: RationaleDataset, seed: int
    ) -> tuple[TransformerModel, Learned]:
        unfinished = self.work / key
        durable.make_folder(unfinished)
        with self._shown(f"simulator {self.config.weights} of {seen}, seed {seed}") as report:
            model, learned = train_simulator(
                self.config, train, dev, folder=unfinished, device=self.device, seed=seed, report=report
            )

        def fill(folder: Path) -> None:
            model.save(str(folder / "model"))
            durable.write_json(folder / LEARNED, learned.record())

        try:
            durable.write_folder(self.folder / key, fill)
        except OSError:
            # Another process has just kept the same simulator.
            if durable.damage(self.folder / key) is not None:
                raise
        rmtree(unfinished, ignore_errors=True)
        return model, learned
