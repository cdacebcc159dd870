"""The knobs of the optimizer and of the terms' weights do what their names say, to the number."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from rationale_eval.errors import UsageError
from rationale_eval.training.learner import Learner
from rationale_eval.training.objective import Term
from rationale_eval.training.optimizer import depth_of_layers, make_optimizer
from rationale_eval.training.randomness import Moment
from rationale_eval.training.schedules import read_schedules
from rationale_eval.training.settings import LoopSettings
from tests.helpers.learning import Pair, toy_data, toy_fit

STEADY = {"schedule": "constant", "warmup": 0.0, "weight_decay": 0.0, "accumulate": 1, "selection": "last"}


class Slope(Learner[Pair]):
    """One weight whose gradient is 3 for the first term and 1 for the second, whatever the batch."""

    def __init__(self, stop: int | None = None) -> None:
        self.holder = nn.Module()
        self.holder.weight = nn.Parameter(torch.zeros(1))
        self.terms = (Term("steep"), Term("flat", weight=0.5))
        self.stop = stop

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    def modules(self) -> Mapping[str, nn.Module]:
        return {"slope": self.holder}

    def losses(self, batch: Sequence[Pair], moment: Moment) -> Mapping[str, Tensor]:
        if moment.step == self.stop:
            signal.raise_signal(signal.SIGINT)
        ones = torch.ones(len(batch))
        return {"steep": 3 * self.holder.weight * ones, "flat": self.holder.weight * ones}

    def evaluate(self) -> Mapping[str, float]:
        """Best where the weight is -0.5, which a steady descent passes."""
        return {"accuracy": -abs(float(self.holder.weight) + 0.5)}


def adamw(gradients: Sequence[float], lr: float, beta1: float, beta2: float, eps: float) -> float:
    """The weight after some steps from 0 (Kingma and Ba 2015, algorithm 1)."""
    weight = mean = square = 0.0
    for step, gradient in enumerate(gradients, 1):
        mean = beta1 * mean + (1 - beta1) * gradient
        square = beta2 * square + (1 - beta2) * gradient**2
        weight -= lr * (mean / (1 - beta1**step)) / (np.sqrt(square / (1 - beta2**step)) + eps)
    return weight


@pytest.mark.parametrize("clip", [None, 1.0])
def test_adamw_by_hand(tmp_path: Path, clip: float | None) -> None:
    """Gradient 3 w1(t) + 0.5, the first weight rising over half of four steps: 0, 0.5, 1, 1."""
    knobs = {"beta1": 0.8, "beta2": 0.9, "eps": 0.7, "lr": 0.1, "term_schedules": "steep:0.5", "clip": clip}
    _, weights = toy_fit(
        tmp_path, Slope(), data=toy_data(32), epochs=1, batch_size=8, evaluate_every=None, **STEADY, **knobs
    )
    gradients = [0.5, 2.0, 3.5, 3.5]
    used = [min(one, clip or one) for one in gradients]
    assert float(weights["slope.weight"]) == pytest.approx(adamw(used, 0.1, 0.8, 0.9, 0.7), rel=1e-5)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    # What is logged is the norm before clipping, and each term before weighting.
    norms = [line["value"] for line in lines if line["name"] == "gradient_norm"]
    assert norms == pytest.approx(gradients)
    assert {line["name"] for line in lines} >= {"loss/steep", "loss/flat"}


def test_schedules_of_terms_are_read_or_refused(tmp_path: Path) -> None:
    found = read_schedules("a:0.25, b:linear,c:cosine")
    assert [found["a"](p) for p in (0.0, 0.125, 0.25, 1.0)] == [0.0, 0.5, 1.0, 1.0]
    assert [found[name](0.5) for name in "bc"] == pytest.approx([0.5, 0.5])
    assert read_schedules(None) == {} and LoopSettings(term_schedules="a:0.1").term_schedules == "a:0.1"
    for text in ("a", "a:0", "a:1.5", "a:nan", "a:slowly", ":0.1", "a:0.1,a:0.2"):
        with pytest.raises(ValidationError):
            LoopSettings(term_schedules=text)
    with pytest.raises(UsageError, match="no loss term 'comp' to schedule; there are: steep, flat"):
        toy_fit(tmp_path, Slope(), term_schedules="comp:0.1")


class Tower(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embeddings = nn.ModuleDict({"word_embeddings": nn.Embedding(4, 2)})
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])})
        self.classifier = nn.Linear(2, 2)


def test_layers_learn_slower_the_deeper_they_lie() -> None:
    modules = {"network": Tower(), "head": nn.Linear(2, 2)}
    names = dict(nn.ModuleDict(modules).named_parameters())
    depths = depth_of_layers(names)
    assert depths["network.classifier.weight"] == depths["head.bias"] == 0
    assert [depths[f"network.encoder.layer.{i}.weight"] for i in range(3)] == [3, 2, 1]
    assert depths["network.embeddings.word_embeddings.weight"] == 4
    settings = LoopSettings(layer_decay=0.5)
    scale = {"head.weight": 10.0, "head.bias": 10.0}
    optimizer = make_optimizer(modules, settings, lambda name: scale.get(name, 1.0), torch.device("cpu"))
    scales = {id(one): group["scale"] for group in optimizer.param_groups for one in group["params"]}
    assert scales[id(names["network.encoder.layer.0.weight"])] == 0.125
    assert scales[id(names["network.embeddings.word_embeddings.weight"])] == 0.0625
    assert scales[id(names["head.weight"])] == 10.0
    decays = {id(one): group["weight_decay"] for group in optimizer.param_groups for one in group["params"]}
    assert (decays[id(names["head.weight"])], decays[id(names["head.bias"])]) == (0.01, 0.0)


@pytest.mark.parametrize("stop", [6, 7, 8])
def test_patience_is_kept_through_a_stop(tmp_path: Path, stop: int) -> None:
    """A tenth a step: best after step 5, and patience is over three evaluations later, stopped in between or not."""
    knobs = {**STEADY, "lr": 0.1, "clip": None, "patience": 3, "evaluate_every": 1, "epochs": 4, "batch_size": 8}
    knobs |= {"selection": "dev-best", "data": toy_data(48)}
    whole, expected = toy_fit(tmp_path / "whole", Slope(), **knobs)
    assert (whole.kept_step, whole.step, whole.stopped_early, whole.total) == (5, 8, True, 24)
    cut, _ = toy_fit(tmp_path / "cut", Slope(stop=stop - 1), **knobs)
    assert (cut.state, cut.step) == ("interrupted", stop)
    again, weights = toy_fit(tmp_path / "cut", Slope(), **knobs)
    assert (again.kept_step, again.step, again.stopped_early) == (5, 8, True)
    assert torch.equal(weights["slope.weight"], expected["slope.weight"])
    last, weights = toy_fit(tmp_path / "last", Slope(), **{**knobs, "selection": "last"})
    assert last.kept_step == 8 and float(weights["slope.weight"]) == pytest.approx(-0.8, abs=1e-5)
