"""An audit as a run, or into a folder of the user's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rationale_eval import durable
from rationale_eval.axioms.audit import Auditor, held
from rationale_eval.axioms.choosing import choose
from rationale_eval.axioms.protocol import Protocol
from rationale_eval.axioms.rated import rated_of
from rationale_eval.axioms.rationalizer import RATIONALIZERS
from rationale_eval.axioms.scoring import Audited, views
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.load import load_dataset
from rationale_eval.errors import UsageError
from rationale_eval.models.load import load_model, reads
from rationale_eval.rationales.perturbations import PERTURBATIONS
from rationale_eval.simulators.config import read_simulator
from rationale_eval.training.fingerprint import digest
from rationale_eval.training.progress import progress as bar
from rationale_eval.verbs.attempt import attempt
from rationale_eval.verbs.audit import AuditResult, UserMetric, write
from rationale_eval.verbs.audit_job import AuditConfig
from rationale_eval.verbs.audit_summary import summary_row
from rationale_eval.verbs.beats import Shown, beating, counted, silently
from rationale_eval.verbs.checked import Checked
from rationale_eval.verbs.extract_run import require_same
from rationale_eval.verbs.job import Progress, placed, workspace_of
from rationale_eval.verbs.simulating import KEPT
from rationale_eval.workspace.runs import Run, Workspace


@dataclass(frozen=True, slots=True)
class Ready(Checked[AuditConfig]):
    """An audit that was checked without loading a model; `data` is what metrics are computed on.

    Args:
        train: What task model and simulators learn from.
        audited: The metrics.
        protocol: The knobs.
        ratings: Explanations that people rated, or None.
    """

    train: RationaleDataset
    audited: list[Audited]
    protocol: Protocol
    ratings: RationaleDataset | None

    @property
    def fingerprint(self) -> str:
        """Content hash of all data."""
        rated = None if self.ratings is None else self.ratings.fingerprint()
        return digest([self.data.fingerprint(), self.train.fingerprint(), rated])

    def auditor(self, folder: Path, place: Workspace, show: Progress) -> Auditor:
        """What does the work."""
        return Auditor(
            self.train, self.data, self.audited, self.protocol, folder=folder, kept=place.path / KEPT,
            ratings=None if self.ratings is None else rated_of(self.ratings, self.data.task),
            paraphraser=None if self.protocol.paraphraser is None else partial(
                load_model, self.protocol.paraphraser, task=self.data.task, device=self.job.device, workspace=place.path
            ),
            device=self.job.device, seed=self.job.seed, show=show,
        )  # fmt: skip


def check(job: AuditConfig, workspace: Workspace, metrics: Sequence[str | UserMetric] | None = None) -> Ready:
    """Checks an audit without loading a model.

    Raises:
        UsageError: For names, knobs or splits that do not exist, and things that do not go together.
        InputError: For data that cannot be used.
    """
    audited = choose(job.metrics if metrics is None else metrics)
    job = job.resolved(workspace)
    protocol = read_protocol(job.protocol, job.limit)
    for weights in {str(one.options["weights"]) for one in audited if "weights" in one.options}:
        read_simulator(protocol.simulator).model_copy(update={"weights": weights}).require(views(audited, weights))
    if protocol.paraphraser is not None and reads(protocol.paraphraser, workspace.path) == "encoder":
        raise UsageError(f"{protocol.paraphraser} does not write; name a language model as paraphraser")
    # In memory: a run reads them several times over.
    train = held(load_dataset(job.data, job.train_split, mapping=job.mapping or None))
    data = held(load_dataset(job.data, job.split, mapping=job.mapping or None))
    if data.split == train.split:
        raise UsageError(f"task models cannot learn from the split '{data.split}', which is evaluated; name another")
    if data.task.kind == "open":
        raise UsageError(f"the task '{data.task.name}' has open answers; simulators guess among choices")
    ratings = None if job.ratings is None else load_dataset(job.ratings)
    return Ready(job, data, train, audited, protocol, ratings)


def read_protocol(values: Mapping[str, Any], limit: int | None) -> Protocol:
    """Checks the knobs of the protocol; `simulator.NAME` sets one of the simulators.

    Raises:
        UsageError: For a knob or value that cannot be used.
    """
    given: dict[str, Any] = {} if limit is None else {"train_limit": limit}
    simulator: dict[str, Any] = dict(Protocol().simulator)
    for name, value in values.items():
        field = name.partition(".")[2]
        if name.startswith("simulator.") and field:
            simulator[field] = value
        elif name == "simulator" and isinstance(value, Mapping):
            simulator |= value
        else:
            listed = name in ("noise", "data", "perturbations") and isinstance(value, str | int | float)
            given[name] = [each for each in str(value).split(",") if each not in ("", "none")] if listed else value
    read_simulator(simulator)
    try:
        protocol = Protocol(**given, simulator=simulator)
    except ValidationError as error:
        first = error.errors()[0]
        known = ", ".join(Protocol.model_fields)
        raise UsageError(
            f"protocol {'.'.join(map(str, first['loc']))}: {first['msg'].lower()} (there are: {known})"
        ) from error
    RATIONALIZERS[protocol.rationalizer]
    for name in protocol.perturbations:
        if "lm" in PERTURBATIONS[name].needs and protocol.paraphraser is None:
            raise UsageError(
                f"the perturbation '{name}' needs a language model; name one with --set paraphraser=embedded/smollm2"
            )
    return protocol


def audit_run(
    config: AuditConfig,
    *,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
    about: Mapping[str, Any] | None = None,
) -> Run:
    """Audits metrics in a run of its own.

    Args:
        config: What to do.
        workspace: Where runs are kept; the default workspace when None.
        progress: Shows progress.
        about: title, owner, group, parent of the run.

    Raises:
        UsageError: For names that do not exist and things that do not go together.
        InputError: For data that cannot be used.
    """
    place = workspace or Workspace()
    ready = check(config, place)
    run = ready.new_run(place, about)
    with attempt(run):
        _work(run, ready, place, beating(run, progress))
    return run


def audit_folder(
    config: AuditConfig, metrics: Sequence[str | UserMetric], folder: Path, place: Workspace
) -> AuditResult:
    """Audits metrics, functions among them, into a folder."""
    ready = check(config, place, metrics)
    durable.make_folder(folder)
    auditor = ready.auditor(folder, place, silently)
    return AuditResult(folder, write(auditor.run(), auditor, folder, {"data": ready.data.name}))


def work(run: Run, *, shown: Shown = bar) -> None:
    """Goes on with an audit that this process owns; what was said and every simulator that was trained is kept.

    Raises:
        RationaleEvalError: If it cannot be done.
    """
    place = workspace_of(run)
    ready = check(placed(AuditConfig(**run.config), run), place)
    require_same(run, ready.fingerprint)
    _work(run, ready, place, beating(run, counted(shown)))


def _work(run: Run, ready: Ready, place: Workspace, show: Progress) -> None:
    auditor = ready.auditor(run.folder, place, show)
    report = write(auditor.run(), auditor, run.folder, {"data": ready.data.name})
    run.write_summary({"audit": [summary_row(card) for card in report["scorecards"]]})
