"""Probe: what the page says is what the model says, before and after words and texts change."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import re
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from streamlit.testing.v1 import AppTest

import rationale_eval as rx
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.data.words import split_words
from rationale_eval.engine.case import Case
from rationale_eval.engine.run import Engine
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.rationales.selection import top_k_percent
from rationale_eval.simulators.small_simulator import SmallSimulator
from rationale_eval.simulators.view import view
from rationale_eval.ui.numbers import number
from rationale_eval.ui.text import md_text
from tests.helpers.dashboard import ROOT

CHOICES = ("entailment", "neutral", "contradiction")


def opened(workspace: Path, monkeypatch: pytest.MonkeyPatch, **query: str) -> AppTest:
    monkeypatch.setenv("RATIONALE_EVAL_WORKSPACE", str(workspace))
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.run()
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page("pages/probe_page.py").run()
    assert not app.exception and [each.value for each in app.title] == ["Probe"]
    return app


def errors(app: AppTest) -> list[str]:
    return [each.value for each in app.error]


def bars(app: AppTest) -> dict[str, NDArray[np.float64]]:
    """The numbers in the picture."""
    drawn = next(each.proto.body for each in app.get("html") if "rx-bars" in each.proto.body)
    return {name: np.array(re.findall(rf"{name}: (\d\.\d{{8}})", drawn), float) for name in ("before", "after")}


def text(app: AppTest, field: str) -> Any:
    return next(each for each in app.text_input if f"-text-{field}" in str(each.key))


def words(app: AppTest, field: str) -> Any:
    return next(each for each in app.button_group if f"-words-{field}" in str(each.key))


def captions(app: AppTest) -> str:
    return "\n".join(each.value for each in app.caption)


def asked(model: TransformerModel, example: Example, drop: Sequence[int] = ()) -> NDArray[np.float64]:
    """The model's answer by the plain network: tokens of dropped words left out by hand, no engine."""
    encoding = model.encode(example, split_words(example))
    rows = []
    for row in encoding.rows:
        stays = ~np.isin(row.word, list(drop))
        rows.append(replace(row, ids=row.ids[stays], types=row.types[stays], word=row.word[stays]))
    with torch.inference_mode():
        scores = model.scores(model.pad(rows)).double().reshape(-1)
    return torch.softmax(scores, 0).numpy()


def wait_for(holds: Callable[[], bool], seconds: float = 300.0) -> None:
    """Looks again and again, as the page does."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come"
        threading.Event().wait(1)


@pytest.fixture(scope="module")
def example() -> Example:
    return next(iter(rx.load_dataset("bundled/nli", "test")))


@pytest.fixture(scope="module")
def place(sample_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample that these tests may change; one for all, since each workspace starts a process."""
    folder = tmp_path_factory.mktemp("probe") / "workspace"
    shutil.copytree(sample_folder, folder, ignore=shutil.ignore_patterns("index.sqlite*", "lease", "probe"))
    folder.chmod(0o700)
    return folder


@pytest.fixture(scope="module")
def model(place: Path, sample_ids: Mapping[str, str]) -> TransformerModel:
    found = rx.load_model(f"run:{sample_ids['train']}", workspace=place)
    assert isinstance(found, TransformerModel)
    return found


