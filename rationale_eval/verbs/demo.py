"""`demo`: the main job on the bundled data, from training a model to a ranked table of its rationales."""

from __future__ import annotations

from rationale_eval.verbs import demo_jobs
from rationale_eval.verbs.audit import AuditResult
from rationale_eval.verbs.audit_run import audit_run
from rationale_eval.verbs.demo_jobs import CONTROLS, DATA, METHODS, TEXTS, WRITER
from rationale_eval.verbs.evaluate_run import evaluate_run
from rationale_eval.verbs.generate_run import generate_run
from rationale_eval.verbs.job import Progress
from rationale_eval.verbs.result import Result
from rationale_eval.verbs.train import train_job
from rationale_eval.workspace.runs import Run, Workspace


def train_model(*, workspace: Workspace, seed: int = 0, device: str = "auto") -> Run:
    """See `demo_jobs.training`."""
    return train_job(demo_jobs.training(seed=seed, device=device), workspace)


def evaluate_model(
    trained: Run, *, workspace: Workspace, seed: int = 0, device: str = "auto", progress: Progress | None = None
) -> tuple[Run, Result]:
    """See `demo_jobs.evaluation`."""
    config = demo_jobs.evaluation(trained.id, seed=seed, device=device)
    return evaluate_run(config, workspace=workspace, progress=progress)


def write_texts(*, workspace: Workspace, seed: int = 0, device: str = "auto", progress: Progress | None = None) -> Run:
    """See `demo_jobs.generation`."""
    return generate_run(demo_jobs.generation(seed=seed, device=device), workspace=workspace, progress=progress)


def evaluate_written(
    texts: Run, *, workspace: Workspace, seed: int = 0, device: str = "auto", progress: Progress | None = None
) -> tuple[Run, Result]:
    """See `demo_jobs.text_evaluation`."""
    config = demo_jobs.text_evaluation(texts.id, seed=seed, device=device)
    return evaluate_run(config, workspace=workspace, progress=progress)


def audit_metrics(
    *, workspace: Workspace, seed: int = 0, device: str = "auto", progress: Progress | None = None
) -> AuditResult:
    """See `demo_jobs.audit`."""
    config = demo_jobs.audit(seed=seed, device=device)
    return AuditResult.load(audit_run(config, workspace=workspace, progress=progress).folder)


__all__ = [
    "CONTROLS",
    "DATA",
    "METHODS",
    "TEXTS",
    "WRITER",
    "audit_metrics",
    "evaluate_model",
    "evaluate_written",
    "train_model",
    "write_texts",
]
