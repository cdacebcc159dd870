"""The loop: accumulation, selection, early stopping, failure, interruption, exact resume."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from rationale_eval.errors import UsageError
from rationale_eval.training import fingerprint as facts
from rationale_eval.training import loop as loop_module
from rationale_eval.training.outcome import TrainingFailed
from rationale_eval.training.randomness import Moment
from tests.helpers.learning import Pair, ToyLearner, toy_data, toy_fit


def same(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


class StopAt(ToyLearner):
    """Presses Ctrl-C in the middle of a step or of an evaluation."""

    def __init__(self, step: int | None = None, evaluation: int | None = None) -> None:
        super().__init__()
        self.step, self.evaluation, self.evaluations = step, evaluation, 0

    def losses(self, batch: Sequence[Pair], moment: Moment) -> Mapping[str, Tensor]:
        if moment.step == self.step and moment.micro == 0:
            signal.raise_signal(signal.SIGINT)
        return super().losses(batch, moment)

    def evaluate(self) -> Mapping[str, float]:
        self.evaluations += 1
        if self.evaluations == self.evaluation:
            signal.raise_signal(signal.SIGINT)
        return super().evaluate()


def test_it_learns_and_logs_every_term(tmp_path: Path) -> None:
    outcome, _ = toy_fit(
        tmp_path, ToyLearner(dropout=0.0), epochs=25, data=toy_data(200), checkpoint_every=None, evaluate_every=None
    )
    assert outcome.state == "finished" and outcome.exact
    assert outcome.metrics["accuracy"] >= 0.8
    names = {line["name"] for line in lines(tmp_path)}
    assert names == {"loss", "loss/task", "loss/size", "gradient_norm", "lr", "dev/accuracy", "dev/loss"}
    assert (outcome.examples, outcome.step) == (25 * 200, 25 * 13)


def test_the_same_seed_gives_the_same_bits_and_another_does_not(tmp_path: Path) -> None:
    torch.manual_seed(1)
    _, first = toy_fit(tmp_path / "a")
    torch.manual_seed(2)
    _, second = toy_fit(tmp_path / "b")
    _, third = toy_fit(tmp_path / "c", seed=1)
    assert same(first, second) and not same(first, third)
    assert (tmp_path / "a/metrics.jsonl").read_bytes() == (tmp_path / "b/metrics.jsonl").read_bytes()


def test_the_callers_randomness_is_left_alone(tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    toy_fit(tmp_path)
    assert torch.equal(torch.rand(3), expected)


class Plain(ToyLearner):
    """Without dropout, noise and batch norm, so that a batch may be cut in two."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.net = torch.nn.Sequential(torch.nn.Linear(6, 3))
        self.terms = self.terms[:1]

    def losses(self, batch: Sequence[Pair], moment: Moment) -> Mapping[str, Tensor]:
        scores = self.net(torch.stack([point for point, _ in batch]))
        labels = torch.tensor([label for _, label in batch])
        return {"task": torch.nn.functional.cross_entropy(scores, labels, reduction="none")}


def test_accumulated_gradients_equal_those_of_one_large_batch(tmp_path: Path) -> None:
    """22 examples in batches of 5: the last is smaller, and a mean of means would be wrong."""
    one = {"epochs": 1, "selection": "last", "schedule": "constant", "warmup": 0.0, "data": toy_data(22)}
    toy_fit(tmp_path / "large", Plain(), batch_size=22, accumulate=1, **one)
    toy_fit(tmp_path / "small", Plain(), batch_size=5, accumulate=5, **one)

    def first(folder: Path) -> dict[object, object]:
        return {line["name"]: line["value"] for line in lines(folder)}

    large, small = first(tmp_path / "large"), first(tmp_path / "small")
    for name in ("loss", "gradient_norm", "dev/loss"):
        assert small[name] == pytest.approx(large[name], rel=1e-5)


