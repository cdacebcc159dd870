"""The protocol of an audit: which task model, which conditions, which edits. What FRAME leaves unconfirmed is named.

Marked with a dagger in the report: construction of references, retraining on them, perturbations, levels of noise and
data, architecture of non-pretrained simulators.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from rationale_eval.axioms.sources import Reference

PERTURBATIONS = (
    "synonym", "contraction", "format", "reorder", "negation", "antonym", "entity", "label_swap", "other_label",
    "other_instance",
)  # fmt: skip
"""All that need no language model; `paraphrase` is there too, with a `paraphraser`."""

FULL_NOISE, FULL_DATA = (10.0, 20.0, 30.0, 40.0, 50.0), (50.0, 25.0, 10.0, 5.0)
"""The levels that the method's description gives (from memory, unconfirmed); the defaults are a part of them."""


SIMULATOR: dict[str, Any] = {"np_architecture": "small", "epochs": 2, "lr": 2e-4, "dropout": 0.0}
"""What fits two cores: an audit trains some thirty pretrained simulators."""


class Protocol(BaseModel):
    """What an audit does."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    rationalizer: str = Field("retrieve", description="What answers and explains.")
    train_limit: int = Field(1000, ge=50, description="Examples that the task model learns from, drawn at random.")
    eval_limit: int = Field(300, ge=20, description="Examples that metrics are computed on, drawn at random.")
    rated_limit: int = Field(600, ge=20, description="Of the rated explanations, those that are judged.")
    simulator_limit: int = Field(500, ge=40, description="Of the training examples, those that simulators learn from.")
    noise: tuple[float, ...] = Field((20.0, 50.0), description="Shares of wrong training labels, in per cent.")
    data: tuple[float, ...] = Field((25.0, 5.0), description="Shares of the training data, in per cent.")
    reference: Reference = Field("verbalised", description="How reference rationales are built.")
    retrain: bool = Field(True, description="Also train simulators on the reference rationales.")
    perturbations: tuple[str, ...] = Field(PERTURBATIONS, description="Edits of rationales.")
    paraphraser: str | None = Field(None, description="Language model for edits that need one: embedded/smollm2.")
    seeds: int = Field(1, ge=1, le=100, description="Trainings of task model and simulators.")
    simulator: dict[str, Any] = Field(default_factory=lambda: dict(SIMULATOR), description="Knobs of simulators.")
