"""The jobs of the demonstration, one after the other: the command does them here, the dashboard queues them."""

from __future__ import annotations

from typing import Final

from rationale_eval.verbs.audit_job import AuditConfig
from rationale_eval.verbs.generate_job import GenerateConfig
from rationale_eval.verbs.job import EvaluateConfig, TrainJob

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

WRITER: Final = "embedded/smollm2"
TEXTS: Final = 16
"""Texts that the demo has written: enough to be read, few enough to be quick."""

TEXT_METRICS: Final = ("rouge_l", "bertscore", "bertscore:zero_if_wrong", "simulatability:np", "rq:np", "leakage:np")
SIMULATOR: Final = {"np_architecture": "small"}

AUDITED: Final = ("simulatability:np", "rq:np", "masked_rq:np", "bertscore")
PROTOCOL: Final = {"eval_limit": 48, "noise": [50.0], "data": [25.0]}


def training(*, seed: int = 0, device: str = "auto") -> TrainJob:
    """Fine-tunes the embedded encoder on the bundled natural-language-inference examples."""
    return TrainJob(
        recipe="fine_tune", data=DATA, model="embedded/minilm", config=dict(TRAINING), seed=seed, device=device
    )


def evaluation(trained: str, *, seed: int = 0, device: str = "auto") -> EvaluateConfig:
    """Explains the decisions of a trained run on the test split by five methods and three controls, and scores them."""
    return EvaluateConfig(
        data=DATA,
        split="test",
        model=f"run:{trained}",
        methods=METHODS,
        controls=CONTROLS,
        metrics=METRICS,
        seed=seed,
        device=device,
    )


def generation(*, seed: int = 0, device: str = "auto") -> GenerateConfig:
    """Has the embedded language model answer and explain a few test examples."""
    return GenerateConfig(
        data=DATA, split="test", model=WRITER, limit=TEXTS, prompt="few_shot", max_tokens=40, seed=seed, device=device
    )


def text_evaluation(texts: str, *, seed: int = 0, device: str = "auto") -> EvaluateConfig:
    """Scores the texts of a run against gold rationales, and by what small simulators guess from them."""
    return EvaluateConfig(
        data=DATA,
        split="test",
        limit=TEXTS,
        texts=(f"run:{texts}",),
        controls=("random",),
        metrics=TEXT_METRICS,
        simulator=SIMULATOR,
        seed=seed,
        device=device,
    )


def audit(*, seed: int = 0, device: str = "auto") -> AuditConfig:
    """Holds four metrics to the axioms on the bundled examples."""
    return AuditConfig(data=DATA, split="test", metrics=AUDITED, protocol=dict(PROTOCOL), seed=seed, device=device)
