"""The verbs behind Probe: what they refuse, which models stay open, what simulators learn from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rationale_eval as rx
from rationale_eval.data.example import Example
from rationale_eval.data.schema import to_record
from rationale_eval.desk import probing
from rationale_eval.desk.warm import probe, simulator
from rationale_eval.desk.warm.shelf import Shelf
from rationale_eval.errors import InputError, UsageError
from rationale_eval.workspace.runs import Workspace
from tests.helpers.tiny import NLI, tiny_folder

EXAMPLE = Example("1", "nli", {"premise": "A man is playing a guitar.", "hypothesis": "Nobody plays."}, NLI.choices, 0)
RECORD = to_record(EXAMPLE)


@pytest.fixture(scope="module")
def place(sample_folder: Path) -> Workspace:
    return Workspace(sample_folder)


@pytest.fixture(scope="module")
def name(sample_ids: Mapping[str, str]) -> str:
    return f"run:{sample_ids['train']}"


def test_the_model_used_least_lately_goes(place: Workspace, sample_ids: Mapping[str, str]) -> None:
    first, second = (f"run:{sample_ids[each]}" for each in ("train", "second"))
    third = str(place.path / "runs" / sample_ids["train"] / "model")
    shelf = Shelf(most=2)
    kept = shelf.take(place, first)
    shelf.take(place, second)
    assert shelf.take(place, first) is kept
    shelf.take(place, third)
    assert shelf.names() == [first, third]
    assert Shelf(most=3, most_bytes=1).take(place, first).size > 1, "one alone may be as large as it is"
    small = Shelf(most=3, most_bytes=kept.size + 1)
    small.take(place, first)
    small.take(place, second)
    assert small.names() == [second]


def test_a_model_written_anew_is_opened_anew(tmp_path: Path) -> None:
    shelf, place = Shelf(), Workspace(tmp_path)
    folder = tiny_folder(tmp_path / "tiny", "bert", "classifier")
    with pytest.raises(UsageError):
        shelf.take(place, str(folder))  # knows no task
    with pytest.raises(UsageError, match="never been trained"):
        shelf.take(place, "embedded/minilm", NLI)
    with pytest.raises(UsageError, match="neither a run"):
        shelf.take(place, "owner/name")
    with pytest.raises(UsageError, match="neither a run"):
        shelf.take(place, "../tiny")


def test_questions_that_make_no_sense_are_refused(place: Workspace, name: str) -> None:
    with pytest.raises(UsageError, match="a word was named that the text does not have"):
        probe.without(place, name, RECORD, [99])
    with pytest.raises(UsageError, match="no removal 'burn'"):
        probe.without(place, name, RECORD, [0], removal="burn")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="not among the quick methods"):
        probe.attribute(place, name, RECORD, "lime")
    with pytest.raises(UsageError, match="at most 100,000 characters"):
        probe.predict(place, name, [{**RECORD, "inputs": {"premise": "a " * 60_000, "hypothesis": "b"}}])
    with pytest.raises(InputError, match="is empty"):
        probe.predict(place, name, [{**RECORD, "inputs": {"premise": "a", "hypothesis": " "}}])
    with pytest.raises(InputError):
        probe.attribute(place, name, RECORD, "saliency", target="nothing of the kind")


@pytest.mark.parametrize("method", ["saliency", "leave_one_out", "integrated_gradients", "attention"])
def test_scores_are_those_of_extract(place: Workspace, name: str, method: str) -> None:
    data = rx.load_dataset("bundled/nli", "test", limit=3)
    model = rx.load_model(name, workspace=place.path)
    assert {each["name"]: each["why"] for each in probe.open_model(place, name)["methods"]}[method] is None
    explained = rx.extract(model, data, method, **probe.QUICK[method])
    for example, expected in zip(data, explained, strict=True):
        found = probe.attribute(place, name, to_record(example), method)
        scores = np.array([np.nan if each is None else each for each in found["scores"]])
        assert np.allclose(scores, expected.scores, rtol=0, atol=1e-6, equal_nan=True)
        assert found["target"] == expected.target


def test_all_words_and_no_word(place: Workspace, name: str) -> None:
    words = len(probe.predict(place, name, [RECORD])[0]["words"])
    none = probe.without(place, name, RECORD, [])
    every = probe.without(place, name, RECORD, list(range(words)))
    assert none["without"] == none["whole"] == every["only"]
    assert none["only"] == every["without"]
    assert none["comprehensiveness"] == every["sufficiency"] == 0


def test_nothing_to_learn_from_is_said(place: Workspace, name: str, tmp_path: Path) -> None:
    asked: dict[str, Any] = {"model": name, "data": "bundled/sentiment", "split": "train", "mapping": {}}
    with pytest.raises(
        UsageError, match=r"20 examples with a rationale in words .* 'train' of bundled/sentiment has 0"
    ):
        simulator.learn(place, asked, tmp_path / "index.json", lambda told: None)
    assert not (tmp_path / "index.json").exists()


def test_words_that_stand_in_both_texts_stay_dropped() -> None:
    before = ["the", "man", "plays", "the", "guitar"]
    assert probing.carried(before, [1, 3], before) == [1, 3]
    assert probing.carried(before, [1, 3], ["oh", *before]) == [2, 4]
    assert probing.carried(before, [1, 3], ["the", "boy", "plays", "the", "guitar"]) == [3]
    assert probing.carried(before, [0], []) == []
