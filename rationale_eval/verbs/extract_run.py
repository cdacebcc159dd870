"""An extraction as a run, or into a folder of the user's own: rationales kept with all that repeats them."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rationale_eval.data.load import load_dataset
from rationale_eval.engine.memory import DiskMemory
from rationale_eval.engine.run import Engine
from rationale_eval.models.load import load_model
from rationale_eval.rationales.extract import Extraction, check_model_needed
from rationale_eval.verbs.evaluate_run import MEMORY, Progress
from rationale_eval.verbs.extract import choose_methods, write
from rationale_eval.workspace.runs import Run, Workspace

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


class ExtractConfig(BaseModel):
    """What to explain and how. The command line and the run's `config.json` are this record."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str = Field(description="Name of a data set, a file, or a folder of splits.")
    split: str | None = Field(None, description="Its split; test, else validation, else train when not given.")
    limit: int | None = Field(None, ge=1, description="Use only the first so many examples.")
    mapping: dict[str, str] = Field(default_factory=dict, description="Our names to the columns of an own file.")
    model: str | None = Field(None, description="The model to explain; controls need none.")
    device: str = Field("auto", description="cpu, cuda, cuda:N, or auto.")
    precision: Literal["fp32", "bf16", "fp16"] = Field("fp32", description="Number type of the model's arithmetic.")
    methods: tuple[str, ...] = Field(("integrated_gradients",), description="Methods to run.")
    settings: dict[str, Any] = Field(default_factory=dict, description="Parameters: steps=20, or lime.samples=50.")
    target: str = Field("predicted", description="The choice to explain: predicted, gold, or a label.")
    remember: bool = Field(True, description="Remember the model's answers in the workspace.")
    seed: int = Field(0, ge=0, description="Where all randomness starts from.")
