"""The page Train: which recipes fit, the form, launching, following a run, and every state."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from rationale_eval.desk.access import Access, NotAllowed
from rationale_eval.desk.desk import Desk
from rationale_eval.desk.training import Asked, launch, launch_many
from rationale_eval.ui import page
from rationale_eval.verbs.job import TrainJob
from rationale_eval.verbs.sweep import group_name
from rationale_eval.workspace.runs import Workspace
from tests.helpers.pages import Near, opened, texts

UNIREX = {"recipe": "unirex", "data": "bundled/nli", "model": "embedded/minilm", "preset": "quick"}


def button(app: AppTest, label: str) -> Any:
    return next(each for each in app.button if each.label.replace("\\", "") == label)


def field(app: AppTest, label: str) -> Any:
    kinds = (app.number_input, app.selectbox, app.text_input, app.checkbox)
    return next(each for kind in kinds for each in kind if each.label == label)


def test_what_fits_is_offered_and_the_others_say_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened("train", tmp_path / "space", monkeypatch, **UNIREX)
    offered = {each.key.removeprefix("recipe-") for each in app.button if str(each.key).startswith("recipe-")}
    assert offered == {"fine_tune", "a2r", "fresh", "l2e", "unirex", "sgt"}
    said = texts(app)
    assert "embedded/minilm is an encoder and writes no text; self_rationalize needs a language model" in said
    assert "feb needs a language model" in said
    field(app, "Start from").set_value("new/t5").run()
    offered = {each.key.removeprefix("recipe-") for each in app.button if str(each.key).startswith("recipe-")}
    assert offered == {"fine_tune", "self_rationalize", "feb"}
    assert "unirex needs an encoder, and new/t5 is a language model (seq2seq)" in texts(app)


def test_a_preset_fills_the_form_and_five_knobs_are_shown_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened("train", tmp_path / "space", monkeypatch, **UNIREX)
    labels = [each.label for kind in (app.selectbox, app.number_input) for each in kind]
    assert [name for name in ("extractor", "objectives", "epochs", "lr", "batch size") if name in labels] == [
        "extractor",
        "objectives",
        "epochs",
        "lr",
        "batch size",
    ]
    quick = {name: field(app, name).value for name in ("Training examples", "epochs", "lr", "batch size")}
    assert quick == {"Training examples": 200, "epochs": 3, "lr": 1e-4, "batch size": 16}
    app.segmented_control[0].set_value("paper").run()
    paper = {name: field(app, name).value for name in ("Training examples", "epochs", "lr", "batch size")}
    assert paper == {"Training examples": None, "epochs": 10, "lr": 2e-5, "batch size": 32}


def test_launching_queues_exactly_what_the_form_says_and_opens_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = Workspace(tmp_path / "space")
    app = opened("train", space.path, monkeypatch, **UNIREX)
    field(app, "epochs").set_value(2)
    field(app, "bins").set_value("10, 50")
    field(app, "comp form").set_value("off")
    app.run()
    button(app, "Launch").click().run()
    assert not app.exception and not app.error
    (run,) = space.runs()
    config = run.config["config"]
    asked = {name: config[name] for name in ("epochs", "lr", "batch_size", "bins", "comp_form", "suff_form")}
    assert asked == {"epochs": 2, "lr": 1e-4, "batch_size": 16, "bins": [10.0, 50.0], "comp_form": "off"} | {
        "suff_form": "margin"
    }
    assert (run.config["limit"], run.config["sample"], run.config["dev_limit"]) == (200, None, 100)
    assert (run.status.state, run.kind) == ("queued", "train")
    assert app.query_params["run"] == run.id
    assert "unirex on bundled/nli" in texts(app)


def test_what_cannot_be_is_told_in_the_recipes_own_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened("train", tmp_path / "space", monkeypatch, **UNIREX)
    field(app, "comp margin").set_value(-1.0).run()
    assert "unirex: comp_margin: input should be greater than or equal to 0." in texts(app)
    assert button(app, "Launch").disabled
    field(app, "comp margin").set_value(1.0)
    field(app, "bins").set_value("ten").run()
    assert "bins: numbers parted by commas are expected" in texts(app)


def test_a_grid_with_seeds_is_one_group_named_as_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = Workspace(tmp_path / "space")
    app = opened("train", space.path, monkeypatch, **(UNIREX | {"recipe": "fine_tune"}))
    field(app, "Seeds").set_value(2)
    app.multiselect(key="grid-fine_tune").set_value(["lr"]).run()
    app.text_input(key="grid-fine_tune-lr").set_value("1e-4, 1e-3").run()
    button(app, "Launch 4 trainings").click().run()
    assert not app.exception and not app.error
    runs = space.runs()
    assert sorted((run.config["config"]["lr"], run.config["seed"]) for run in runs) == [
        (1e-4, 0),
        (1e-4, 1),
        (1e-3, 0),
        (1e-3, 1),
    ]
    job = TrainJob(
        recipe="fine_tune",
        data="bundled/nli",
        model="embedded/minilm",
        limit=200,
        dev_limit=100,
        config={"batch_size": 16},
    )
    assert {run.asked["group"] for run in runs} == {group_name(job, {"lr": [1e-4, 1e-3]})}
    button(app, "Launch 4 trainings").click().run()
    assert len(space.runs()) == 4, "what is there is not asked for again"


def test_a_run_is_cancelled_resumed_deleted_and_brought_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = Workspace(tmp_path / "space")
    run = space.submit("train", TrainJob(recipe="fine_tune", data="bundled/nli").record(), title="mine")
    app = opened("train", space.path, monkeypatch, run=run.id)
    assert {each.label for each in app.button} >= {"Cancel", "Retry with changes", "Delete"}
    button(app, "Cancel").click().run()
    assert run.status.state == "cancelled"
    button(app, "Resume").click().run()
    assert run.status.state == "queued"
    button(app, "Delete").click().run()
    assert space.runs() == []
    button(app, "Undo").click().run()
    assert [one.id for one in space.runs()] == [run.id] and "mine" in texts(app)


def test_a_read_only_dashboard_shows_and_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = Workspace(tmp_path / "space")
    run = space.submit("train", TrainJob(recipe="fine_tune", data="bundled/nli").record())
    app = opened("train", space.path, monkeypatch, read_only=True, **UNIREX)
    assert button(app, "Launch").disabled
    app = opened("train", space.path, monkeypatch, read_only=True, run=run.id)
    assert not {each.label for each in app.button} & {"Cancel", "Resume", "Delete", "Retry with changes"}
    desk = Desk(space, Access(read_only=True), Near(space.path))
    asked = Asked("fine_tune", "bundled/nli", "embedded/minilm", {})
    for change in (
        lambda: launch(desk, asked),
        lambda: launch_many(desk, asked, [0, 1], {}),
        lambda: desk.cancel(run.id),
        lambda: desk.delete(run.id),
        lambda: desk.resume(run.id),
    ):
        with pytest.raises(NotAllowed, match="read-only"):
            change()
    assert [one.status.state for one in space.runs()] == ["queued"]


def test_data_that_are_not_offered_are_refused_whatever_the_address_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened("train", tmp_path / "space", monkeypatch, **(UNIREX | {"data": "/etc", "model": "/root"}))
    assert field(app, "Data set").value == "bundled/nli"
    desk = Desk(Workspace(tmp_path / "space"), Access(), Near(tmp_path / "space"))
    with pytest.raises(Exception, match="not offered here"):
        launch(desk, Asked("fine_tune", "/etc", "embedded/minilm", {}))


def test_while_the_recipes_are_read_the_page_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened("train", tmp_path / "space", monkeypatch, ready=False)
    assert "Reading the recipes" in texts(app)
    opened("train", tmp_path / "space", monkeypatch, **UNIREX)
    app = opened("train", tmp_path / "space", monkeypatch, ready=False, **UNIREX)
    assert "Reading the recipes" not in texts(app) and "unirex" in texts(app), "they were kept for the next start"


def test_a_page_that_waits_for_the_models_has_them_start_and_says_what_is_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened("train", tmp_path / "space", monkeypatch, **UNIREX)
    app = opened("train", tmp_path / "space", monkeypatch, ready=False, **UNIREX)  # as after the process was killed
    near = page._warm("")
    assert isinstance(near, Near) and near.begun > 0
    assert "Finding out which recipes fit" in texts(app)
    near.trouble = "no memory is left."
    app.run()
    assert [each.value for each in app.error], "nothing is said"
    assert "no memory is left." in texts(app)
    near.ready, near.trouble = True, None
    app.run()
    assert "Finding out which recipes fit" not in texts(app) and not app.error


def test_curves_show_what_is_not_finite_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = Workspace(tmp_path / "space")
    run = space.create_run(
        "train", TrainJob(recipe="fine_tune", data="bundled/nli").record(), about={"title": "<b>x</b>"}
    )
    with run.working():
        for step, (loss, dev) in enumerate([(1.5, 0.25), (float("nan"), float("nan")), (0.75, 0.5)], 1):
            space.index.record(run, 1, step, {"loss": loss, "loss/task": loss, "dev/accuracy": dev})
        run.say("![beacon](http://elsewhere.example/x)")
    app = opened("train", space.path, monkeypatch, run=run.id)
    losses, dev = (json.loads(each.proto.spec) for each in app.get("plotly_chart"))
    assert [trace["name"] for trace in losses["data"]] == ["loss", "task"]
    assert losses["data"][0]["y"] == [1.5, None, 0.75]
    assert dev["data"][0]["y"] == [0.25, None, 0.5]
    assert "NaN at some steps, left out of the picture: loss (1), task (1)" in texts(app)
    table = next(each.value for each in app.dataframe if "accuracy" in each.value.columns)
    assert list(table["accuracy"]) == ["0.250", "NaN", "0.500"]
    assert "![beacon](http://elsewhere.example/x)" in app.code[0].value
    assert [each.value for each in app.subheader] == ["\\<b\\>x\\<\\/b\\>"]


def test_a_run_that_does_not_exist_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened("train", tmp_path / "space", monkeypatch, run="20260101-000000-000-abcd")
    assert "there is no run '20260101-000000-000-abcd'" in texts(app)


def test_earlier_runs_say_how_long_it_will_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = Workspace(tmp_path / "space")
    app = opened("train", space.path, monkeypatch, **(UNIREX | {"recipe": "fine_tune"}))
    button(app, "Launch").click().run()
    (run,) = space.runs()
    for seconds, memory in ((12.0, 10**9), (24.0, 2 * 10**9)):
        like = space.create_run("train", run.config)
        with like.working():
            found = {"seconds": seconds, "steps": 33, "train_examples": 168, "memory": memory, "metrics": {}}
            like.write_summary(found | {"kept_step": 33, "tokens_per_second": 1.0, "precision": "no"})
    app = opened("train", space.path, monkeypatch, **(UNIREX | {"recipe": "fine_tune"}))
    said = texts(app)
    assert "from 2 earlier runs of this recipe, model and data: 0.55 seconds a step" in said
    assert "about 18 s" in said and "2 GB" in said
    field(app, "epochs").set_value(6).run()
    assert "about 36 s" in texts(app), "twice the passes"
    field(app, "batch size").set_value(8).run()
    assert "no run here was like it" in texts(app)


@pytest.mark.parametrize(
    ("made", "label", "unsaid"),
    [
        ("train", "Evaluate its rationales", True),
        ("generate", "Evaluate these texts", True),
        ("evaluate", "Open in Compare", False),
        ("audit", "Open in FRAME", False),
    ],
)
def test_a_finished_run_offers_what_comes_next(
    made: str, label: str, unsaid: bool, sample_folder: Path, sample_ids: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    app = opened("train", sample_folder, monkeypatch, run=sample_ids[made])
    assert label in {each.label for each in app.button}
    assert "What it was asked" in {each.label for each in app.expander}
    app = opened("train", sample_folder, monkeypatch, read_only=True, run=sample_ids[made])
    assert (label not in {each.label for each in app.button}) is unsaid
