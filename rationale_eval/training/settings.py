"""The knobs of the training loop, checked. Recipes extend this record by their own."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from rationale_eval.training.schedules import ScheduleName, read_schedules


class LoopSettings(BaseModel):
    """How the loop trains, whatever it trains."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    epochs: int = Field(3, ge=1, le=10_000, description="Passes over the training data.")
    max_steps: int | None = Field(None, ge=1, description="Stop after so many optimizer steps; none for whole epochs.")
    lr: float = Field(1e-4, gt=0, le=10, description="Highest learning rate (AdamW).")
    batch_size: int = Field(32, ge=1, le=65_536, description="Examples in a batch.")
    max_tokens: int | None = Field(
        None, ge=1, description="Most tokens in a batch, padding included; none for no limit."
    )
    accumulate: int = Field(1, ge=1, le=4096, description="Batches in an optimizer step (gradient accumulation).")
    weight_decay: float = Field(0.01, ge=0, le=10, description="Decoupled weight decay; not on biases and norms.")
    beta1: float = Field(0.9, ge=0, lt=1, description="AdamW: how long the mean of gradients remembers.")
    beta2: float = Field(0.999, ge=0, lt=1, description="AdamW: how long the mean of squared gradients remembers.")
    eps: float = Field(1e-8, gt=0, le=1, description="AdamW: added to the root of the mean square.")
    layer_decay: float = Field(
        1.0, gt=0, le=1, description="Factor on the learning rate from each layer to the one below it."
    )
    warmup: float = Field(0.06, ge=0, le=1, description="Share of the steps over which the learning rate rises.")
    schedule: ScheduleName = Field("linear", description="How the learning rate falls after the warm-up.")
    term_schedules: str | None = Field(
        None,
        description=(
            "How weights of loss terms change, as TERM:HOW parted by commas: a number is the share of training over "
            "which the weight rises from 0, linear and cosine fall to 0. Example: comp:0.1,suff:0.1,task:cosine."
        ),
    )
    clip: float | None = Field(1.0, gt=0, description="Largest gradient norm; none for no clipping.")
    precision: Literal["auto", "no", "bf16", "fp16"] = Field(
        "auto", description="Number format of forward passes; auto: bf16 where the device multiplies it in hardware."
    )
    selection: Literal["dev-best", "last"] = Field("dev-best", description="Which weights are kept at the end.")
    metric: str = Field("accuracy", min_length=1, description="Dev metric that selects and stops early.")
    patience: int | None = Field(None, ge=1, description="Stop after so many evaluations without a better dev metric.")
    evaluate_every: int | None = Field(
        None, ge=1, description="Evaluate every so many steps too, not only after epochs."
    )
    checkpoint_every: int | None = Field(None, ge=1, description="Checkpoint every so many steps.")
    checkpoint_seconds: float = Field(
        60.0,
        gt=0,
        description="Checkpoint when so many seconds have passed since the last; later where that would take over 1 %.",
    )

    @field_validator("term_schedules")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        read_schedules(value)
        return value
