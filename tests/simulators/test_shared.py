"""One simulator for several views: each view gets its share, and what it answers depends on what is shown."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from rationale_eval.axioms.protocol import Protocol
from rationale_eval.axioms.same_audit import require_same_audit
from rationale_eval.errors import UsageError
from rationale_eval.simulators import service
from rationale_eval.simulators.config import SHARED, SimulatorConfig, read_simulator
from rationale_eval.simulators.service import Answers, Simulators
from rationale_eval.simulators.shared import Several, SharedLearner, spread
from rationale_eval.training.learner import Learner
from rationale_eval.training.objective import Term
from rationale_eval.training.randomness import Moment
from rationale_eval.verbs.audit_job import AuditConfig
from rationale_eval.verbs.audit_run import check as check_audit
from rationale_eval.verbs.audit_run import read_protocol
from rationale_eval.verbs.chosen_metrics import choose_text_metrics
from rationale_eval.verbs.simulating import require_views
from rationale_eval.workspace.runs import Workspace
from tests.helpers.tiny import tiny_folder
from tests.simulators.test_simulators import accuracy, answers, config

LONG = {"epochs": 10, "np_epochs": 10, "patience": 10}
SHARES = {"both": 0.4, "input": 0.4, "rationale": 0.2}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_folder(tmp_path_factory.mktemp("encoder"), "bert", "classifier", labels=2))


def simulators(tmp_path: Path, encoder: str, *, train: Answers | None = None, **changes) -> Simulators:
    settings = config(encoder, shared=True, **changes)
    return Simulators(
        tmp_path / "kept", tmp_path / "work", train or answers(160, 0), answers(40, 1), settings, device="cpu"
    )


def test_every_view_has_its_share_of_a_batch_and_small_batches_have_it_on_average() -> None:
    draw = np.random.default_rng(0)
    ten = spread(SHARES, 10, draw)
    assert {seen: ten.count(seen) for seen in SHARES} == {"both": 4, "input": 4, "rationale": 2}
    assert ten != spread(SHARES, 10, draw)
    for count in (1, 3):
        found = [seen for _ in range(3000) for seen in spread(SHARES, count, draw)]
        for seen, share in SHARES.items():
            assert found.count(seen) / len(found) == pytest.approx(share, abs=0.03)
    assert set(spread({"both": 0.5, "input": 0.5, "neither": 0.0}, 64, draw)) == {"both", "input"}


class Told(Learner[str]):
    """Notes what it is shown."""

    terms = (Term("task"),)
    device = torch.device("cpu")

    def __init__(self, right: float):
        self.right, self.shown = right, []

    def modules(self):
        return {"network": nn.Linear(1, 1)}

    def losses(self, batch, moment):
        self.shown.append(list(batch))
        return {"task": torch.zeros(len(batch))}

    def evaluate(self):
        return {"accuracy": self.right, "loss": 1 - self.right}


def test_a_batch_is_shown_view_by_view_and_the_held_out_accuracy_is_the_mean() -> None:
    inner = {"both": Told(0.9), "input": Told(0.6), "rationale": Told(0.3)}
    learner = SharedLearner(inner, SHARES)
    batch = [Several(None, {seen: f"{seen} {place}" for seen in SHARES}) for place in range(10)]
    for step in (1, 2, 1):
        learner.losses(batch, Moment(step, 0, 0, 0.0, 7))
    first, second, again = inner["both"].shown
    assert [text.split()[1] for text in first] == [str(place) for place in range(10)]
    assert first == again and first != second
    assert sum(text.startswith("rationale") for text in first) == 2
    found = learner.evaluate()
    assert (found["accuracy"], found["loss"]) == (pytest.approx(0.6), pytest.approx(0.4))
    assert found["accuracy_rationale"] == 0.3


@pytest.mark.parametrize("weights", ["pt", "np"])
def test_one_training_serves_three_views(
    tmp_path: Path, encoder: str, weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    inner = service.train_shared
    monkeypatch.setattr(service, "train_shared", lambda *a, **k: (calls.append(1), inner(*a, **k))[1])
    made = simulators(tmp_path, encoder, weights=weights, **LONG)
    test = answers(80, 2)
    found = {seen: made.guesses(test, seen) for seen in ("input", "rationale", "both")}
    assert len(calls) == 1 and len(list((tmp_path / "kept").iterdir())) == 1
    assert accuracy(made, "both", test) > 0.9 and accuracy(made, "rationale", test) > 0.9
    assert accuracy(made, "input", test) < 0.7
    assert made.learned("both").learned and made.learned("rationale").learned and not made.learned("input").learned
    again = simulators(tmp_path, encoder, weights=weights, **LONG)
    for seen, of in found.items():
        for key, probabilities in again.guesses(test, seen).items():
            np.testing.assert_allclose(probabilities, of[key], atol=1e-6)
        assert again.learned(seen) == made.learned(seen)
    assert len(calls) == 1 and not list((tmp_path / "work").iterdir())

    def stop(*_, **__):
        raise LookupError

    monkeypatch.setattr(service, "train_shared", stop)
    with pytest.raises(LookupError):
        simulators(tmp_path, encoder, weights=weights, **LONG, input_dropout=0.3).guesses(test, "both")


def test_the_views_are_those_of_separate_simulators(tmp_path: Path, encoder: str) -> None:
    """What is dropped is left out: the same weights, asked by hand, give the same answers."""
    made = simulators(tmp_path, encoder, epochs=1, both_dropout=0.1)
    test = answers(6, 2)
    model = made._get("both", 0)[0].model
    for seen in ("input", "rationale", "both", "neither"):
        found = made.guesses(test, seen)
        for one in test.seen(seen):
            encoding = model.encode(one, test.seen(seen).words(one))
            with torch.inference_mode():
                by_hand = model.scores(model.pad(list(encoding.rows))).double().softmax(1)[0]
            np.testing.assert_allclose(found[one.id], by_hand.numpy(), atol=1e-6)


def test_views_it_does_not_serve_are_a_sentence(tmp_path: Path, encoder: str) -> None:
    made = simulators(tmp_path, encoder)
    for seen in ("vacuous", "vacuous_rationale", "robust", "robust_rationale", "base", "masked"):
        with pytest.raises(UsageError, match=f"not from the view '{seen}'"):
            made.guesses(answers(3, 2), seen)
    with pytest.raises(UsageError, match="never learns from the view 'neither'; change both_dropout"):
        made.learned("neither")
    assert not (tmp_path / "kept").exists()
    require_views({"shared": True}, choose_text_metrics(["simulatability", "rq", "las:*", "leakage"]))
    for metric, settings, sentence in (
        ("rev", {"shared": True}, "not from the view 'vacuous'"),
        ("rora:np", {"shared": True}, "not from the view 'robust'"),
        ("las", {"shared": True, "input_dropout": 0}, "'rationale'; change input_dropout"),
        ("rq", {"shared": True, "input_dropout": 0.6}, "'both'; change input_dropout and rationale_dropout"),
        ("rq", {"shared": True, "input_dropout": 0.7}, "must not add up to more than 1"),
        ("rq", {"shared": True, "np_architecture": "small"}, "set np_architecture=same"),
    ):
        with pytest.raises(UsageError, match=sentence):
            require_views(settings, choose_text_metrics([metric]))
    with pytest.raises(ValidationError):
        SimulatorConfig(input_dropout=0.9)


def test_separate_simulators_and_audits_that_were_begun_know_nothing_of_it(tmp_path: Path) -> None:
    known = set(SimulatorConfig().record())
    assert known == {"model", "weights", "epochs", "np_epochs", "lr", "np_lr", "batch_size", "patience", "dropout"}
    assert set(SimulatorConfig(shared=True).record()) == known | SHARED
    assert not SHARED & set(json.loads(Protocol().model_dump_json())["simulator"])
    train, test = answers(20, 0).data, answers(20, 1).data
    require_same_audit(tmp_path, train, test, Protocol())
    require_same_audit(tmp_path, train, test, read_protocol({}, None))
    knobs = {"simulator.shared": True, "simulator.np_architecture": "same"}
    with pytest.raises(UsageError, match="its simulator is"):
        require_same_audit(tmp_path, train, test, read_protocol(knobs, None))
    job = AuditConfig(data="bundled/nli", metrics=("rev",), protocol=knobs)
    with pytest.raises(UsageError, match="not from the view 'vacuous'"):
        check_audit(job, Workspace(tmp_path))
    assert read_simulator(read_protocol(knobs, None).simulator).shared
