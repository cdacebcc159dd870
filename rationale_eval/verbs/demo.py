"""`demo`: the main job on the bundled data, from training a model to a ranked table of its rationales."""

from __future__ import annotations

from typing import Final

from rationale_eval.verbs.audit import AuditResult
from rationale_eval.verbs.audit_job import AuditConfig
from rationale_eval.verbs.audit_run import audit_run
from rationale_eval.verbs.evaluate_run import EvaluateConfig, evaluate_run
from rationale_eval.verbs.generate_job import GenerateConfig
from rationale_eval.verbs.generate_run import generate_run
from rationale_eval.verbs.job import Progress
from rationale_eval.verbs.result import Result
from rationale_eval.verbs.train import train
from rationale_eval.workspace.runs import Run, Workspace

DATA: Final = "bundled/nli"

METHODS: Final = ("integrated_gradients", "input_x_gradient", "saliency", "leave_one_out", "attention")

CONTROLS: Final = ("random", "gold", "inverse_gold")

METRICS: Final = (
    "comprehensiveness_aopc",
    "sufficiency_aopc",
    "csd",
    "decision_flip",
    "tau_loo",
    "auprc",
    "average_precision",
    "token_f1",
    "accuracy",
    "macro_f1",
    "ece",
)

TRAINING: Final = {"epochs": 12, "lr": 1e-4, "batch_size": 16}
"""Many passes over few examples: the set is small, and the validation split picks the best pass."""


def train_model(*, workspace: Workspace, seed: int = 0, device: str = "auto") -> Run:
    """Fine-tunes the embedded encoder on the bundled natural-language-inference examples."""
    return train(
        "fine_tune",
        DATA,
        model="embedded/minilm",
        config=dict(TRAINING),
        workspace=workspace.path,
        seed=seed,
        device=device,
    )


def evaluate_model(
    trained: Run, *, workspace: Workspace, seed: int = 0, device: str = "auto", progress: Progress | None = None
) -> tuple[Run, Result]:
    """Explains the model's decisions on the test split by five methods and three controls, and scores them."""
    config = EvaluateConfig(
        data=DATA,
        split="test",
        model=f"run:{trained.id}",
        methods=METHODS,
        controls=CONTROLS,
        metrics=METRICS,
        seed=seed,
        device=device,
    )
    return evaluate_run(config, workspace=workspace, progress=progress)


WRITER: Final = "embedded/smollm2"
TEXTS: Final = 16
"""Texts that the demo has written: enough to be read, few enough to be quick."""

TEXT_METRICS: Final = ("rouge_l", "bertscore", "bertscore:zero_if_wrong", "simulatability:np", "rq:np", "leakage:np")
SIMULATOR: Final = {"np_architecture": "small"}

AUDITED: Final = ("simulatability:np", "rq:np", "masked_rq:np", "bertscore")


def write_texts(*, workspace: Workspace, seed: int = 0, device: str = "auto", progress: Progress | None = None) -> Run:
    """Has the embedded language model answer and explain a few test examples."""
    config = GenerateConfig(
        data=DATA, split="test", model=WRITER, limit=TEXTS, prompt="few_shot", max_tokens=40, seed=seed, device=device
    )
    return generate_run(config, workspace=workspace, progress=progress)


def evaluate_written(
    texts: Run, *, workspace: Workspace, seed: int = 0, device: str = "auto", progress: Progress | None = None
) -> tuple[Run, Result]:
    """Scores those texts against gold rationales, and by what small simulators guess from them."""
    config = EvaluateConfig(
        data=DATA,
        split="test",
        limit=TEXTS,
        texts=(f"run:{texts.id}",),
        controls=("random",),
        metrics=TEXT_METRICS,
        simulator=SIMULATOR,
        seed=seed,
        device=device,
    )
    return evaluate_run(config, workspace=workspace, progress=progress)


def audit_metrics(
    *, workspace: Workspace, seed: int = 0, device: str = "auto", progress: Progress | None = None
) -> AuditResult:
    """Holds four metrics to the axioms on the bundled examples."""
    config = AuditConfig(
        data=DATA,
        split="test",
        metrics=AUDITED,
        protocol={"eval_limit": 48, "noise": [50.0], "data": [25.0]},
        seed=seed,
        device=device,
    )
    return AuditResult.load(audit_run(config, workspace=workspace, progress=progress).folder)
