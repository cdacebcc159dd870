"""A slate holds the numbers an evaluation left, finds the right examples, and is made anew after a change."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from rationale_eval.desk.access import Access
from rationale_eval.desk.compare_slices import facts, slices
from rationale_eval.desk.desk import Desk
from rationale_eval.desk.example import detail, verdicts
from rationale_eval.desk.slate import FOLDER, Slate, slate_of
from rationale_eval.desk.slate_query import (
    Filter,
    Order,
    Range,
    bounds,
    length_range,
    order_by,
    place_of,
    rows,
    select,
    spread,
)
from rationale_eval.desk.sources import Source
from rationale_eval.errors import UsageError
from rationale_eval.rationales.selection import top_k_percent
from rationale_eval.verbs.predictions import Answered
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.runs import Workspace
from tests.helpers.made_evaluation import examples, make_evaluation, write_data

TEXTS = ["alpha beta gamma", "Delta alpha", "epsilon", "beta beta beta zeta"]
LABELS = [0, 1, 1, None]
COMP = ("one", "comprehensiveness_aopc", "eraser")
SUFF = ("one", "sufficiency_aopc", "eraser")
OTHER = ("two", "comprehensiveness_aopc", "eraser")
SCORES = {
    COMP: [0.4, -0.1, "nothing was removed", 0.2],
    SUFF: [0.0, 0.3, 0.1, 0.2],
    OTHER: [0.1, 0.2, 0.3, 0.2],
    ("model", "accuracy", "default"): [1, 0, 1, "no gold label"],
}
WORDS = {
    "one": [[0.1, 0.9, 0.2], [0.5, 0.1], [1.0], [0.0, 0.0, 0.0, 1.0]],
    "two": [[0.1, 0.2, 0.9], [0.5, 0.1], [1.0], [0.0, 1.0, 0.0, 0.5]],
}
ANSWERS = [
    Answered(f"e{place}", "model", "input", choice, np.array([1 - p, p]))
    for place, (choice, p) in enumerate([(0, 0.25), (0, 0.375), (1, 0.875), (1, 0.5)])
]


@pytest.fixture
def made(tmp_path: Path) -> tuple[Workspace, Run, Slate]:
    workspace = Workspace(tmp_path / "workspace")
    data = write_data(tmp_path / "toy.jsonl", examples(TEXTS, LABELS, {0: {"text": ((0, 5),)}}))
    run = make_evaluation(workspace, data, SCORES, words=WORDS, answers=ANSWERS)
    return workspace, run, slate_of([Source(run, desk(workspace))])


def desk(workspace: Workspace) -> Desk:
    return Desk(workspace, Access(roots=(workspace.path.parent,)))


def ids(slate: Slate, wanted: Filter | None = None, order: Order | None = None) -> list[str]:
    places = select(slate, wanted or Filter(), order or Order())
    return rows(slate, places, ["example_id"])["example_id"].tolist() if len(places) else []


def test_a_row_holds_label_answer_and_every_score(made: tuple[Workspace, Run, Slate]) -> None:
    _, _, slate = made
    about = slate.about
    assert (about.rows, about.systems, about.answering) == (4, ("one", "two"), ("model",))
    assert about.gold == about.answers == ("no", "yes") and not about.missing and about.data == "toy all"
    names = {role: slate.column(role, "model").name for role in ("answer", "right", "sure")}
    comp = slate.column("score", "one", "comprehensiveness_aopc").name
    found = rows(slate, [0, 1, 2, 3], ["example_id", "gold", *names.values(), comp])
    assert found["gold"].tolist()[:3] == ["no", "yes", "yes"] and found["gold"].isna().tolist() == [False] * 3 + [True]
    assert found[names["answer"]].tolist() == ["no", "no", "yes", "yes"]
    assert found[names["right"]].tolist() == [True, False, True, None]
    assert found[names["sure"]].tolist() == [0.75, 0.625, 0.875, 0.5]
    np.testing.assert_array_equal(found[comp], [0.4, -0.1, np.nan, 0.2])


def test_the_disagreement_of_highlights_is_one_minus_their_overlap(made: tuple[Workspace, Run, Slate]) -> None:
    """The first 20 % are one word here: another one in e0 and e3, the same one in e1 and e2."""
    _, _, slate = made
    assert slate.read(["spread"])["spread"].to_pylist() == [1.0, 0.0, 0.0, 1.0]


def test_the_overlap_follows_the_rule_of_selection(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    workspace = Workspace(tmp_path / "w")
    sizes = draw.integers(1, 40, 60)
    data = write_data(tmp_path / "d.jsonl", examples([" ".join(["word"] * size) for size in sizes], [0] * 60))
    words = {name: [draw.integers(0, 4, size).astype(float) for size in sizes] for name in "abc"}
    words["b"][3] = np.full(sizes[3], np.nan)
    run = make_evaluation(workspace, data, {("a", "auprc", "trapezoid"): [0.0] * 60}, words=words)
    found = slate_of([Source(run, desk(workspace))]).read(["spread"])["spread"].to_pylist()
    for place, value in enumerate(found):
        first = [top_k_percent(words[name][place], 20) for name in "abc"]
        pairs = [(first[0], first[1]), (first[0], first[2]), (first[1], first[2])]
        if place == 3:
            assert value is None
        else:
            overlaps = [(one & other).sum() / (one | other).sum() for one, other in pairs]
            assert value == pytest.approx(1 - np.mean(overlaps))


def test_filters_find_exactly_what_they_say(made: tuple[Workspace, Run, Slate]) -> None:
    _, _, slate = made
    comp = slate.column("score", "one", "comprehensiveness_aopc").name
    assert ids(slate) == ["e0", "e1", "e2", "e3"]
    assert ids(slate, Filter(gold=("yes",))) == ["e1", "e2"]
    assert ids(slate, Filter(answers=("yes",), who="model")) == ["e2", "e3"]
    assert ids(slate, Filter(right="wrong", who="model")) == ["e1"]
    assert ids(slate, Filter(right="right", who="model")) == ["e0", "e2"]
    assert ids(slate, Filter(search="ALPHA")) == ["e0", "e1"]
    assert ids(slate, Filter(search="e3")) == ["e3"]
    assert ids(slate, Filter(search=".*")) == []
    assert ids(slate, Filter(ranges=(Range(comp, 0.2, 0.4),))) == ["e0", "e3"]
    assert ids(slate, Filter(ranges=(Range(comp, None, 0.0),))) == ["e1"]
    assert ids(slate, Filter(only=("e3", "e1", "elsewhere"))) == ["e1", "e3"]
    assert ids(slate, Filter(only=())) == []
    assert ids(slate, Filter(gold=("yes",), search="alpha", right="wrong", who="model")) == ["e1"]
    with pytest.raises(UsageError, match="no answers of 'nobody'"):
        select(slate, Filter(right="right", who="nobody"))
    with pytest.raises(UsageError, match="does not have"):
        select(slate, Filter(), Order("c99"))


def test_the_worst_stands_first_by_the_metrics_direction(made: tuple[Workspace, Run, Slate]) -> None:
    _, _, slate = made
    comp, suff = (slate.column("score", "one", name) for name in ("comprehensiveness_aopc", "sufficiency_aopc"))
    assert ids(slate, order=order_by(comp, "worst")) == ["e1", "e3", "e0", "e2"]  # undefined last
    assert ids(slate, order=order_by(comp, "best")) == ["e0", "e3", "e1", "e2"]
    assert ids(slate, order=order_by(suff, "worst")) == ["e1", "e3", "e2", "e0"]
    ties = slate.column("score", "two", "comprehensiveness_aopc")
    assert ids(slate, order=order_by(ties, "worst")) == ["e0", "e1", "e3", "e2"]
    assert ids(slate, order=order_by(ties, "best")) == ["e2", "e1", "e3", "e0"]


def test_bounds_and_distributions_are_those_of_the_column(made: tuple[Workspace, Run, Slate]) -> None:
    _, _, slate = made
    suff = slate.column("score", "one", "sufficiency_aopc").name
    assert bounds(slate, suff) == (0.0, 0.3)
    found = spread(slate, suff, bins=3)
    assert found.counts.tolist() == [1, 1, 2] and found.defined == 4
    assert found.below(0.0) == 0 and found.below(0.2) == pytest.approx(0.5, abs=0.005) and found.below(1) == 1
    comp = slate.column("score", "one", "comprehensiveness_aopc").name
    assert spread(slate, comp).defined == 3


def test_one_example_has_text_gold_scores_answers_and_reasons(made: tuple[Workspace, Run, Slate]) -> None:
    workspace, run, slate = made
    found = detail(slate, [Source(run, desk(workspace))], 0)
    assert found.id == "e0" and found.example.inputs == {"text": TEXTS[0]} and found.choice(1) == "yes"
    assert [(each.system, each.scores.tolist()) for each in found.scored] == [
        ("one", [0.1, 0.9, 0.2]),
        ("two", [0.1, 0.2, 0.9]),
    ]
    assert found.gold(found.scored[0].words).tolist() == [True, False, False]
    (answer,) = found.answers
    assert answer.choice == 0 and answer.probabilities.tolist() == [0.75, 0.25]
    third = detail(slate, [Source(run, desk(workspace))], 2)
    missing = next(each for each in third.numbers if (each.system, each.metric) == ("one", "comprehensiveness_aopc"))
    assert np.isnan(missing.value) and missing.reason == "nothing was removed"
    assert place_of(slate, "e2") == 2 and place_of(slate, "e9") is None


def test_a_slate_is_made_once_and_anew_when_something_changed(made: tuple[Workspace, Run, Slate]) -> None:
    workspace, run, slate = made
    before = os.stat(slate.path).st_mtime_ns
    again = slate_of([Source(run, desk(workspace))])
    assert again.path == slate.path and os.stat(again.path).st_mtime_ns == before
    assert slate.path.parent == workspace.path / FOLDER
    slate.path.unlink()
    assert ids(slate_of([Source(run, desk(workspace))])) == ["e0", "e1", "e2", "e3"]
    data = Path(run.config["data"])
    os.utime(data, ns=(1, 1))
    assert slate_of([Source(run, desk(workspace))]).path != slate.path


def test_data_that_are_gone_or_changed_leave_the_scores(made: tuple[Workspace, Run, Slate]) -> None:
    workspace, run, _ = made
    file = Path(run.config["data"])
    kept = file.read_text()
    file.write_text(kept.replace("epsilon", "something else"))
    changed = slate_of([Source(run, desk(workspace))])
    assert "has changed since this run" in changed.about.missing
    file.unlink()
    gone = slate_of([Source(run, desk(workspace))])
    assert "cannot be read any more" in gone.about.missing
    comp = gone.column("score", "one", "comprehensiveness_aopc")
    assert ids(gone, order=order_by(comp, "worst")) == ["e1", "e3", "e0", "e2"]
    found = detail(gone, [Source(run, desk(workspace))], 1)
    assert found.example is None and found.scored[0].scores.tolist() == [0.5, 0.1]
    file.write_text(kept)
    assert slate_of([Source(run, desk(workspace))]).about.missing == ""


def test_data_outside_the_operators_folders_are_not_opened(made: tuple[Workspace, Run, Slate]) -> None:
    workspace, run, slate = made
    closed = slate_of([Source(run, Desk(workspace, Access()))])
    assert "outside the folders that this dashboard may open" in closed.about.missing and closed.path != slate.path
    assert closed.read(["record"])["record"].null_count == 4
    assert ids(closed, Filter(search="alpha")) == []


def test_thirds_by_length_are_those_of_the_page_compare(made: tuple[Workspace, Run, Slate]) -> None:
    workspace, run, slate = made  # 3, 2, 1 and 4 words
    parts = slices(facts(desk(workspace), run.id))
    for length in ("short", "middle", "long"):
        third = length_range(slate, length)
        (expected,) = [found for name, found in parts.items() if name.startswith(length)]
        assert ids(slate, Filter(ranges=(third,))) == expected
    assert length_range(slate, "other") is None


def test_several_runs_of_the_same_data_stand_side_by_side(made: tuple[Workspace, Run, Slate], tmp_path: Path) -> None:
    workspace, run, _ = made
    data = write_data(tmp_path / "toy.jsonl", examples(TEXTS, LABELS, {0: {"text": ((0, 5),)}}))
    flipped = [Answered(each.example_id, "model", "input", 1) for each in ANSWERS]
    other = make_evaluation(workspace, data, {COMP: [1.0, 2.0, 3.0, 4.0]}, words={"one": WORDS["two"]}, answers=flipped)
    slate = slate_of([Source(run, desk(workspace)), Source(other, desk(workspace))])
    assert slate.about.systems == (f"{run.id}/one", f"{run.id}/two", f"{other.id}/one")
    assert ids(slate, Filter(differ=True)) == ["e0", "e1"]
    column = slate.column("score", f"{other.id}/one", "comprehensiveness_aopc")
    assert ids(slate, order=order_by(column, "best")) == ["e3", "e2", "e1", "e0"]
    found = detail(slate, [Source(run, desk(workspace)), Source(other, desk(workspace))], 0)
    assert [each.system for each in found.scored] == [f"{run.id}/one", f"{run.id}/two", f"{other.id}/one"]
    elsewhere = write_data(tmp_path / "else.jsonl", examples(["other"], [0]))
    third = make_evaluation(workspace, elsewhere, {COMP: [1.0]})
    with pytest.raises(UsageError, match="different data"):
        slate_of([Source(run, desk(workspace)), Source(third, desk(workspace))])


def test_texts_come_with_what_simulators_say(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    data = write_data(tmp_path / "toy.jsonl", examples(TEXTS[:2], LABELS[:2]))
    said = [
        Answered("e0", "writer", "own", 1, None, "Because it says so."),
        Answered("e0", "writer", "np input", 0, np.array([0.9, 0.1])),
        Answered("e0", "writer", "np both", 1, np.array([0.2, 0.8])),
        Answered("e1", "writer", "own", None, None, ""),
    ]
    run = make_evaluation(workspace, data, {("writer", "rq", "np"): [1.0, "no answer"]}, answers=said, texts=True)
    slate = slate_of([Source(run, desk(workspace))])
    assert slate.about.texts and slate.about.answering == ("writer",)
    assert ids(slate, Filter(search="it says so")) == ["e0"]
    assert ids(slate, Filter(right="wrong", who="writer")) == ["e0"]
    found = detail(slate, [Source(run, desk(workspace))], 0)
    assert found.answer("writer", "own").text == "Because it says so."
    ((weights, views),) = verdicts(found, "writer")
    assert weights == "np" and {view: each.choice for view, each in views.items()} == {"input": 0, "both": 1}


def test_runs_that_are_no_evaluations_are_refused(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    run = workspace.create_run("train", {}, command="x")
    with pytest.raises(UsageError, match="is no evaluation"):
        Source(run, desk(workspace))
    waiting = workspace.create_run("evaluate", {"data": "bundled/nli"}, command="x")
    with pytest.raises(UsageError, match="no scores yet"):
        Source(waiting, desk(workspace))
