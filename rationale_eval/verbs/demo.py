"""`demo`: the main job on the bundled data, from training a model to a ranked table of its rationales."""

from __future__ import annotations

from typing import Final

from rationale_eval.verbs.evaluate_run import EvaluateConfig, evaluate_run
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