@pytest.mark.parametrize("stop", [{"step": 0}, {"step": 4}, {"step": 11}, {"evaluation": 1}, {"evaluation": 3}])
def test_ctrl_c_stops_cleanly_and_resuming_gives_the_same_bits(tmp_path: Path, stop: dict[str, int]) -> None:
    before = signal.getsignal(signal.SIGINT)
    _, expected = toy_fit(tmp_path / "whole")
    outcome, _ = toy_fit(tmp_path / "cut", StopAt(**stop))
    assert outcome.state == "interrupted" and outcome.step <= 12
    assert signal.getsignal(signal.SIGINT) is before
    outcome, weights = toy_fit(tmp_path / "cut")
    assert outcome.state == "finished" and outcome.exact and outcome.differences == ()
    assert same(weights, expected)
    assert (tmp_path / "cut/metrics.jsonl").read_bytes() == (tmp_path / "whole/metrics.jsonl").read_bytes()


def test_the_second_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    class Impatient(ToyLearner):
        def losses(self, batch: Sequence[Pair], moment: Moment) -> Mapping[str, Tensor]:
            if moment.step == 4:
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)
            return super().losses(batch, moment)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        toy_fit(tmp_path, Impatient())
    assert signal.getsignal(signal.SIGINT) is before
    _, expected = toy_fit(tmp_path / "whole")
    assert same(toy_fit(tmp_path)[1], expected)


def test_a_finished_run_done_again_changes_nothing(tmp_path: Path) -> None:
    first, weights = toy_fit(tmp_path)
    written = (tmp_path / "metrics.jsonl").read_bytes()
    again, same_weights = toy_fit(tmp_path)
    assert same(weights, same_weights) and again.metrics == first.metrics
    assert (tmp_path / "metrics.jsonl").read_bytes() == written


def test_dev_best_keeps_the_weights_of_the_best_evaluation(tmp_path: Path) -> None:
    class Falling(ToyLearner):
        values = iter([0.2, 0.9, 0.9, 0.1, 0.1, 0.1])

        def evaluate(self) -> Mapping[str, float]:
            return {"accuracy": next(self.values), "weight": float(self.net[0].weight.sum())}

    learner = Falling()
    outcome, _ = toy_fit(tmp_path, learner)
    # Evaluations fall on steps 4, 5, 8, 10, 12; of two equal ones the first is kept.
    assert (outcome.kept_step, outcome.metrics["accuracy"]) == (5, 0.9)
    assert float(learner.net[0].weight.detach().sum()) == outcome.metrics["weight"]


def test_patience_stops_early_and_nan_is_never_the_best(tmp_path: Path) -> None:
    class Undefined(ToyLearner):
        values = iter([float("nan"), 0.5, float("nan"), 0.4, 0.4])

        def evaluate(self) -> Mapping[str, float]:
            return {"accuracy": next(self.values)}

    outcome, _ = toy_fit(tmp_path, Undefined(), patience=2)
    assert (outcome.kept_step, outcome.step, outcome.stopped_early) == (5, 10, True)
    flagged = [line for line in lines(tmp_path) if line.get("flag") == "nan"]
    assert [line["step"] for line in flagged] == [4, 8]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_at_that_step(tmp_path: Path, bad: float) -> None:
    class Diverging(ToyLearner):
        def losses(self, batch: Sequence[Pair], moment: Moment) -> Mapping[str, Tensor]:
            losses = dict(super().losses(batch, moment))
            if moment.step == 7:
                losses["task"] = losses["task"] * bad
            return losses

    with pytest.raises(
        TrainingFailed, match=r"at step 8 \(examples e\d+, .*the last sound checkpoint is step 6"
    ) as caught:
        toy_fit(tmp_path, Diverging())
    assert (caught.value.reason, caught.value.step, len(caught.value.examples)) == ("non-finite", 8, 12)
    # The sound checkpoint is still there, and the run ends well once the cause is gone.
    assert (tmp_path / "checkpoints/step-6").is_dir()


def test_a_gradient_that_is_not_finite_stops_too(tmp_path: Path) -> None:
    class Steep(ToyLearner):
        def losses(self, batch: Sequence[Pair], moment: Moment) -> Mapping[str, Tensor]:
            losses = dict(super().losses(batch, moment))
            losses["size"] = losses["size"] + torch.sqrt(self.net[0].weight.sum() * 0.0)  # d sqrt(0) is infinite
            return losses

    with pytest.raises(TrainingFailed, match="gradient_norm became NaN or infinite"):
        toy_fit(tmp_path, Steep())


