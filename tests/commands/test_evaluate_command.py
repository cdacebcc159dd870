"""The main job from the command line, as a user would run it: evaluate, compare, export, and every wrong turn."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from rationale_eval.cli import run
from rationale_eval.commands.parsing import names, pairs, spread
from rationale_eval.errors import UsageError
from tests.helpers.tiny import NLI, tiny_classifier


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    made = tiny_classifier(NLI)
    made.trained = True
    made.save(str(folder))
    return folder


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("RATIONALE_EVAL_WORKSPACE", str(tmp_path / "workspace"))
    return tmp_path / "workspace"


def evaluate(model: Path, *more: str) -> int:
    return run(["evaluate", "--data", "bundled/nli", "--limit", "6", "--model", str(model), *more])


def test_evaluate_prints_json_with_results_and_provenance(model, workspace, capsys):
    assert evaluate(model, "--methods", "saliency,leave_one_out", "--controls", "random,gold", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    first = printed["results"][0]
    assert {"metric", "variant", "value", "ci_low", "ci_high", "n", "coverage", "direction"} <= set(first)
    methods = {row["method"] for row in printed["results"]}
    assert methods == {"model", "saliency", "leave_one_out", "random", "gold"}
    by_name = {(row["method"], row["metric"]): row for row in printed["results"]}
    assert by_name["gold", "auprc"]["value"] == 1.0
    assert by_name["leave_one_out", "tau_loo"]["value"] == pytest.approx(1.0)
    assert by_name["random", "comprehensiveness_aopc"]["n"] == 6
    assert printed["provenance"]["seed"] == 0
    assert {"run", "data", "model", "methods", "metrics", "engine", "versions", "command"} <= set(printed["provenance"])
    folder = workspace / "runs" / printed["provenance"]["run"]
    assert {path.name for path in (folder / "explanations").iterdir()} == {
        f"{name}.parquet" for name in ("saliency", "leave_one_out", "random", "gold")
    }
    assert json.loads((folder / "summary.json").read_text())["results"] == printed["results"]


def test_the_same_evaluation_again_runs_no_pass_and_equals_the_first(model, capsys):
    found = []
    for _ in range(2):
        assert evaluate(model, "--methods", "leave_one_out", "--json") == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0]["results"] == found[1]["results"]
    assert found[1]["provenance"]["engine"]["passes"] == 0


def test_scores_of_an_extraction_are_evaluated_without_making_them_again(model, tmp_path, capsys):
    out = tmp_path / "scores"
    arguments = ["extract", "--data", "bundled/nli", "--limit", "6", "--model", str(model), "--methods", "saliency"]
    assert run([*arguments, "--out", str(out)]) == 0
    capsys.readouterr()
    assert evaluate(model, "--scores", str(out / "saliency.parquet"), "--controls", "none", "--json") == 0
    read = json.loads(capsys.readouterr().out)["results"]
    assert evaluate(model, "--methods", "saliency", "--controls", "none", "--json") == 0
    assert read == json.loads(capsys.readouterr().out)["results"]


def test_metrics_variants_and_options_are_taken(model, capsys):
    wanted = ["--metrics", "comprehensiveness_aopc:unirex,log_odds", "--option", "removal=mask", "bins=10,50"]
    assert evaluate(model, "--methods", "saliency", *wanted, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert {(row["metric"], row["variant"]) for row in printed["results"]} == {
        ("comprehensiveness_aopc", "unirex"),
        ("log_odds", "unirex"),
    }
    assert printed["provenance"]["metrics"][0]["removal"] == "mask"
    assert printed["provenance"]["metrics"][0]["bins"] == [10, 50]


def test_the_table_of_people_shows_the_control_and_where_it_is_kept(model, capsys):
    assert evaluate(model, "--methods", "saliency", "--metrics", "sufficiency_aopc,accuracy") == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert lines[0].startswith("bundled/nli (test), 6 examples")
    assert any(line.startswith("random") for line in lines) and "lower ↓" in shown.out
    assert "kept in" in shown.err and "forward passes" in shown.err


def test_export_writes_every_format(model, tmp_path, capsys):
    assert evaluate(model, "--methods", "saliency", "--metrics", "auprc,csd") == 0
    for name in ("t.csv", "t.jsonl", "t.parquet", "t.tex"):
        assert run(["export", "latest", "--out", str(tmp_path / name)]) == 0
    assert len(pd.read_csv(tmp_path / "t.csv")) == len(pd.read_parquet(tmp_path / "t.parquet")) == 4
    assert r"\toprule" in (tmp_path / "t.tex").read_text()
    assert run(["export", "latest", "--examples", "--metric", "csd", "--out", str(tmp_path / "e.parquet")]) == 0
    assert len(pd.read_parquet(tmp_path / "e.parquet")) == 12
    assert run(["export", "latest", "--examples", "--out", str(tmp_path / "e.tex")]) == 2
    assert "only a summary can become a LaTeX table" in capsys.readouterr().err


def test_compare_says_which_method_is_better(model, capsys):
    assert evaluate(model, "--methods", "leave_one_out", "--metrics", "comprehensiveness_aopc,auprc") == 0
    capsys.readouterr()
    assert run(["compare", "latest", "--baseline", "random", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    rows = printed["comparisons"]
    assert rows and all(0 <= row["p_holm"] <= 1 for row in rows if row["p_holm"] is not None)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--methods", "salience"], "there is no method 'salience'; did you mean saliency"),
        (["--metrics", "comprehensivness"], "there is no metric 'comprehensivness'; did you mean comprehensiveness"),
        (["--methods", "saliency", "--set", "stepz=3"], "has a parameter 'stepz'"),
        (["--target", "maybe", "--methods", "saliency"], "has no choice 'maybe'"),
        (["--precision", "int8"], "there is no precision 'int8'"),
        (["--format", "parquet"], "there is no format 'parquet'"),
        (["--predictions", "p.jsonl"], "--predictions goes with --format eraser"),
        (["--option", "removal=erase", "--methods", "saliency"], "there is no removal operator 'erase'; choose one"),
        (["--option", "bins=0,500", "--methods", "saliency"], "bins are percentages above 0"),
        (["--option", "depth=3", "--methods", "saliency"], "no metric asked for has a parameter 'depth'"),
        (["--split", "nowhere"], "nowhere"),
    ],
)
def test_wrong_turns_are_one_sentence_and_exit_code_2(model, capsys, more, sentence):
    assert evaluate(model, *more) == 2
    shown = capsys.readouterr()
    assert sentence in shown.err and "Traceback" not in shown.err
    assert len(shown.err.strip().splitlines()) == 1


def test_an_untrained_model_is_refused_with_the_command_that_trains_it(capsys):
    assert run(["evaluate", "--data", "bundled/nli", "--model", "embedded/minilm", "--methods", "saliency"]) == 2
    assert "rationale-eval train fine_tune --data bundled/nli --model embedded/minilm" in capsys.readouterr().err


def test_pairs_and_names():
    assert names(["a,b", "c", " d ,"]) == ("a", "b", "c", "d")
    assert pairs("--map", ["a=b", "c=d=e"]) == {"a": "b", "c": "d=e"}
    with pytest.raises(UsageError, match="--map takes name=value, not 'x'"):
        pairs("--map", ["x"])
    with pytest.raises(UsageError, match="sets 'a' twice"):
        pairs("--map", ["a=1", "a=2"])


def test_a_pair_option_takes_all_pairs_that_follow():
    words = ["evaluate", "--map", "a=b", "c=d", "--limit", "3", "x=y", "--set", "k=1", "l=2"]
    assert spread(words) == [
        "evaluate",
        "--map",
        "a=b",
        "--map",
        "c=d",
        "--limit",
        "3",
        "x=y",
        "--set",
        "k=1",
        "--set",
        "l=2",
    ]
