"""Robust simulators: the invariance penalty by hand and by autograd, and a task where leaks and reasons part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example, Task
from rationale_eval.errors import UsageError
from rationale_eval.simulators.config import SimulatorConfig
from rationale_eval.simulators.environments import RobustSettings, environments
from rationale_eval.simulators.invariance import invariance
from rationale_eval.simulators.robust import RobustLearner
from rationale_eval.simulators.service import Answers, Simulators
from rationale_eval.training.learner import TrainingSet
from tests.helpers.tiny import tiny_classifier, tiny_folder

LEAKS = (("dull", "empty", "sleep", "nobody", "hungry"), ("wonderful", "surprise", "lit", "playing", "people"))
"""Words that go with each answer."""

TASK = Task("answers", "classification", ("text",), ("negative", "positive"))


def test_the_penalty_is_the_squared_slope_of_the_loss_in_one_scale() -> None:
    scores = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    scores[1, 2] = -torch.inf
    labels = torch.tensor([0, 1, 2, 1, 0])
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)
    missing = scores.isinf()
    scaled = (scores.masked_fill(missing, 0.0) * scale).masked_fill(missing, -torch.inf)
    (slope,) = torch.autograd.grad(nn.functional.cross_entropy(scaled, labels), scale)
    assert float(invariance(scores, labels)) == pytest.approx(float(slope) ** 2)
    step = 1e-5
    up, down = (nn.functional.cross_entropy(scores * (1 + d), labels) for d in (step, -step))
    assert float(invariance(scores, labels)) == pytest.approx((float(up - down) / (2 * step)) ** 2, rel=1e-5)
    # Two choices, scores (0, z): p = 1 / (1 + e^-z), and the slope for the label 1 is p z - z.
    z = 2.0
    p = 1 / (1 + np.exp(-z))
    one = invariance(torch.tensor([[0.0, z]], dtype=torch.float64), torch.tensor([1]))
    assert float(one) == pytest.approx(((p - 1) * z) ** 2)
    shifted = scores + 3.0
    assert float(invariance(shifted, labels)) == pytest.approx(float(invariance(scores, labels)))


def test_its_gradient_reaches_the_scores() -> None:
    scores = torch.tensor([[0.0, 2.0], [1.0, -1.0]], dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([1, 1])
    assert torch.autograd.gradcheck(lambda each: invariance(each, labels), (scores,))


def answers(count: int, seed: int, *, leak: bool = True, reason: bool = True) -> Answers:
    """Input: film or stage. Reason: read or book, which tells the answer only together with the input. Leak: a word
    that tells it at once."""
    draw = np.random.default_rng(seed)
    first, second = draw.integers(0, 2, (2, count))
    labels = (first ^ second).tolist()
    examples = [
        Example(f"{seed}-{i}", "answers", {"text": ("film", "stage")[x]}, TASK.choices) for i, x in enumerate(first)
    ]
    texts = [
        f"{('read', 'book')[r] if reason else ''} , {draw.choice(LEAKS[y]) if leak else ''}".strip()
        for r, y in zip(second, labels, strict=True)
    ]
    ids = [example.id for example in examples]
    data = RationaleDataset.from_examples(examples, TASK)
    return Answers(data, dict(zip(ids, labels, strict=True)), dict(zip(ids, texts, strict=True)))


def config(model: str, **changes) -> SimulatorConfig:
    fixed = {"epochs": 12, "lr": 1e-2, "dropout": 0.0, "batch_size": 32, "patience": 16, "factual": "filled"}
    return SimulatorConfig(model=model, **{**fixed, **changes})


def test_the_other_environment_swaps_what_leaks_and_keeps_the_rest() -> None:
    train, dev = answers(160, 0), answers(40, 1)
    settings = RobustSettings()
    made = environments(settings, train.seen("robust"), dev.seen("robust"))
    for factual, other in made.values():
        for one, twin in zip(factual, other, strict=True):
            assert (one.id, one.label, one.inputs["text"]) == (twin.id, twin.label, twin.inputs["text"])
            reason, _, leak = one.inputs["rationale"].split()
            kept, turned = twin.inputs["rationale"].replace(",", "").split()
            assert leak in LEAKS[one.label] and (kept, turned in LEAKS[1 - one.label]) == (reason, True)
    own = environments(settings.model_copy(update={"factual": "filled"}), train.seen("robust"), dev.seen("robust"))
    for one in own["train"][0]:
        assert one.inputs["rationale"].replace(",", "").split()[1] in LEAKS[one.label]
    with pytest.raises(UsageError, match="needs answers to learn from"):
        environments(RobustSettings(), train.seen("robust"), answers(0, 2).seen("robust"))


@pytest.mark.parametrize("kind", ["encoder", "small"])
def test_a_leak_is_worth_nothing_and_a_reason_is(tmp_path: Path, kind: str) -> None:
    """The input alone tells nothing: the base is log 1/2, so RORA is log p + log 2, at most log 2 = 0.69."""
    model = str(tiny_folder(tmp_path / "encoder", "bert", "classifier", labels=2))
    own = {} if kind == "encoder" else {"weights": "np", "np_architecture": "small"}
    settings = config(model, **own)

    def gained(seen, *, reason: bool) -> float:
        train, dev, test = (answers(count, seed, reason=reason) for seed, count in enumerate((160, 64, 120)))
        made = Simulators(tmp_path / "kept", tmp_path / "work", train, dev, settings, device="cpu")
        found = made.guesses(test, seen)
        assert made.learned(seen).examples == 160
        return float(np.mean([np.log(found[key][target]) for key, target in test.targets.items()]) + np.log(2))

    assert gained("robust", reason=True) > 0.5
    assert abs(gained("robust", reason=False)) < 0.1
    if kind == "small":  # an ordinary simulator takes the leak
        assert gained("both", reason=False) > 0.5


def test_the_penalty_counts_after_its_share_of_the_training() -> None:
    learner = RobustLearner(
        tiny_classifier(TASK), TrainingSet([], [], np.zeros(0, dtype=np.int64), ""), penalty=7.0, after=0.25
    )
    irm = learner.terms[1]
    assert [irm.weight_at(progress) for progress in (0.0, 0.24, 0.25, 1.0)] == [0.0, 0.0, 7.0, 7.0]
