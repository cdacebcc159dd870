"""From a training of a new model to its texts: by name, in runs, with the prompt it learned."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rationale_eval.data.load import load_dataset
from rationale_eval.errors import UsageError
from rationale_eval.models.load import load_model
from rationale_eval.rationales.completion import read_completions
from rationale_eval.rationales.own_prompt import predict
from rationale_eval.verbs.generate_job import GenerateConfig
from rationale_eval.verbs.generate_run import ABOUT, COMPLETIONS, FOLDER, generate_run
from rationale_eval.verbs.train import train
from rationale_eval.verbs.training_data import TrainingData
from rationale_eval.workspace.runs import Workspace

KNOBS = {"max_steps": 2, "batch_size": 4, "decoded": 2, "precision": "no"}


def test_a_new_model_trains_is_named_by_its_run_and_writes_by_its_own_prompt(tmp_path: Path) -> None:
    source = TrainingData("bundled/nli", limit=16, dev_limit=4)
    made = [
        train("self_rationalize", source, model="new/t5", config=KNOBS, workspace=tmp_path, device="cpu", seed=seed)
        for seed in (3, 3, 4)
    ]
    models = [load_model(f"run:{run.id}", workspace=tmp_path) for run in made]
    assert models[0].fingerprint == models[1].fingerprint != models[2].fingerprint
    assert made[0].summary["writes"] and made[0].config["model"] == "new/t5" and models[0].trained
    asked = {"data": "bundled/nli", "limit": 3, "max_tokens": 4, "model": f"run:{made[0].id}", "device": "cpu"}
    run = generate_run(GenerateConfig(**asked), workspace=Workspace(tmp_path))
    texts = list(read_completions(run.folder / FOLDER / COMPLETIONS))
    about = json.loads((run.folder / FOLDER / ABOUT).read_text(encoding="utf-8"))
    assert len(texts) == 3 and all(one.prompt.startswith("explain nli premise: ") for one in texts)
    assert about["prompt"] == "self_rationalize:i-or" and about["template"] == json.loads(
        json.dumps(models[0].template)
    )
    assert run.summary["texts"][0]["answers read"] == sum(one.answer is not None for one in texts)
    said = predict(models[0], load_dataset("bundled/nli", "test", 3), max_tokens=4)
    assert said == {one.example_id: (one.answer, one.rationale) for one in texts}
    other = generate_run(GenerateConfig(**asked, prompt="zero_shot"), workspace=Workspace(tmp_path))
    assert json.loads((other.folder / FOLDER / ABOUT).read_text(encoding="utf-8"))["prompt"] == "zero_shot"


def test_a_model_without_a_prompt_of_its_own_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no prompt of its own"):
        generate_run(GenerateConfig(data="bundled/nli", prompt="own"), workspace=Workspace(tmp_path))
    with pytest.raises(UsageError, match="only `rationale-eval train` starts from one"):
        generate_run(GenerateConfig(data="bundled/nli", model="new/t5"), workspace=Workspace(tmp_path))
    with pytest.raises(UsageError, match="only `rationale-eval train` starts from one"):
        train("self_rationalize", "bundled/nli", model="new/other", workspace=tmp_path)
