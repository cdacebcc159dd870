"""Home: empty, at work, stopped, and with results."""

from __future__ import annotations

from pathlib import Path

import pytest

from rationale_eval.desk import demo
from rationale_eval.desk.access import Access, NotAllowed
from rationale_eval.desk.desk import Desk
from rationale_eval.errors import UsageError
from rationale_eval.verbs import demo_jobs
from rationale_eval.workspace.after import needs
from rationale_eval.workspace.runs import Workspace
from rationale_eval.workspace.worker import look
from tests.helpers.pages import Near, opened, texts


class NoLauncher:
    """Starts nothing, as on a machine that cannot."""

    def start(self, run_id: str, workspace: Path) -> None:
        raise OSError("no process could be started")


def test_an_empty_workspace_has_one_button_and_it_starts_the_demonstration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = Workspace(tmp_path / "space")
    app = opened("home", space.path, monkeypatch)
    assert [each.label for each in app.button] == ["Run the demonstration"]
    app.button(key="demo").click().run()
    assert not app.exception and not app.error
    runs = space.runs()
    assert [run.asked["title"] for run in runs] == list(demo.TITLES)
    assert [run.kind for run in runs] == ["train", "evaluate", "generate", "evaluate", "audit"]
    assert {run.asked["group"] for run in runs} == {"demo"}
    train, evaluate, generate, score, _ = runs
    assert [needs(run).coming for run in runs] == [(), (train.id,), (), (generate.id,), ()]
    assert evaluate.config["metrics"] == list(demo_jobs.METRICS) and evaluate.config["model"] == f"run:{train.id}"
    assert score.config["texts"] == [f"run:{generate.id}"]
    said = texts(app)
    assert "waits for: Train a model on the bundled examples" in said
    assert "waits for: Have a language model explain" in said
    app.button(key="demo").click().run()
    assert len(space.runs()) == 5, "a second press finds it at work"


def test_if_one_fails_the_others_say_so_and_all_go_on_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = Workspace(tmp_path / "space")
    app = opened("home", space.path, monkeypatch)
    app.button(key="demo").click().run()
    train, evaluate, *_ = space.runs()
    look(space, NoLauncher(), ["cpu"])
    assert train.status.state == "failed"
    look(space, NoLauncher(), [])
    app = opened("home", space.path, monkeypatch)
    assert f"it needs run {train.id}, which failed; resume that one first, then this one" in texts(app)
    assert evaluate.status.state == "failed"
    app.button(key="resume-demo").click().run()
    assert not app.exception
    assert [run.status.state for run in space.runs()] == ["queued"] * 5


def test_a_queue_without_room_gets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = Workspace(tmp_path / "space")
    space.prepare()
    (space.path / "quotas.json").write_text('{"queue_length": 4}')
    app = opened("home", space.path, monkeypatch)
    app.button(key="demo").click().run()
    assert "the queue has room for 4 more runs, and the demonstration is 5" in texts(app)
    assert space.runs() == []


def test_half_a_demonstration_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = Workspace(tmp_path / "space")
    monkeypatch.setattr(Desk, "keep_working", lambda self: None)
    monkeypatch.setattr(demo_jobs, "WRITER", "embedded/nothing")
    desk = Desk(space, Access(), Near(space.path))
    with pytest.raises(UsageError, match="there is no embedded model"):
        demo.start(desk)
    assert [run.status.state for run in space.runs()] == ["cancelled", "cancelled"]


def test_a_read_only_dashboard_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = Workspace(tmp_path / "space")
    app = opened("home", space.path, monkeypatch, read_only=True)
    assert app.button(key="demo").disabled
    desk = Desk(space, Access(read_only=True), Near(space.path))
    with pytest.raises(NotAllowed):
        demo.start(desk)


def test_results_show_the_number_that_stands_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = Workspace(tmp_path / "space")

    def row(method: str, metric: str, value: float | None, direction: str = "higher") -> dict[str, object]:
        bounds = {
            "ci_low": None if value is None else value - 0.125,
            "ci_high": None if value is None else value + 0.125,
        }
        return {
            "method": method,
            "metric": metric,
            "variant": "default",
            "value": value,
            "direction": direction,
        } | bounds

    rows = [
        row("model", "accuracy", 0.75),
        row("saliency", "comprehensiveness_aopc", 0.25),
        row("lime", "comprehensiveness_aopc", 0.5),
        row("broken", "comprehensiveness_aopc", None),
        row("random", "comprehensiveness_aopc", 0.9),
    ]
    low = [row("lime", "sufficiency_aopc", 0.5, "lower"), row("saliency", "sufficiency_aopc", 0.25, "lower")]
    verdicts = {"reference": "holds", "perturbation": "open", "robustness": "fails"}
    summaries = [
        ("evaluate", {"results": rows}, "**<b>bold</b>**"),
        ("evaluate", {"results": low}, "lower is better"),
        ("train", {"metrics": {"accuracy": 0.5, "loss": None}}, "a training"),
        ("audit", {"audit": [{"metric": "rq", "variant": "np", **verdicts}]}, "an audit"),
        ("generate", {"made": 16, "texts": [{"in the form": 0.5}]}, "some texts"),
        ("evaluate", {"results": "of an older form"}, "an old one"),
    ]
    for kind, summary, title in summaries:
        run = space.create_run(kind, {}, data="bundled/nli", about={"title": title})
        with run.working():
            run.write_summary(summary)
    app = opened("home", space.path, monkeypatch)
    said = texts(app)
    assert "comprehensiveness **0.500** :small[[0.375, 0.625] lime]" in said
    assert "of the random control **0.900**" in said
    assert "accuracy of the model **0.750**" in said
    assert "sufficiency **0.250** :small[[0.125, 0.375] saliency]" in said
    assert "dev accuracy **0.500**" in said and "dev loss **not defined**" in said
    assert "rq np: reference holds, perturbation open, robustness fails" in said
    assert "texts: 16" in said
    assert {each.label: each.value for each in app.metric} == {
        "evaluations": "3",
        "training": "1",
        "audit": "1",
        "generation": "1",
        "data set": "1",
    }
    titles = [each.value for each in app.markdown if "bold" in each.value]
    assert titles == ["**\\*\\*\\<b\\>bold\\<\\/b\\>\\*\\***"]
