"""A model of another task decides among its own choices; labels count only where they are translated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example, Task
from rationale_eval.data.schema import to_record
from rationale_eval.durable import write_bytes
from rationale_eval.errors import UsageError
from rationale_eval.verbs.evaluate_run import evaluate_run
from rationale_eval.verbs.job import EvaluateConfig
from rationale_eval.verbs.transfer import transferred
from rationale_eval.workspace.runs import Workspace
from tests.helpers.tiny import SENTIMENT, tiny_classifier

TOXIC = Task("toxic", "classification", ("post",), ("hate", "offensive", "normal"))


def posts() -> list[Example]:
    texts = ("the film was dull", "people play a guitar", "nobody was hungry", "its ending was wonderful")
    return [
        Example(f"p{i}", "toxic", {"post": text}, TOXIC.choices, i % 3, evidence={"post": ((0, 3),)})
        for i, text in enumerate(texts)
    ]


def test_labels_become_choices_of_the_model_or_none() -> None:
    data = RationaleDataset.from_examples(posts(), TOXIC)
    own = transferred(data, SENTIMENT, {"normal": "positive", "hate": "negative"})
    assert [example.label for example in own] == [0, None, 1, 0]
    assert own.task.choices == SENTIMENT.choices
    assert own.task.fields == ("post",)
    assert [example.evidence for example in own] == [example.evidence for example in data]
    assert own.fingerprint() != data.fingerprint()
    with pytest.raises(UsageError, match="no label 'nice'"):
        transferred(data, SENTIMENT, {"nice": "positive"})
    with pytest.raises(UsageError, match="no choice 'good'"):
        transferred(data, SENTIMENT, {"normal": "good"})


def test_an_evaluation_on_another_task(tmp_path: Path) -> None:
    model = tiny_classifier(SENTIMENT)
    model.trained = True
    model.save(str(tmp_path / "model"))
    lines = "\n".join(json.dumps(to_record(example)) for example in posts())
    write_bytes(tmp_path / "test.jsonl", lines.encode())
    config = EvaluateConfig(
        data=str(tmp_path / "test.jsonl"),
        model=str(tmp_path / "model"),
        methods=("saliency",),
        metrics=("comprehensiveness_aopc", "auprc", "accuracy"),
    )
    workspace = Workspace(tmp_path / "workspace")
    _, result = evaluate_run(config, workspace=workspace)
    found = {(row["method"], row["metric"]): row for row in result.records(resamples=10)}
    assert found["saliency", "comprehensiveness_aopc"]["n"] == 4
    assert found["saliency", "auprc"]["n"] == 4
    accuracy = found.get(("model", "accuracy"))
    assert accuracy is None or accuracy["n"] == 0
    _, result = evaluate_run(config.model_copy(update={"labels": {"normal": "positive"}}), workspace=workspace)
    (accuracy,) = [row for row in result.records(resamples=10) if row["metric"] == "accuracy"]
    assert accuracy["n"] == 1
