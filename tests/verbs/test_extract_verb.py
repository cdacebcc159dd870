"""The verb and the command: files that read back the same, parameters that reach methods, temporary folders that go."""

import gc
import json
from pathlib import Path

import numpy as np
import pytest

from rationale_eval.cli import run as command
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.explanations import load_explanations
from rationale_eval.errors import RationaleEvalError, UsageError
from rationale_eval.verbs import extract as verb
from rationale_eval.verbs.extract import choose_methods, extract, extract_many
from tests.helpers.linear import LinearModel
from tests.helpers.tiny import NLI, example


def data(number: int = 5) -> RationaleDataset:
    return RationaleDataset.from_examples(
        [example(NLI, f"e{i}", premise=f"A man {'is ' * i}here.") for i in range(number)], NLI
    )


MODEL = LinearModel(NLI.choices)


def test_a_method_can_be_read_again_and_says_what_it_was() -> None:
    steps: list[int] = []
    found = extract(MODEL, data(), "integrated_gradients", steps=7, progress=steps.append)
    assert found.method == "integrated_gradients"
    assert found.params["steps"] == 7 and found.params["baseline"] == "pad" and found.params["target"] == "predicted"
    assert found.params["model"] == "linear" and "seed" not in found.params
    first, second = list(found), list(found)
    assert [one.example_id for one in first] == [f"e{i}" for i in range(5)]
    assert all((a.scores == b.scores).all() for a, b in zip(first, second, strict=True))
    assert sum(steps) == 5
    assert extract(None, data(), "random", seed=3).params == {"seed": 3}


def test_temporary_folders_go_with_what_was_read_from_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(verb.tempfile, "mkdtemp", lambda prefix: str((tmp_path / prefix).mkdir() or tmp_path / prefix))
    saliency, chance = extract_many(MODEL, data(), ["saliency", "random"])
    folder = tmp_path / "rationale_eval-"
    del saliency
    gc.collect()
    assert len(list(chance)) == 5
    del chance
    gc.collect()
    assert not folder.exists()


def test_files_are_whole_or_absent(tmp_path: Path) -> None:
    found = extract_many(MODEL, data(), ["saliency", "leave_one_out"], out=tmp_path)
    for each in found:
        for a, b in zip(each, load_explanations(tmp_path / f"{each.method}.parquet", data()), strict=True):
            np.testing.assert_array_equal(a.scores, b.scores)
            assert a.target == b.target and a.words == b.words
    broken = RationaleDataset("d", "test", NLI, lambda: iter([example(NLI, "x"), 1 / 0]))  # type: ignore[list-item]
    with pytest.raises(ZeroDivisionError):
        extract_many(MODEL, broken, ["saliency"], out=tmp_path / "other")
    assert not list((tmp_path / "other").glob("*"))


def test_parameters_reach_the_methods_that_have_them() -> None:
    chosen = choose_methods(
        ["lime", "kernel_shap", "saliency"], {"samples": "50", "lime.samples": "20", "merge": "max"}
    )
    assert [each.params.get("samples") for each in chosen] == [20, 50, None]
    assert chosen[2].params["merge"] == "max"
    reverse = choose_methods(["lime"], {"lime.samples": "20", "samples": "50"})
    assert reverse[0].params["samples"] == 20
    with pytest.raises(UsageError, match="none of saliency has a parameter 'steps'"):
        choose_methods(["saliency"], {"steps": "3"})
    with pytest.raises(UsageError, match="'lime' is not among the methods asked for"):
        choose_methods(["saliency"], {"lime.samples": "3"})
    with pytest.raises(UsageError, match="did you mean saliency"):
        choose_methods(["salience"])
    with pytest.raises(RationaleEvalError, match="there is no 'speed'"):
        extract(MODEL, data(), "saliency", speed=3)


def test_the_command_keeps_controls_without_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["extract", "--data", "bundled/nli", "--limit", "4", "--methods", "random,gold", "--json"]
    assert command([*arguments, "--out", str(tmp_path / "out"), "--workspace", str(tmp_path / "w")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["method"] for row in told["methods"]] == ["random", "gold"]
    assert all(row["examples"] == 4 for row in told["methods"])
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"random.parquet", "gold.parquet"}
    assert not (tmp_path / "w").exists()
    assert command([*arguments, "--workspace", str(tmp_path / "w")]) == 0
    run_id = json.loads(capsys.readouterr().out)["run"]
    assert (tmp_path / "w" / "runs" / run_id / "explanations" / "gold.parquet").is_file()


def test_the_command_says_in_one_sentence_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--workspace", str(tmp_path / "w")]
    assert command(["extract", "--data", "bundled/nli", "--methods", "saliency", *place]) == 2
    assert "saliency explains a model: give one (--model)" in capsys.readouterr().err
    assert command(["extract", "--data", "bundled/nli", "--methods", "luck", *place]) == 2
    assert "there is no method 'luck'" in capsys.readouterr().err
    assert command(["extract", "--data", "bundled/nli", "--methods", "list", *place]) == 0
    assert "integrated_gradients" in capsys.readouterr().out
    assert not (tmp_path / "w").exists()