def test_the_answers_are_the_models_before_and_after_every_kind_of_edit(
    place: Path,
    sample_ids: Mapping[str, str],
    model: TransformerModel,
    example: Example,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = opened(place, monkeypatch, probe=f"run:{sample_ids['train']}", data="bundled/nli", split="test")
    whole = asked(model, example)
    assert np.abs(bars(app)["before"] - whole).max() < 1e-6
    assert np.abs(bars(app)["after"] - whole).max() < 1e-6
    assert "Nothing moved." in captions(app)

    # A word is dropped by a click, and comes back by another.
    inside = split_words(example)
    hypothesis = [place for place, word in enumerate(inside) if word.field == "hypothesis"]
    words(app, "hypothesis").set_value([1]).run()
    without = asked(model, example, [hypothesis[1]])
    assert np.abs(bars(app)["after"] - without).max() < 1e-6
    assert np.abs(without - whole).max() > 1e-4, "the example must be one that moves"
    target = int(whole.argmax())
    assert f"comprehensiveness {number(whole[target] - without[target])} " in captions(app)
    others = [place for place in range(len(inside)) if place != hypothesis[1]]
    assert f"sufficiency {number(whole[target] - asked(model, example, others)[target])} " in captions(app)
    words(app, "hypothesis").set_value([]).run()
    assert np.abs(bars(app)["after"] - whole).max() < 1e-6

    # The slider takes away the words ranked first, as a metric counts them.
    app.selectbox(key="probe-method").set_value("saliency").run()
    app.slider[0].set_value(50).run()
    (scores,) = rx.extract(model, rx.load_dataset("bundled/nli", "test", limit=1), "saliency")
    top = np.flatnonzero(top_k_percent(scores.scores, 50)).tolist()
    case = Case(example, inside, encoding=model.encode(example, inside))
    (rest,) = Engine(model).answer([case.without(top)])
    assert np.abs(bars(app)["after"] - rest).max() < 1e-6
    shown = [*words(app, "premise").value, *(hypothesis[place] for place in words(app, "hypothesis").value)]
    assert shown == top
    app.slider[0].set_value(0).run()
    assert np.abs(bars(app)["after"] - whole).max() < 1e-6

    # A text that was edited; and a word that is dropped stays so while another part is edited.
    words(app, "premise").set_value([0]).run()
    edited = replace(example, inputs=dict(example.inputs) | {"hypothesis": "Nobody is close to the ground."})
    text(app, "hypothesis").set_value(edited.inputs["hypothesis"]).run()
    assert np.abs(bars(app)["before"] - whole).max() < 1e-6
    assert np.abs(bars(app)["after"] - asked(model, edited, [0])).max() < 1e-6
    text(app, "premise").set_value("Really, " + example.inputs["premise"]).run()
    assert words(app, "premise").value == [2], "the same word, which now stands behind two others"
    next(each for each in app.button if str(each.key).endswith("-back")).click().run()
    assert text(app, "hypothesis").value == example.inputs["hypothesis"]
    assert np.abs(bars(app)["after"] - whole).max() < 1e-6
    assert errors(app) == []


def test_an_evaluations_example_opens_with_its_data_and_its_model(
    place: Path, sample_ids: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = list(rx.load_dataset("bundled/nli", "test"))
    app = opened(place, monkeypatch, run=sample_ids["other"], example=examples[7].id)
    assert app.selectbox(key="probe-pick-probe").value == f"run:{sample_ids['second']}"
    assert app.selectbox(key="probe-pick-example").value == examples[7].id
    assert text(app, "premise").value == examples[7].inputs["premise"]
    other = rx.load_model(f"run:{sample_ids['second']}", workspace=place)
    assert isinstance(other, TransformerModel)
    assert np.abs(bars(app)["after"] - asked(other, examples[7])).max() < 1e-6
    app.selectbox(key="probe-pick-data").set_value("bundled/sentiment").run()
    assert "run" not in app.query_params
    assert errors(app) == []
    assert md_text("entailment") in [each.value for each in app.metric] + list(CHOICES)


def test_an_example_is_typed(place: Path, model: TransformerModel, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(place, monkeypatch, data="typed", probe=model.name)
    assert "Fill in every field" in captions(app)
    app.text_input(key="probe-typed-premise").set_value("A dog sleeps.").run()
    app.text_input(key="probe-typed-hypothesis").set_value("An animal rests.").run()
    typed = Example("typed", "typed", {"premise": "A dog sleeps.", "hypothesis": "An animal rests."}, CHOICES)
    assert np.abs(bars(app)["after"] - asked(model, typed)).max() < 1e-6


def test_an_edit_is_kept_and_its_script_gives_its_numbers(
    place: Path, model: TransformerModel, example: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(place, monkeypatch, probe=model.name, data="bundled/nli", split="test")
    words(app, "hypothesis").set_value([0, 1]).run()
    script = next(each.value for each in app.code if "load_model" in each.value)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(script, "script", "exec"), {})  # noqa: S102 - our own script is what is tested
    before, after = (ast.literal_eval(line) for line in printed.getvalue().splitlines())
    assert np.abs(np.array(list(before.values())) - bars(app)["before"]).max() < 1e-6
    assert np.abs(np.array(list(after.values())) - bars(app)["after"]).max() < 1e-6
    assert list(after) == list(CHOICES)

    app.selectbox(key=f"probe-keep-label-{example.id}").set_value(1).run()
    app.button(key="probe-keep").click().run()
    assert errors(app) == []
    assert [each.value for each in app.success] == ["Kept in edits/nli\\-edits, which now holds 1 example."]
    file = place / "edits" / "nli-edits.jsonl"
    (kept,) = rx.load_dataset(file)
    inside = split_words(example)
    first, second = [word for word in inside if word.field == "hypothesis"][:2]
    rest = example.inputs["hypothesis"][second.end :].strip()
    assert kept.inputs == {"premise": example.inputs["premise"], "hypothesis": rest}
    assert kept.label == 0 and kept.evidence is None and kept.rationales == example.rationales[:1]
    about = kept.meta["probe"]
    assert about["origin"] == {"data": "bundled/nli", "split": "test", "example": example.id, "run": None}
    assert about["dropped"] == [["hypothesis", first.start, first.end], ["hypothesis", second.start, second.end]]
    assert np.abs(np.array(list(about["answer"].values())) - asked(model, kept)).max() < 1e-6

    # It is a data set like any other, and nothing is kept where nothing may change.
    app = opened(place, monkeypatch, probe=model.name, data=str(file))
    assert text(app, "hypothesis").value == rest
    assert np.abs(bars(app)["before"] - asked(model, kept)).max() < 1e-6
    monkeypatch.setenv("RATIONALE_EVAL_READ_ONLY", "1")
    app = opened(place, monkeypatch, probe=model.name, data="bundled/nli")
    app.button(key="probe-keep").click().run()
    assert "read\\-only" in errors(app)[0]
    assert len(list(rx.load_dataset(file))) == 1


def test_a_simulator_judges_the_reason_and_another_reason_changes_its_verdict(
    place: Path, model: TransformerModel, example: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATIONALE_EVAL_READ_ONLY", "1")
    app = opened(place, monkeypatch, probe=model.name, data="bundled/nli", split="test")
    assert app.button(key="probe-teach").disabled
    monkeypatch.delenv("RATIONALE_EVAL_READ_ONLY")
    app = opened(place, monkeypatch, probe=model.name, data="bundled/nli", split="test")
    app.button(key="probe-teach").click().run()
    assert "A simulator is being trained, about" in captions(app)
    kept = place / "memory" / "probe"
    wait_for(lambda: any(kept.glob("*.json")))  # the page looks every few seconds; here that would slow the training
    wait_for(lambda: bool(app.run().dataframe))
    table = app.dataframe[0].value
    assert list(table["it sees"]) == ["text alone", "text and reason now", "reason now alone"]

    # What is shown is what the kept simulators say.
    index = json.loads(next((place / "memory" / "probe").glob("*.json")).read_text())["simulators"]
    answer = int(asked(model, example).argmax())
    task = rx.load_dataset("bundled/nli", "test").task

    def guessed(seen: Any, reason: str) -> float:
        folder = place / "memory" / "simulators" / index[seen]["folder"]
        data = RationaleDataset.from_examples([example], task)
        shown = view(data, seen, {example.id: answer}, {example.id: reason})
        return float(SmallSimulator.load(folder, "cpu").guesses(shown)[example.id][answer])

    now = example.rationales[0]
    column = f"p({CHOICES[answer]})"
    assert list(table[column]) == [number(guessed(seen, now)) for seen in ("input", "both", "rationale")]
    reason = next(each for each in app.text_input if str(each.key).endswith("-reason"))
    reason.set_value("Nobody sleeps.").run()
    table = app.dataframe[0].value
    assert len(table) == 5
    said = dict(zip(table["it sees"], table[column], strict=True))
    assert said["text and reason before"] == number(guessed("both", now))
    assert said["text and reason now"] == number(guessed("both", "Nobody sleeps."))
    assert said["reason now alone"] == number(guessed("rationale", "Nobody sleeps."))
    assert errors(app) == []
    app = opened(place, monkeypatch, probe=model.name, data="bundled/nli", split="train")
    assert "learn from the training split" in captions(app)


def test_without_a_model_there_is_one_button(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATIONALE_EVAL_HOME", str(tmp_path / "none"))
    app = opened(tmp_path / "workspace", monkeypatch)
    assert [each.value for each in app.subheader] == ["No model to probe yet"]
    (button,) = app.button
    assert button.label == "Train a small model on the bundled set" and not button.disabled
    monkeypatch.setenv("RATIONALE_EVAL_READ_ONLY", "1")
    app = opened(tmp_path / "workspace", monkeypatch)
    assert app.button[0].disabled


def test_a_model_that_is_gone_is_said_and_the_others_can_be_picked(
    place: Path, sample_ids: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "runs" / sample_ids["second"] / "model" / "config.json").write_text("{}")
    app = opened(place, monkeypatch, probe=f"run:{sample_ids['second']}")
    assert len(errors(app)) == 1 and "model type" in errors(app)[0]
    app.selectbox(key="probe-pick-probe").set_value(f"run:{sample_ids['train']}").run()
    assert errors(app) == [] and len(bars(app)["after"]) == 3
