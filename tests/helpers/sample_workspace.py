"""A small workspace with a run of every kind, made by the verbs themselves from tiny models: what pages are tested on.

One is made for each test session (see `sample` in the root conftest); tests that change something copy it.
"""

from __future__ import annotations

import json
from pathlib import Path

DATA = "bundled/nli"
METHODS = ("saliency", "input_x_gradient", "leave_one_out")
METRICS = ("comprehensiveness_aopc", "sufficiency_aopc", "decision_flip", "auprc", "token_f1", "accuracy")
IDS = "ids.json"


def make_sample(folder: Path) -> dict[str, str]:
    """Makes the workspace.

    Args:
        folder: Where; models it starts from lie beside it.

    Returns:
        Ids by what they are: "train", "evaluate", "other" (the same methods on another model), "generate", "texts" (an
        evaluation of what was generated) and "audit".
    """
    from rationale_eval.verbs.audit_job import AuditConfig
    from rationale_eval.verbs.audit_run import audit_run
    from rationale_eval.verbs.evaluate_run import EvaluateConfig, evaluate_run
    from rationale_eval.verbs.generate_job import GenerateConfig
    from rationale_eval.verbs.generate_run import generate_run
    from rationale_eval.verbs.train import train
    from rationale_eval.workspace.runs import Workspace
    from tests.helpers.tiny import tiny_folder

    place = Workspace(folder)
    encoder = tiny_folder(folder.parent / "tiny-bert", "bert", "classifier")
    writer = tiny_folder(folder.parent / "tiny-gpt2", "gpt2", "causal")
    found: dict[str, str] = {}
    for name, seed in (("train", 0), ("second", 1)):
        config = {"epochs": 2, "batch_size": 8, "lr": 3e-3, "max_length": 64}
        found[name] = train(
            "fine_tune",
            DATA,
            model=str(encoder),
            config={key: value for key, value in config.items() if key != "max_length"},
            workspace=folder,
            seed=seed,
        ).id
    for name, trained in (("evaluate", "train"), ("other", "second")):
        job = EvaluateConfig(
            data=DATA,
            split="test",
            model=f"run:{found[trained]}",
            methods=METHODS,
            controls=("random", "gold"),
            metrics=METRICS,
            settings={},
        )
        found[name] = evaluate_run(job, workspace=place)[0].id
    asked = GenerateConfig(
        data=DATA, split="test", limit=12, model=str(writer), prompt="zero_shot", max_tokens=8, device="cpu"
    )
    found["generate"] = generate_run(asked, workspace=place).id
    job = EvaluateConfig(
        data=DATA,
        split="test",
        limit=12,
        texts=(f"run:{found['generate']}",),
        controls=("random", "gold"),
        metrics=("rouge_l", "simulatability:np", "rq:np", "leakage:np"),
        simulator={"np_architecture": "small", "epochs": 2},
    )
    found["texts"] = evaluate_run(job, workspace=place)[0].id
    audit = AuditConfig(
        data=DATA,
        split="test",
        metrics=("simulatability:np", "rq:np"),
        model="embedded/minilm",
        protocol={"eval_limit": 24, "noise": [50.0], "data": [25.0]},
        device="cpu",
    )
    found["audit"] = audit_run(audit, workspace=place).id
    (folder.parent / IDS).write_text(json.dumps(found), encoding="utf-8")
    return found
