"""The training loop: what a learner asks for, step by step, stoppable and resumable at any moment.

A step is one optimizer step. What happens in it depends on (seed, step), the weights and the optimizer's moments alone,
so a run that was killed and resumed repeats exactly what an undisturbed run does (on a CPU, with the same software and
thread count). Where several processes train together, each takes a part of every batch, the main one alone evaluates
and writes, and all take every decision alike.
"""

from __future__ import annotations

import math
import time
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Generic, Literal

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState
from torch import Tensor

from rationale_eval.engine.precision import quick_float32
from rationale_eval.errors import UsageError
from rationale_eval.points import reached
from rationale_eval.training import checkpoints as storage
from rationale_eval.training.batches import BatchPlan, Step
from rationale_eval.training.checkpoints import Checkpoint, Checkpoints
from rationale_eval.training.fingerprint import SUBJECT, bf16_is_native, differences, fingerprint
from rationale_eval.training.journal import Journal
from rationale_eval.training.learner import Item, Learner, TrainingSet
from rationale_eval.training.objective import combine, scheduled
from rationale_eval.training.optimizer import make_optimizer
from rationale_eval.training.outcome import Outcome, TrainingFailed
from rationale_eval.training.processes import join
from rationale_eval.training.progress import Report, silent
from rationale_eval.training.randomness import Moment, own_randomness, seed_moment
from rationale_eval.training.schedules import learning_rate_factor, read_schedules
from rationale_eval.training.settings import LoopSettings
from rationale_eval.training.signals import StopNow, StopRequest, stop_on_signals

Precision = Literal["no", "bf16", "fp16"]

CHECKPOINT_SHARE: Final = 0.01
"""Largest share of the time that goes into checkpoints that are due by the clock."""


@dataclass(slots=True)
class _Position:
    """What a checkpoint must hold besides tensors."""

    step: int = 0
    evaluated: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    best: dict[str, Any] | None = None
    worse: int = 0
    seconds: float = 0.0
    tokens: int = 0
    examples: int = 0
    exact: bool = True


def fit(
    learner: Learner[Item],
    data: TrainingSet[Item],
    settings: LoopSettings,
    *,
    folder: Path,
    journal: Journal,
    seed: int = 0,
    report: Report = silent,
    allow_inexact: bool = False,
) -> Outcome:
    """Trains a learner from the newest sound checkpoint in `folder`; afterwards its modules hold the kept weights.

    Args:
        learner: What is trained.
        data: What it learns from.
        settings: How.
        folder: For checkpoints; processes beside the main one neither read nor write it.
        journal: For metric lines: `loss`, `loss/TERM`, `gradient_norm` and `lr` of every step, `dev/METRIC` of every
            evaluation. Nothing in it depends on the clock.
        seed: All chance derives from it.
        report: Told of every step.
        allow_inexact: Resume even under another software or machine; the run is then labelled as not exact.

    Raises:
        TrainingFailed: If a loss or gradient is not finite.
        StorageFailed: If a checkpoint cannot be written.
        UsageError: If the settings do not fit, or resuming would not be exact and is not allowed.
    """
    if not data.items:
        raise UsageError("there is nothing to train on: the training data has no labelled example.")
    with own_randomness(), quick_float32(learner.device), stop_on_signals() as request, _memory_told_plainly():
        loop = _Loop(learner, data, settings, Checkpoints(folder), journal, seed)
        loop.resume(allow_inexact)
        return loop.run(request, report)


@contextmanager
def _memory_told_plainly() -> Iterator[None]:
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        raise TrainingFailed(
            "out of memory",
            "there was not enough memory for a step; resume will not help: start again with a smaller batch_size, and "
            "accumulate=2 or more to keep the same number of examples in a step.",
        ) from error


def resolve_precision(precision: str, device: torch.device) -> Precision:
    """The number format to train in.

    Raises:
        UsageError: If the device cannot do it.
    """
    if precision == "auto":
        return "bf16" if bf16_is_native(device) else "no"
    if precision == "fp16" and device.type == "cpu":
        raise UsageError("precision=fp16 needs a GPU; on a CPU use bf16 or no.")
    chosen: Precision = "bf16" if precision == "bf16" else "fp16" if precision == "fp16" else "no"
    return chosen


def _accelerator(precision: Precision, device: torch.device) -> Accelerator:
    # Accelerate keeps its settings for the whole process; a second run in one process may need others.
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()
    return Accelerator(mixed_precision=precision, cpu=device.type == "cpu")


