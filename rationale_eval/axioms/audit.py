"""The audit: speak under every condition, train the simulators that judge, score every source, check every axiom."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from rationale_eval import durable
from rationale_eval.axioms import rationalizers  # noqa: F401 -- registers them
from rationale_eval.axioms.conditions import Condition, conditions
from rationale_eval.axioms.edited import edited
from rationale_eval.axioms.people import BY_MODELS, BY_PEOPLE, RATED
from rationale_eval.axioms.protocol import Protocol
from rationale_eval.axioms.rated import RatedSet
from rationale_eval.axioms.rationalizer import RATIONALIZERS, Place
from rationale_eval.axioms.same_audit import SPOKEN, require_same_audit
from rationale_eval.axioms.scorecard import Scorecard, scorecards
from rationale_eval.axioms.scoring import Audited, Speech, score, views
from rationale_eval.axioms.sources import CEILING, empty, gold, reference, shuffled, verbalised
from rationale_eval.axioms.spoken import Spoken
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.errors import UsageError
from rationale_eval.models.text_encoder import TextEncoder
from rationale_eval.rationales.perturbations import Report
from rationale_eval.simulators.config import read_simulator
from rationale_eval.simulators.service import Answers, Simulators, Wanted, train_together
from rationale_eval.training.held_out import hold_out

if TYPE_CHECKING:
    from rationale_eval.models.transformer import TransformerModel

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]

DEV = 0.2
"""Share of the simulators' examples that they are held to."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found.

    Args:
        cards: One for each metric and variant.
        scores: Every score; see `scoring.score`.
        accuracy: Of the task model on the evaluated examples, by source and seed.
        perturbations: How often each applied, by seed.
        learned: What came of every simulator's training: source, seed, weights, view and the record.
    """

    cards: list[Scorecard]
    scores: pd.DataFrame
    accuracy: Mapping[tuple[str, int], float]
    perturbations: list[tuple[int, Report]]
    learned: list[dict[str, Any]]


class Auditor:
    """Audits metrics on one data set.

    Args:
        train: What task models learn from.
        test: What metrics are computed on.
        audited: The metrics.
        protocol: How.
        folder: A folder of the audit's own; what it holds is not done again.
        kept: Where simulators are kept.
        ratings: Explanations that people rated, or None.
        paraphraser: Loads the language model of the perturbations that need one; None where none does.
        device: Where models run.
        seed: The first seed.
        show: Shows progress.
    """

    def __init__(  # noqa: PLR0913 -- as a verb; all but the first four are keywords
        self,
        train: RationaleDataset,
        test: RationaleDataset,
        audited: Sequence[Audited],
        protocol: Protocol,
        *,
        folder: Path,
        kept: Path,
        ratings: RatedSet | None = None,
        paraphraser: Callable[[], TransformerModel] | None = None,
        device: str = "auto",
        seed: int = 0,
        show: Progress,
    ):
        self.protocol, self.audited = protocol, list(audited)
        self.ratings = None if ratings is None else ratings.sample(protocol.rated_limit, seed)
        self.folder, self.kept, self.device, self.seed, self.show = folder, kept, device, seed, show
        self._paraphraser = paraphraser
        known = train.where(lambda one: one.label is not None and bool(one.rationales))
        self.train = held(known.sample(protocol.train_limit, seed))
        self.test = held(test.where(lambda one: one.label is not None).sample(protocol.eval_limit, seed))
        if len(self.train) < 50 or len(self.test) < 20:
            raise UsageError(
                f"an audit needs 50 training examples with a label and a rationale and 20 to evaluate on; "
                f"{train.name} has {len(self.train)} ({train.split}) and {len(self.test)} ({test.split})"
            )
        part = self.train.sample(protocol.simulator_limit, seed)
        self._parts = tuple(held(each) for each in hold_out(part, DEV))
        self.conditions = conditions(protocol.noise, protocol.data)
        self.config = read_simulator(protocol.simulator)
        self.weights = list(dict.fromkeys(str(one.options["weights"]) for one in audited if "weights" in one.options))
        needs = {need for one in audited for need in one.metric.needs}
        self.encoder = TextEncoder(device=device) if "encoder" in needs else None

    def run(self) -> Audit:
        """Does all of it.

        Raises:
            UsageError: If the folder belongs to another audit.
        """
        require_same_audit(self.folder, self.train, self.test, self.protocol)
        tables, accuracy, reports, learned = [], dict[tuple[str, int], float](), list[tuple[int, Report]](), []
        for seed in range(self.seed, self.seed + self.protocol.seeds):
            spoken = self._speak(seed)
            for condition, (_, said) in spoken.items():
                accuracy[_source(condition), seed] = said.accuracy(self.test)
            speeches, found = self._speeches(spoken, seed)
            reports += [(seed, report) for report in found]
            self._train(speeches, seed)
            with self.show(f"scoring, {self._turn(seed)}", len(speeches)) as step:
                tables.append(self._parted(score(speeches, self.audited, self.encoder, told=step)))
            learned += self._learned(speeches, seed)
        scores = pd.concat(tables, ignore_index=True)
        people = self.ratings.plausibility if self.ratings is not None else {}
        return Audit(scorecards(scores, self.audited, accuracy, people), scores, accuracy, reports, learned)

    def _turn(self, seed: int) -> str:
        """Which seed, and how many there are: the time left that is shown beside it is that of one seed's part."""
        many = self.protocol.seeds
        return f"seed {seed}" + (f" ({seed - self.seed + 1} of {many})" if many > 1 else "")

    def _speak(self, seed: int) -> dict[Condition, tuple[Spoken, Spoken]]:
        """Answers and rationales on training and test data under every condition; made once, kept in the folder."""
        found = {}
        place, speak = self.folder / SPOKEN, RATIONALIZERS[self.protocol.rationalizer].speak
        durable.make_folder(place)
        with self.show(
            f"task model under {len(self.conditions)} conditions, {self._turn(seed)}", len(self.conditions)
        ) as step:
            for condition in self.conditions:
                paths = [place / f"{condition.name}-{seed}-{part}.json" for part in ("train", "test")]
                if not all(path.exists() for path in paths):
                    work = Place(self.folder / "work" / f"{condition.name}-{seed}", self.device, seed)
                    said = speak(condition.apply(self.train, seed), [self.train, self.test], work)
                    for path, one in zip(paths, said, strict=True):
                        one.save(path)
                found[condition] = (Spoken.load(paths[0]), Spoken.load(paths[1]))
                step(1)
        return found

    def _speeches(
        self, spoken: Mapping[Condition, tuple[Spoken, Spoken]], seed: int
    ) -> tuple[list[Speech], list[Report]]:
        taught, said = spoken[self.conditions[0]]
        data, kind = self.test, self.protocol.reference
        base = self._simulators(taught)

        def speech(source: str, spoken: Spoken, **how: Any) -> Speech:
            return Speech(source, how.pop("data", data), spoken, how.pop("simulators", base), seed, **how)

        best = reference(data, said, kind, seed)
        right = gold(data, said)
        restating = {
            one.id: verbalised(one.choices[answer])
            for one in data
            if one.id in right.texts and (answer := said.answers[one.id]) is not None
        }
        order = [one.id for one in data]
        found = [
            speech("generated", said), speech("gold", right), speech("random", shuffled(said, order, seed)),
            speech("empty", empty(said)), speech("reference", best), speech(CEILING, said, ceiling=True),
            speech("restating", Spoken(said.answers, restating)),
        ]  # fmt: skip
        if self.protocol.retrain:
            retrained = self._simulators(reference(self.train, taught, kind, seed))
            found.append(speech("reference_retrained", best, simulators=retrained))
        changed, reports = self._edited(said, seed)
        found += [speech(source, each) for source, each in changed.items()]
        for condition in self.conditions[1:]:
            own_taught, own_said = spoken[condition]
            found.append(speech(condition.name, own_said, simulators=self._simulators(own_taught)))
        if self.ratings is not None and len(self.ratings.data):
            found += self._rated(seed)
        return found, reports

    def _edited(self, said: Spoken, seed: int) -> tuple[dict[str, Spoken], list[Report]]:
        with self.show(f"perturbations, {self._turn(seed)}", 1) as step:
            found = edited(
                self.protocol.perturbations,
                list(self.test),
                said,
                seed=seed,
                folder=self.folder,
                load=self._paraphraser,
            )
            step(1)
        return found

    def _rated(self, seed: int) -> list[Speech]:
        assert self.ratings is not None
        rated = self.ratings
        true = {one.id: one.label for one in self.train}
        learned = self._simulators(Spoken(true, {one.id: one.rationales[0] for one in self.train}))
        return [Speech(RATED, rated.data, rated.spoken, learned, seed)]

    def _simulators(self, taught: Spoken) -> dict[str, Simulators]:
        train, dev = (Answers(each, taught.read, taught.texts) for each in self._parts)
        return {
            weights: Simulators(
                self.kept, self.folder / "work", train, dev, self.config.model_copy(update={"weights": weights}),
                device=self.device,
            )
            for weights in self.weights
        }  # fmt: skip

    def _train(self, speeches: Sequence[Speech], seed: int) -> None:
        wanted: dict[tuple[int, str], Wanted] = {}
        for speech in speeches:
            for weights, made in speech.simulators.items():
                for seen in views(self.audited, weights):
                    wanted[id(made), seen] = (made, seen, seed)
        small = [each for each in wanted.values() if each[0].config.is_small]
        others = [each for each in wanted.values() if not each[0].config.is_small]
        with self.show(f"simulators, {self._turn(seed)}", len(small) + len(others)) as step:
            train_together(small)
            step(len(small))
            for each in others:
                train_together([each])
                step(1)

    def _parted(self, scores: pd.DataFrame) -> pd.DataFrame:
        """Rated explanations stand there once more as those of people and those of models."""
        rated = scores[scores["source"] == RATED]
        if self.ratings is None or rated.empty:
            return scores
        human = rated["example_id"].isin(self.ratings.by_people)
        parts = [rated[human].assign(source=BY_PEOPLE), rated[~human].assign(source=BY_MODELS)]
        return pd.concat([scores, *parts], ignore_index=True)

    def _learned(self, speeches: Sequence[Speech], seed: int) -> list[dict[str, Any]]:
        found: dict[tuple[int, str], dict[str, Any]] = {}
        for speech in speeches:
            for weights, made in speech.simulators.items():
                for seen in views(self.audited, weights):
                    record = {"source": speech.source, "seed": seed, "weights": weights, "view": seen}
                    found.setdefault((id(made), seen), record | made.learned(seen, seed).record())
        return list(found.values())


def held(data: RationaleDataset) -> RationaleDataset:
    """A data set in memory: an audit reads its few examples some hundred times."""
    return RationaleDataset.from_examples(
        data, data.task, name=data.name, split=data.split, word_rule=data.word_rule, cluster_field=data.cluster_field
    )


def _source(condition: Condition) -> str:
    return "generated" if condition.kind == "whole" else condition.name