def test_a_different_machine_is_refused_unless_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy_fit(tmp_path, StopAt(step=4))
    real = facts.fingerprint
    monkeypatch.setattr(loop_module, "fingerprint", lambda **o: real(**o) | {"threads": "64"})
    with pytest.raises(UsageError, match=r"not be bit-exact \(threads \d+ then, 64 now\)"):
        toy_fit(tmp_path)
    outcome, _ = toy_fit(tmp_path, allow_inexact=True)
    assert outcome.state == "finished" and not outcome.exact


def test_other_data_or_settings_are_another_run(tmp_path: Path) -> None:
    toy_fit(tmp_path, StopAt(step=4))
    with pytest.raises(UsageError, match="other data"):
        toy_fit(tmp_path, data=toy_data(61), allow_inexact=True)
    with pytest.raises(UsageError, match="other config"):
        toy_fit(tmp_path, lr=0.01, allow_inexact=True)


def test_hidden_randomness_is_reported(tmp_path: Path) -> None:
    class Careless(ToyLearner):
        calls = 0

        def __init__(self, presses: int) -> None:
            super().__init__()
            self.presses = presses

        def losses(self, batch: Sequence[Pair], moment: Moment) -> Mapping[str, Tensor]:
            if moment.step == 5:
                for _ in range(self.presses):
                    signal.raise_signal(signal.SIGINT)
            Careless.calls += 1
            losses = super().losses(batch, moment)
            return {**losses, "task": losses["task"] * (1 + 0.01 * Careless.calls)}

    with pytest.raises(KeyboardInterrupt):
        # The second press leaves no time for a checkpoint, so steps 4 and 5 will be done again.
        toy_fit(tmp_path, Careless(presses=2))
    outcome, _ = toy_fit(tmp_path, Careless(presses=0))
    assert not outcome.exact
    assert {difference.step for difference in outcome.differences} == {4, 5}


def test_settings_that_do_not_fit_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no dev metric 'bleu'; choose one of accuracy, loss"):
        toy_fit(tmp_path / "a", metric="bleu")
    with pytest.raises(UsageError, match="fp16 needs a GPU"):
        toy_fit(tmp_path / "b", precision="fp16")
    empty = toy_data(1)
    with pytest.raises(UsageError, match="nothing to train on"):
        toy_fit(tmp_path / "c", data=type(empty)([], [], empty.lengths[:0], "x"))


def test_bf16_trains_and_resumes_exactly(tmp_path: Path) -> None:
    _, expected = toy_fit(tmp_path / "whole", precision="bf16")
    toy_fit(tmp_path / "cut", StopAt(step=6), precision="bf16")
    _, weights = toy_fit(tmp_path / "cut", precision="bf16")
    assert same(weights, expected)
    _, single = toy_fit(tmp_path / "single", precision="no")
    assert not same(weights, single)


def test_the_newest_checkpoint_damaged_costs_one_interval(tmp_path: Path) -> None:
    _, expected = toy_fit(tmp_path / "whole")
    toy_fit(tmp_path / "cut", StopAt(step=7))
    newest = tmp_path / "cut/checkpoints/step-8/weights.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1] + b"\x00")
    outcome, weights = toy_fit(tmp_path / "cut")
    assert same(weights, expected)
    assert len(outcome.rejected) == 1 and outcome.rejected[0].startswith("step-8: weights.safetensors")


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, [*range(1, 31)]), (0.195, [1, 21, 30])])
def test_checkpoints_by_the_clock_take_at_most_one_per_cent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, expected: list[int]
) -> None:
    """Steps of a second, a checkpoint due after each; where one takes 0.195 s, the next is due after 19.5 s."""
    now, saved = [0.0], []
    monkeypatch.setattr(loop_module.time, "monotonic", lambda: now[0])
    inner = loop_module.Checkpoints.save

    def save(self: loop_module.Checkpoints, step: int, *rest: object) -> None:
        saved.append(step)
        inner(self, step, *rest)
        now[0] += seconds

    class Slow(ToyLearner):
        def losses(self, batch: Sequence[Pair], moment: Moment) -> Mapping[str, Tensor]:
            now[0] += 1.0
            return super().losses(batch, moment)

    monkeypatch.setattr(loop_module.Checkpoints, "save", save)
    toy_fit(
        tmp_path, Slow(), epochs=100, max_steps=30, accumulate=1, checkpoint_every=None, checkpoint_seconds=0.5,
        evaluate_every=None,
    )  # fmt: skip
    assert saved == expected