class _Loop(Generic[Item]):
    def __init__(
        self,
        learner: Learner[Item],
        data: TrainingSet[Item],
        settings: LoopSettings,
        checkpoints: Checkpoints,
        journal: Journal,
        seed: int,
    ):
        self.learner, self.data, self.settings, self.seed = learner, data, settings, seed
        self.checkpoints, self.journal = checkpoints, journal
        self.modules = learner.modules()
        self.terms = scheduled(learner.terms, read_schedules(settings.term_schedules))
        self.together = join(learner.device)
        self.plan = BatchPlan(
            data.lengths, seed, settings.batch_size, settings.max_tokens, settings.accumulate, data.pool
        )
        self.ends = self.plan.ends(settings.epochs)
        self.total = min(self.ends[-1], settings.max_steps or self.ends[-1])
        self.accelerator = _accelerator(resolve_precision(settings.precision, learner.device), learner.device)
        self.optimizer = self.accelerator.prepare(
            make_optimizer(self.modules, settings, learner.learning_rate_scale, learner.device)
        )
        self.parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        # Each process has seen other examples; what is counted on the way (batch norm) must not drift apart.
        self.buffers = [buffer for module in self.modules.values() for buffer in module.buffers()]
        self.fingerprint = fingerprint(
            config={"settings": settings.model_dump(mode="json"), "seed": seed},
            data=data.content,
            device=learner.device,
            processes=self.together.world,
        )
        self.at = _Position(exact=learner.device.type == "cpu")
        self._saved = (-1, time.monotonic())
        self._save_seconds = 0.0
        self._rejected: tuple[str, ...] = ()

    def resume(self, allow_inexact: bool) -> None:
        """Goes to the newest sound checkpoint, if there is one, in all processes."""
        if self.together.main:
            self._read_checkpoint(allow_inexact)
        if not self.together.alone:
            self._follow_main()

    def _read_checkpoint(self, allow_inexact: bool) -> None:
        self.checkpoints.sweep()
        found = self.checkpoints.latest()
        self._rejected = tuple(f"{name}: {fault}" for name, fault in self.checkpoints.rejected.items())
        if found is None:
            self.checkpoints.require_space(storage.size_of(self.modules))
            return
        self._check(found, allow_inexact)
        storage.restore(self.modules, found.weights())
        storage.load_optimizer(self.optimizer, found.optimizer(), found.state["optimizer"])
        if self.accelerator.scaler is not None and found.state.get("scaler"):
            self.accelerator.scaler.load_state_dict(found.state["scaler"])
        exact = self.at.exact and not differences(found.state["fingerprint"], self.fingerprint)
        self.at = _Position(**{name: found.state[name] for name in _Position.__slots__})
        self.at.exact = self.at.exact and exact
        self._saved = (found.step, time.monotonic())

    def _follow_main(self) -> None:
        """Everything that a step depends on becomes what it is in the main process."""
        if self.together.any(self.data.content != self.together.share(self.data.content)):
            raise UsageError("the processes were given different training data.")
        self.at = _Position(**self.together.share(asdict(self.at)))
        self.together.spread(storage.tensors_of(self.modules).values())
        tensors, values = storage.optimizer_tensors(self.optimizer)
        tensors, values = self.together.spread_named(tensors), self.together.share(values)
        scale = self.together.share(None if self.accelerator.scaler is None else self.accelerator.scaler.state_dict())
        if not self.together.main:
            storage.load_optimizer(self.optimizer, tensors, values)
            if self.accelerator.scaler is not None:
                self.accelerator.scaler.load_state_dict(scale)

    def _check(self, found: Checkpoint, allow_inexact: bool) -> None:
        stored = found.state["fingerprint"]
        differing = differences(stored, self.fingerprint)
        subject = [name for name in differing if name in SUBJECT]
        if subject:
            raise UsageError(
                f"the checkpoint was made with other {' and '.join(subject)}; that is another run: start a new one."
            )
        if differing and not allow_inexact:
            facts = ", ".join(f"{name} {stored.get(name)} then, {self.fingerprint.get(name)} now" for name in differing)
            raise UsageError(
                f"resuming would not be bit-exact ({facts}); make them equal, or allow it with --allow-inexact."
            )

    def run(self, request: StopRequest, report: Report) -> Outcome:
        """Steps, evaluations and checkpoints until the end or a request to stop."""
        began, before = time.monotonic(), self.at.seconds
        self._mode(training=True)
        try:
            while True:
                if self._evaluation_due():
                    metrics = self._evaluated_by_main(request)
                    reached("loop.evaluated")
                    self._note_evaluation(metrics)
                self.at.seconds = before + time.monotonic() - began
                if self._over():
                    self._save()
                    return self._outcome("finished")
                if self.together.any(request.asked):
                    raise StopNow
                if self._checkpoint_due():
                    self._save()
                loss = self._step()
                reached("loop.stepped")
                if self.together.main:
                    self._tell(report, loss, request)
        except StopNow:
            self.at.seconds = before + time.monotonic() - began
            self._save()
            return self._outcome("interrupted")
        finally:
            self.journal.sync()
            self._mode(training=False)

    def _tell(self, report: Report, loss: float, request: StopRequest) -> None:
        try:
            report(self.at.step, self.total, f"loss {loss:.3f}")
        except StopNow:  # who is told may ask for a stop; all processes must then hear of it at the same place
            request.asked = True

    def _step(self) -> float:
        """One optimizer step; returns its loss."""
        batches, epoch = self._batches()
        step, size = self.at.step, sum(map(len, batches))
        factor = learning_rate_factor(step, self.total, warmup=self.settings.warmup, schedule=self.settings.schedule)
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.lr * group["scale"] * factor
        sums: dict[str, Tensor] = {}
        for micro, batch in enumerate(batches):
            moment = Moment(step, micro, epoch, step / self.total, self.seed, self.together.rank)
            seed_moment(moment)
            indices = self.together.share_of(batch)
            if not indices:
                continue  # fewer examples than processes
            with self.accelerator.autocast():
                losses = self.learner.losses([self.data.items[index] for index in indices], moment)
            total, parts = combine(self.terms, losses, size=len(indices), of=size, progress=moment.progress)
            self.accelerator.backward(total)
            named = {"loss": total.detach()} | {f"loss/{name}": part for name, part in parts.items()}
            sums = {name: sums[name] + part if name in sums else part for name, part in named.items()}
        self.together.add_gradients(self.parameters)
        norm = self.accelerator.clip_grad_norm_(self.parameters, self.settings.clip or math.inf)
        values = self._summed(sums) | {"gradient_norm": float(norm)}
        self._require_finite(values, batches)
        self.optimizer.step()
        # The fused optimizer writes past torch's change counters, which tell a model that what it keeps of its weights
        # (its fingerprint, the packed kernels of its quick passes) is stale.
        torch.autograd.graph.increment_version(self.parameters)
        self.optimizer.zero_grad(set_to_none=True)
        self.together.spread(self.buffers)
        reached("loop.updated")
        self.at.step += 1
        self.at.examples += size
        self.at.tokens += int(sum(self.data.lengths[list(indices)].sum() for indices in batches))
        self._record(values | {"lr": self.settings.lr * factor})
        return values["loss"]

    def _summed(self, sums: Mapping[str, Tensor]) -> dict[str, float]:
        names = ["loss", *(f"loss/{term.name}" for term in self.terms)]
        return dict(zip(names, self.together.add([float(sums[n]) if n in sums else 0.0 for n in names]), strict=True))

    def _batches(self) -> tuple[Step, int]:
        epoch = bisect_right(self.ends, self.at.step)
        start = self.ends[epoch - 1] if epoch else 0
        return self.plan.epoch(epoch)[self.at.step - start], epoch

    def _require_finite(self, values: Mapping[str, float], batches: Step) -> None:
        odd = [name for name, value in values.items() if not math.isfinite(value)]
        scaler = self.accelerator.scaler
        if odd == ["gradient_norm"] and scaler is not None and scaler.get_scale() >= 1:
            return  # fp16: the scale was too high; the scaler skips this step and lowers it
        if not odd:
            return
        step = self.at.step + 1
        self.journal.record(step, values)
        ids = tuple(self.data.ids[index] for indices in batches for index in indices)
        last = self._saved[0]
        back = f"the last sound checkpoint is step {last}" if last >= 0 else "there was no checkpoint yet"
        shown = ", ".join(ids[:5]) + (" ..." if len(ids) > 5 else "")
        raise TrainingFailed(
            "non-finite",
            f"{' and '.join(odd)} became NaN or infinite at step {step} (examples {shown}); {back}; "
            "a lower lr, a smaller clip or precision=no may help.",
            step=step,
            examples=ids,
        )

    def _record(self, values: Mapping[str, float]) -> None:
        if self.journal.record(self.at.step, values):
            self.at.exact = False

    def _evaluation_due(self) -> bool:
        step, every = self.at.step, self.settings.evaluate_every
        border = step in self.ends or step == self.total or (every is not None and step % every == 0)
        return step > self.at.evaluated and border

    def _evaluated_by_main(self, request: StopRequest) -> dict[str, float]:
        metrics = None
        if self.together.main:
            with suppress(StopNow), request.interruptible():
                metrics = self._evaluate()
        metrics = self.together.share(metrics)
        if metrics is None:
            raise StopNow
        return metrics

    def _evaluate(self) -> dict[str, float]:
        self._mode(training=False)
        seed_moment(Moment(self.at.step, -1, 0, 0.0, self.seed))
        try:
            with torch.no_grad(), self.accelerator.autocast():
                return dict(self.learner.evaluate())
        finally:
            self._mode(training=True)

    def _note_evaluation(self, metrics: dict[str, float]) -> None:
        self.at.evaluated = self.at.step
        if not metrics:
            return
        self._record({f"dev/{name}": value for name, value in metrics.items()})
        self.at.metrics = {name: value for name, value in metrics.items() if math.isfinite(value)}
        name = self.settings.metric
        if name not in metrics:
            raise UsageError(f"there is no dev metric '{name}'; choose one of {', '.join(metrics)}.")
        if self._is_best(metrics[name]):
            self._require_finite_weights()
            self.at.best = {"step": self.at.step, "value": metrics[name], "metrics": self.at.metrics}
            self.at.worse = 0
            if self.settings.selection == "dev-best" and self.together.main:
                self.checkpoints.save_best(self.at.step, self.modules)
        else:
            self.at.worse += 1

    def _is_best(self, value: float) -> bool:
        if not math.isfinite(value):
            return False
        if self.at.best is None:
            return True
        lower = self.settings.metric in self.learner.lower_is_better
        return value < self.at.best["value"] if lower else value > self.at.best["value"]

    def _stopped_early(self) -> bool:
        return self.settings.patience is not None and self.at.worse >= self.settings.patience

    def _over(self) -> bool:
        return self.at.step >= self.total or self._stopped_early()

    def _checkpoint_due(self) -> bool:
        step, moment = self._saved
        every = self.settings.checkpoint_every
        if self.at.step == max(step, 0):
            return False
        interval = max(self.settings.checkpoint_seconds, self._save_seconds / CHECKPOINT_SHARE)
        return (every is not None and self.at.step % every == 0) or time.monotonic() - moment >= interval

    def _require_finite_weights(self) -> None:
        """A finite gradient can still take a weight out of range; a checkpoint of it could never be resumed."""
        if all(bool(torch.isfinite(parameter).all()) for parameter in self.parameters):
            return
        last = self._saved[0]
        back = f"the last sound checkpoint is step {last}" if last >= 0 else "there was no checkpoint yet"
        raise TrainingFailed(
            "non-finite",
            f"weights became NaN or infinite by step {self.at.step}; {back}; a lower lr or a smaller clip may help.",
            step=self.at.step,
        )

    def _save(self) -> None:
        self._require_finite_weights()
        if not self.together.main:
            return
        scaler = self.accelerator.scaler
        state = asdict(self.at) | {
            "fingerprint": self.fingerprint,
            "scaler": scaler.state_dict() if scaler is not None else None,
        }
        reached("loop.saving")
        began = time.monotonic()
        self.journal.sync()
        self.checkpoints.save(self.at.step, self.modules, self.optimizer, state)
        self._saved = (self.at.step, time.monotonic())
        self._save_seconds = self._saved[1] - began
        reached("loop.saved")

    def _mode(self, *, training: bool) -> None:
        for module in self.modules.values():
            module.train(training)

    def _outcome(self, state: Literal["finished", "interrupted"]) -> Outcome:
        metrics, kept = self.at.metrics, self.at.step
        if state == "finished" and self.settings.selection == "dev-best" and self.at.best is not None:
            metrics, kept = self.at.best["metrics"], self.at.best["step"]
            if kept != self.at.step:
                if self.together.main:
                    storage.restore(self.modules, self.checkpoints.best(kept))
                self.together.spread(storage.tensors_of(self.modules).values())
        return Outcome(
            state=state,
            step=self.at.step,
            total=self.total,
            metrics=metrics,
            kept_step=kept,
            seconds=self.at.seconds,
            tokens=self.at.tokens,
            examples=self.at.examples,
            stopped_early=self.at.step < self.total and self._stopped_early(),
            exact=self.at.exact,
            differences=tuple(self.journal.differences),
            rejected=self._rejected,
        )
