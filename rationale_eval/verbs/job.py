"""What every job on a data set and a model is told, and how it opens them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.load import load_dataset
from rationale_eval.errors import UsageError
from rationale_eval.models.base import TaskModel
from rationale_eval.models.load import load_model
from rationale_eval.workspace.runs import Workspace

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Called with what is being done and how many steps it has; gives a function to call with the steps done since."""

MEMORY: Final = Path("memory") / "answers.sqlite"
"""Where a workspace remembers the answers of models."""

DTYPES: Final = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


class Job(BaseModel):
    """The command line, the YAML and a run's `config.json` are records of this kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str = Field(description="Name of a data set, a file, or a folder of splits.")
    split: str | None = Field(None, description="Its split; test, else validation, else train when not given.")
    limit: int | None = Field(None, ge=1, description="Use only the first so many examples.")
    mapping: dict[str, str] = Field(default_factory=dict, description="Our names to the columns of an own file.")
    model: str | None = Field(None, description="The model that the rationales explain; controls need none.")
    device: str = Field("auto", description="cpu, cuda, cuda:N, or auto.")
    precision: Literal["fp32", "bf16", "fp16"] = Field("fp32", description="Number type of the model's arithmetic.")
    methods: tuple[str, ...] = Field((), description="Methods that make the rationales.")
    settings: dict[str, Any] = Field(default_factory=dict, description="Their parameters: steps=20, lime.samples=50.")
    target: str = Field("predicted", description="The choice to explain: predicted, gold, or a label.")
    remember: bool = Field(True, description="Remember the model's answers in the workspace.")
    seed: int = Field(0, ge=0, description="Where all randomness starts from.")

    def open_data(self) -> RationaleDataset:
        """The data set."""
        return load_dataset(self.data, self.split, self.limit, self.mapping or None)

    def open_model(self, data: RationaleDataset, workspace: Workspace) -> TaskModel | None:
        """The model for a data set, or None where none is named.

        Raises:
            UsageError: If the model was never trained for a task: its decisions mean nothing.
        """
        if self.model is None:
            return None
        dtype = DTYPES[self.precision]
        model = load_model(self.model, task=data.task, device=self.device, dtype=dtype, workspace=workspace.path)
        if not model.trained:
            raise UsageError(
                f"{self.model} has never been trained to choose, so its decisions mean nothing; train it first: "
                f"rationale-eval train fine_tune --data {self.data} --model {self.model}"
            )
        return model
