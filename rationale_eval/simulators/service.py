"""Simulators as a service: trained once for each data, view, configuration and seed, kept, shared by all metrics."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from shutil import rmtree
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rationale_eval import durable
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.models.load import load_model
from rationale_eval.simulators.config import SimulatorConfig
from rationale_eval.simulators.learned import Learned, Select, Simulator
from rationale_eval.simulators.robust import train_robust
from rationale_eval.simulators.shared import served, train_shared
from rationale_eval.simulators.simulator import ModelSimulator, train_simulator
from rationale_eval.simulators.small_simulator import Order, SmallSimulator, train_small
from rationale_eval.simulators.stacked import TOGETHER
from rationale_eval.simulators.vacuous import Wording
from rationale_eval.simulators.view import GUESSING, ROBUST, SEEN, Seen, says_nothing_new, view
from rationale_eval.training.fingerprint import digest
from rationale_eval.training.progress import Report, silent

VERSION: Final = 1
"""Raised whenever the same key would give another simulator."""

LEARNED: Final = "learned.json"

Made = tuple[Simulator, Learned]

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
        self._loaded: dict[tuple[Seen, int], Made] = {}
        self._known: dict[tuple[Seen, int], dict[bytes, NDArray[np.float64]]] = {}

    def train_all(self, views: Iterable[Seen] = SEEN, seed: int = 0) -> None:
        """Trains what is missing of the simulators of some views."""
        train_together([(self, seen, seed) for seen in views])

    def guesses(self, answers: Answers, seen: Seen, seed: int = 0) -> dict[str, NDArray[np.float64]]:
        """What the simulator of a view and seed answers: probabilities of the choices by example id.

        What it has read before it is not shown again: it answers by what a view shows, whose rationale that is or which
        example it belongs to plays no part. An audit shows some views of the same texts for every source.

        Where a rationale is empty or says just what the vacuous one says, the simulator that sees the vacuous one alone
        answers for `vacuous_rationale` too (Chen et al. 2023, REV), so that such a rationale adds exactly nothing.
        """
        shown, known = answers.seen(seen, self.config.vacuous), self._known.setdefault((seen, seed), {})
        stated = seen == "vacuous_rationale"
        empty = {example.id for example in shown if stated and says_nothing_new(example)}
        read = {example.id: _read(example) for example in shown if example.id not in empty}
        new = {text: id for id, text in read.items() if text not in known}
        if new:
            ids = set(new.values())
            found = self._get(seen, seed)[0].guesses(shown.where(lambda example: example.id in ids))
            known |= {read[id]: probabilities for id, probabilities in found.items()}
        alone = self.guesses(answers, "vacuous", seed) if empty else {}
        return {id: known[text] for id, text in read.items()} | {id: alone[id] for id in empty}

    def learned(self, seen: Seen, seed: int = 0) -> Learned:
        """What came of its training."""
        return self._get(seen, seed)[1]

    def place(self, seen: Seen, seed: int = 0) -> Path:
        """The folder that keeps the simulator of a view and seed, once it is trained."""
        return self.folder / self._key(seen, *self._views(seen), seed)

    def _views(self, seen: Seen) -> tuple[RationaleDataset, RationaleDataset]:
        train, dev = (answers.seen(seen, self.config.vacuous) for answers in (self.train, self.dev))
        return train, dev

    def _key(self, seen: Seen, train: RationaleDataset, dev: RationaleDataset, seed: int) -> str:
        made_by = self.config.record(robust=seen in ROBUST)
        return digest([VERSION, train.fingerprint(), dev.fingerprint(), made_by, seed])

    def _order(self, seen: Seen, train: RationaleDataset, dev: RationaleDataset, seed: int) -> Order:
        return Order(train, dev, seed, _metric(seen), self.config if seen in ROBUST else None)

    def _get(self, seen: Seen, seed: int) -> Made:
        if (seen, seed) not in self._loaded:
            self.config.require([seen])
            if self.config.shared:
                made, learned = self._get_shared(seed)
                self._loaded |= {(each, seed): (made, found) for each, found in learned.items()}
            else:
                train, dev = self._views(seen)
                key = self._key(seen, train, dev, seed)
                self._loaded[seen, seed] = self._kept(key, train) or self._made(key, seen, train, dev, seed)
        return self._loaded[seen, seed]

    def _get_shared(self, seed: int) -> tuple[Simulator, dict[Seen, Learned]]:
        views = {seen: self._views(seen) for seen in ("both", *served(self.config))}
        train, dev = ({seen: of[part] for seen, of in views.items()} for part in (0, 1))
        key = self._key("both", train["both"], dev["both"], seed)
        found = self._found(key)
        if found is not None:
            return self._load(key, train["both"]), {seen: Learned(**found[seen]) for seen in served(self.config)}
        with self._training(key, f"shared simulator {self.config.weights}, seed {seed}") as (unfinished, report):
            made = train_shared(
                self.config, train, dev, folder=unfinished, device=self.device, seed=seed, report=report
            )
            self._keep(key, made[0], {seen: about.record() for seen, about in made[1].items()})
        return made

    def _kept(self, key: str, train: RationaleDataset) -> Made | None:
        found = self._found(key)
        return None if found is None else (self._load(key, train), Learned(**found))

    def _found(self, key: str) -> dict[str, Any] | None:
        """What a kept simulator has learned; None where there is none, or only a damaged one, which is taken away."""
        place = self.folder / key
        if durable.damage(place) is not None:
            rmtree(place, ignore_errors=True)
            return None
        found: dict[str, Any] = json.loads((place / LEARNED).read_text(encoding="utf-8"))
        return found

    def _load(self, key: str, train: RationaleDataset) -> Simulator:
        if self.config.is_small:
            return SmallSimulator.load(self.folder / key, self.device)
        return ModelSimulator(load_model(str(self.folder / key / "model"), task=train.task, device=self.device))

    @contextmanager
    def _training(self, key: str, what: str) -> Iterator[tuple[Path, Report]]:
        """A folder for what is not finished, taken away once the training has ended, and what is told of its steps."""
        unfinished = self.work / key
        durable.make_folder(unfinished)
        with self._shown(what) as report:
            yield unfinished, report
        rmtree(unfinished, ignore_errors=True)

    def _made(self, key: str, seen: Seen, train: RationaleDataset, dev: RationaleDataset, seed: int) -> Made:
        if self.config.is_small:
            with self._shown(f"small simulator of {seen}, seed {seed}"):
                (made,) = train_small([self._order(seen, train, dev, seed)], self.config.small, device=self.device)
            self._keep(key, made[0], made[1].record())
            return made
        with self._training(key, f"simulator {self.config.weights} of {seen}, seed {seed}") as (unfinished, report):
            if seen in ROBUST:
                whole = train_robust(
                    self.config, train, dev, folder=unfinished, device=self.device, seed=seed, report=report
                )
            else:
                whole = train_simulator(
                    self.config, train, dev, folder=unfinished, metric=_metric(seen), device=self.device, seed=seed,
                    report=report,
                )  # fmt: skip
            self._keep(key, whole[0], whole[1].record())
        return whole

    def _keep(self, key: str, made: Simulator, about: Mapping[str, Any]) -> None:
        def fill(folder: Path) -> None:
            made.save(folder)
            durable.write_json(folder / LEARNED, about)

        try:
            durable.write_folder(self.folder / key, fill)
        except OSError:
            # Another process has just kept the same simulator.
            if durable.damage(self.folder / key) is not None:
                raise


def _metric(seen: Seen) -> Select:
    return "accuracy" if seen in GUESSING else "loss"


Wanted = tuple[Simulators, Seen, int]
"""A simulator by where it belongs, what it sees, and its seed."""


def train_together(wanted: Sequence[Wanted]) -> None:
    """Trains what is missing, small simulators of one shape and configuration in stacks, the others one by one."""
    stacks: dict[tuple[str, str, int], dict[str, tuple[Wanted, Order]]] = {}
    views: dict[tuple[int, Seen], tuple[RationaleDataset, RationaleDataset]] = {}  # shared, and so read once
    for made, seen, seed in wanted:
        if not made.config.is_small or (seen, seed) in made._loaded:
            continue
        if (id(made), seen) not in views:
            views[id(made), seen] = made._views(seen)
        train, dev = views[id(made), seen]
        key = made._key(seen, train, dev, seed)
        if durable.damage(made.folder / key) is not None:
            kind = (made.config.model_dump_json(), made.device, len(train.task.choices))
            stacks.setdefault(kind, {})[key] = ((made, seen, seed), made._order(seen, train, dev, seed))
    for of_kind in stacks.values():
        missing = list(of_kind.items())
        for start in range(0, len(missing), TOGETHER):
            _train_stack(dict(missing[start : start + TOGETHER]))
    for made, seen, seed in wanted:
        made._get(seen, seed)


def _train_stack(missing: Mapping[str, tuple[Wanted, Order]]) -> None:
    first = next(iter(missing.values()))[0][0]
    with first._shown(f"{len(missing)} small simulators"):
        found = train_small([order for _, order in missing.values()], first.config.small, device=first.device)
    for (key, ((made, seen, seed), _)), one in zip(missing.items(), found, strict=True):
        made._keep(key, one[0], one[1].record())
        made._loaded[seen, seed] = one


def _read(example: Example) -> bytes:
    """What a simulator reads of an example, as a hash: the fields of the view and the choices."""
    shown = repr((list(example.inputs.items()), example.choices))
    return blake2b(shown.encode("utf-8", "surrogatepass"), digest_size=16).digest()
