"""Free text scored from files and runs, with controls, intervals and sentences for what does not fit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from rationale_eval.cli import run as command
from rationale_eval.commands.evaluate import _simulators
from rationale_eval.data.example import Task
from rationale_eval.data.load import load_dataset
from rationale_eval.data.outputs import Outputs, TextRationale
from rationale_eval.errors import InputError, UsageError
from rationale_eval.models.load import load_model
from rationale_eval.models.text_encoder import TextEncoder
from rationale_eval.simulators.config import read_simulator
from rationale_eval.verbs.chosen_metrics import choose_text_metrics
from rationale_eval.verbs.evaluate_run import evaluate_run
from rationale_eval.verbs.evaluate_texts import evaluate_texts
from rationale_eval.verbs.generate_job import GenerateConfig
from rationale_eval.verbs.generate_run import generate_run
from rationale_eval.verbs.job import EvaluateConfig
from rationale_eval.verbs.jobs import resume, submit
from rationale_eval.workspace.runs import Workspace
from tests.helpers.tiny import tiny_folder

DATA = "bundled/nli"


@pytest.fixture
def encoder(tmp_path: Path) -> str:
    folder = tmp_path / "encoder"
    folder.mkdir()
    return str(tiny_folder(folder, "bert", "classifier", labels=2))


def gold(data):
    return Outputs("echo", lambda: [TextRationale(one.id, one.rationales[0], one.label) for one in data])


def values(result):
    table = result.summary(resamples=50)
    return {(row.method, row.metric, row.variant): row.value for row in table.itertuples()}


def test_gold_text_is_the_best_and_another_examples_text_is_not(encoder: str) -> None:
    data = load_dataset(DATA, "test", 20)
    metrics = ["rouge1", "rouge_l", "chrf", "bertscore", "bertscore:zero_if_wrong", "embedding_cosine"]
    found = values(evaluate_texts(data, [gold(data)], choose_text_metrics(metrics), encoder=encoder))
    for name in metrics:
        metric, _, variant = name.partition(":")
        assert found["echo", metric, variant or "all"] == pytest.approx(1, abs=1e-6)
        assert found["random", metric, variant or "all"] < 0.98
    assert ("gold", "rouge1", "all") not in found  # one reference each: nothing to compare the first with


def test_several_references_make_a_gold_control() -> None:
    data = load_dataset(DATA, "test", 4)
    two = data.with_task(
        data.task, lambda: [type(one)(**{**_fields(one), "rationales": ("a b c", "a b d")}) for one in data]
    )
    found = values(evaluate_texts(two, [], choose_text_metrics(["rouge1"]), controls=("gold",)))
    assert found == {("gold", "rouge1", "all"): pytest.approx(2 / 3)}


def _fields(example):
    return {name: getattr(example, name) for name in example.__dataclass_fields__}


def test_states_do_not_depend_on_what_is_read_beside(encoder: str) -> None:
    reader = TextEncoder(encoder, device="cpu")
    texts = ["A man is playing a guitar.", "", "people", "the street is empty! " * 5]
    together = reader.states(texts)
    for text, (states, real) in zip(texts, together, strict=True):
        ((alone, same),) = reader.states([text])
        np.testing.assert_allclose(states, alone, atol=2e-6)
        np.testing.assert_array_equal(real, same)
        assert len(real) == len(states) and real.sum() == len(real) - 2
    network = reader._body
    ids = torch.tensor([reader._model.tokenizer(texts[0])["input_ids"]])
    np.testing.assert_allclose(together[0][0], network(input_ids=ids).last_hidden_state[0].detach(), atol=2e-6)


@pytest.mark.parametrize("labels", [2, 3])
def test_a_classifier_of_any_number_of_classes_can_read_texts(labels: int, tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path, "bert", "classifier", labels=labels)
    model = load_model(str(folder), device="cpu", task=Task("t", "classification", ("text",), tuple("abc"[:labels])))
    model.save(str(tmp_path / "saved"))
    plain, saved = (TextEncoder(str(place), device="cpu") for place in (folder, tmp_path / "saved"))
    (first, _), (second, _) = plain.states(["people read"])[0], saved.states(["people read"])[0]
    np.testing.assert_allclose(first, second, atol=1e-6)


def test_a_generation_is_evaluated_from_its_run_and_the_run_can_be_queued(encoder: str, tmp_path: Path) -> None:
    place = Workspace(tmp_path / "w")
    folder = tmp_path / "lm"
    folder.mkdir()
    model = str(tiny_folder(folder, "gpt2", "causal"))
    made = generate_run(
        GenerateConfig(data=DATA, split="test", limit=5, model=model, prompt="zero_shot", max_tokens=4), workspace=place
    )
    job = EvaluateConfig(data=DATA, split="test", limit=5, texts=(f"run:{made.id}",), encoder=encoder)
    run, result = evaluate_run(job, workspace=place)
    assert {method for method, _, _ in values(result)} == {f"{model} zero_shot", "random"}
    assert result.provenance["encoder"]["name"] == encoder
    queued = submit(job, workspace=place)
    resume(queued.id, workspace=place.path)
    assert queued.status.state == "finished"
    assert queued.examples.read_bytes() == run.examples.read_bytes()


def test_the_command_reads_a_file_of_texts(encoder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = load_dataset(DATA, "test", 6)
    file = tmp_path / "mine.jsonl"
    rows = [{"id": one.id, "rationale": one.rationales[0], "target": one.label} for one in data]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["evaluate", "--data", DATA, "--split", "test", "--limit", "6", "--workspace", str(tmp_path / "w")]
    assert command([*words, "--texts", str(file), "--encoder", encoder, "--metrics", "rouge1,bertscore:feb"]) == 0
    shown = capsys.readouterr().out
    assert "mine" in shown and "random" in shown and "feb" in shown
    for wrong, sentence in (
        (["--texts", str(file), "--metrics", "auprc"], "auprc is no metric of free text"),
        (["--texts", str(file), "--methods", "random"], "one at a time"),
        (["--texts", str(file), "--controls", "inverse_gold"], "no control 'inverse_gold' for free text"),
        (["--texts", str(file), "--model", encoder], "leave out --model"),
        (["--texts", "run:nothing"], "nothing"),
        (["--metrics", "rouge1"], "rouge1 needs free text (--texts)"),
        (["--texts", str(file), "--encoder", "nowhere"], "nowhere"),
    ):
        assert command([*words, *wrong]) == 2
        assert sentence in capsys.readouterr().err


def test_missing_and_double_texts_are_named() -> None:
    data = load_dataset(DATA, "test", 3)
    wanted = choose_text_metrics(["rouge1"])
    ids = [one.id for one in data]
    few = Outputs("few", lambda: [TextRationale(ids[0], "x")])
    with pytest.raises(InputError, match=f"'few' has no text for example '{ids[1]}'.*1 of 3.* with --limit 1$"):
        evaluate_texts(data, [few], wanted)
    # Where it is not the first ones that are there, a limit does not help, and is not named.
    last = Outputs("last", lambda: [TextRationale(ids[0], "x"), TextRationale(ids[2], "x")])
    with pytest.raises(InputError, match=f"'last' has no text for example '{ids[1]}'.*generate or import the others$"):
        evaluate_texts(data, [last], wanted)
    twice = Outputs("twice", lambda: [TextRationale(ids[0], "x"), TextRationale(ids[0], "y")])
    with pytest.raises(InputError, match="several texts"):
        evaluate_texts(data, [twice], wanted)
    with pytest.raises(UsageError, match="two systems have one name"):
        evaluate_texts(data, [gold(data), gold(data)], wanted)


def test_simulators_are_trained_once_and_their_learning_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "encoder").mkdir()
    encoder = str(tiny_folder(tmp_path / "encoder", "bert", "classifier", labels=3))
    place = ["--workspace", str(tmp_path / "w")]
    data = load_dataset(DATA, "test", 12)
    file = tmp_path / "echo.jsonl"
    rows = [{"id": one.id, "rationale": one.rationales[0], "target": one.label} for one in data]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["evaluate", "--data", DATA, "--split", "test", "--limit", "12", "--texts", str(file), *place]
    knobs = ["--simulator", f"model={encoder}", "--simulator", "epochs=1", "--simulator-limit", "60"]
    assert command([*words, *knobs, "--metrics", "simulatability,rq,leakage,las:pt_not_leaking"]) == 0
    shown, aside = capsys.readouterr()
    assert "Writing model" not in aside
    assert "pt_not_leaking" in shown and "has learned" in shown and "random" in shown
    kept = sorted((tmp_path / "w" / "memory" / "simulators").iterdir())
    assert len(kept) == 3
    assert command([*words, *knobs, "--metrics", "simulatability", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert sorted((tmp_path / "w" / "memory" / "simulators").iterdir()) == kept
    learned = found["provenance"]["simulators"]["pt both"]
    assert learned["examples"] + learned["dev_examples"] == 60
    for wrong, sentence in (
        (["--simulator", "epoch=1"], "simulator epoch"),
        (["--simulator", "small.step=1"], "simulator small.step"),
        (["--simulator", "small.steps=none"], "small.patience"),
        (["--simulator", "small=1", "--simulator", "small.steps=1"], "not both"),
        (["--simulator", "weights=np"], "is a variant of the metric"),
        (["--simulator-split", "test"], "is evaluated; name another"),
        (["--simulator-limit", "5"], "simulators need 20 examples"),
    ):
        assert command([*words, *knobs, *wrong, "--metrics", "rq"]) == 2
        assert sentence in capsys.readouterr().err


def test_what_was_said_and_what_simulators_answer_stand_beside_the_scores(tmp_path: Path) -> None:
    data = load_dataset(DATA, "test", 6)
    file = tmp_path / "echo.jsonl"
    rows = [{"id": one.id, "rationale": one.rationales[0], "target": (one.label + 1) % 3} for one in data]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    job = EvaluateConfig(
        data=DATA,
        split="test",
        limit=6,
        texts=(str(file),),
        controls=("random",),
        metrics=("rq:np", "leakage:np"),
        simulator={"np_architecture": "small", "epochs": 1},
    )
    result = evaluate_run(job, workspace=Workspace(tmp_path / "w"))[1]
    table = result.predictions()
    assert len(table) == 6 * 2 * 4  # two systems; their own answer and three simulators
    (system,) = set(table["system"]) - {"random"}
    own = table[(table["system"] == system) & (table["seen"] == "own")]
    assert list(own["text"]) == [one.rationales[0] for one in data]
    assert list(own["choice"]) == [(one.label + 1) % 3 for one in data]
    answers = {key: one.choice for key, one in table.set_index(["system", "example_id", "seen"]).iterrows()}
    scores = result.examples().set_index(["method", "example_id", "metric"])["value"]
    for (method, example, seen), choice in answers.items():
        if seen == "np rationale":
            assert scores[method, example, "leakage"] == (choice == answers[method, example, "own"])


def test_knobs_of_small_simulators_are_named_by_a_dot() -> None:
    found = read_simulator({"small.steps": 300, "small.lr": 0.01, "np_epochs": 3})
    assert (found.small.steps, found.small.lr, found.small.width, found.np_epochs) == (300, 0.01, 64, 3)


def test_a_baseline_that_has_learned_nothing_is_no_warning() -> None:
    told = {"examples": 9, "accuracy": 0.3, "majority": 0.3, "learned": False}
    shown = {row["simulator"]: row["has learned"] for row in _simulators({"np base": told, "np both": told})}
    assert shown == {"np base": "no, as a baseline may", "np both": "no: what is built on it says nothing"}


def test_rev_and_rora_through_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = load_dataset(DATA, "test", 12)
    systems = {"echo": lambda one: one.rationales[0], "silent": lambda one: ""}
    words = ["evaluate", "--data", DATA, "--split", "test", "--limit", "12", "--workspace", str(tmp_path / "w")]
    for name, text in systems.items():
        file = tmp_path / f"{name}.jsonl"
        rows = [{"id": one.id, "rationale": text(one), "target": one.label} for one in data]
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        words += ["--texts", str(file)]
    words += ["--simulator-limit", "80", "--simulator", "np_architecture=small", "--json"]
    assert command([*words, "--metrics", "rev:np,rora:np,rora:np_rationale"]) == 0
    found = json.loads(capsys.readouterr().out)
    trained = {"vacuous", "vacuous_rationale", "robust", "robust_rationale", "base", "neither"}
    assert {name.removeprefix("np ") for name in found["provenance"]["simulators"]} == trained
    rows = {(row["method"], row["metric"], row["variant"]): row["value"] for row in found["results"]}
    assert {(metric, variant) for _, metric, variant in rows} == {
        ("rev", "np"),
        ("rora", "np"),
        ("rora", "np_rationale"),
    }
    assert rows["silent", "rev", "np"] == 0 and rows["echo", "rev", "np"] != 0
    assert all(np.isfinite(value) for value in rows.values())
