"""SGT, saliency-guided training: the answer should hold when only the tokens with the highest attributions are left.

As the UNIREX paper uses it as a baseline: for each k in the bins, the distribution of the answer on the k % of tokens
with the highest attributions is drawn to that on all tokens by KL(p(. | r_k) || p(. | x)). That is UNIREX with
attributions as its extractor and sufficiency as its one faithfulness loss. The original takes away the features with
the smallest gradients, one share of them.

Source: Ismail et al. 2021, "Improving Deep Learning Interpretability by Saliency Guided Training"; Chan et al. 2022
(UNIREX), released code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from rationale_eval.rationales.extractors.attributed import BY_DIMENSION
from rationale_eval.recipes.baseline import Baseline, RationaleMetric
from rationale_eval.recipes.record import Stage, recipe
from rationale_eval.recipes.unirex import BINS, Unirex, UnirexConfig
from rationale_eval.training import top_k


class SgtConfig(RationaleMetric):
    """Knobs of SGT."""

    bins: tuple[float, ...] = Field(BINS, min_length=1, description="Sizes of the rationale in per cent.")
    unit: top_k.Unit = Field("token", description="What is chosen: tokens (paper) or words.")
    attribution: str = Field("integrated_gradients", description="The method that chooses.")
    steps: int = Field(3, ge=1, le=1000, description="Steps of integrated gradients.")
    suff_form: Literal["kl", "margin", "diff", "abs", "square"] = Field(
        "kl", description="Form of sufficiency; kl is the authors'."
    )
    suff_weight: float = Field(0.5, ge=0, description="Weight of sufficiency.")

    @model_validator(mode="after")
    def _fits(self) -> SgtConfig:
        if any(not 0 < k <= 100 for k in self.bins):
            raise ValueError("bins are percentages above 0 and at most 100")
        if self.plausibility and self.attribution not in BY_DIMENSION:
            raise ValueError(
                f"plausibility=true cannot reach the model through {self.attribution}; choose attribution="
                f"{' or '.join(BY_DIMENSION)}"
            )
        return self

    def unirex(self) -> UnirexConfig:
        """The same as a configuration of UNIREX."""
        shared = self.model_dump(exclude={"plausibility"})
        objectives = "FP" if self.plausibility else "F"
        return UnirexConfig(**shared, extractor="aa", objectives=objectives, comp_form="off")


@recipe
class Sgt(Baseline):
    """L = L_task + 0.5 L_suff, and for +P 0.5 L_plaus on the attributions."""

    name = "sgt"
    title = "Saliency-guided training: keep the answer on the tokens with the highest attributions (SGT)"
    cite = "Ismail et al. 2021 (SGT), as a baseline of Chan et al. 2022 (UNIREX)"
    describe = (
        "The model's answer on the tokens with the highest attributions is drawn to its answer on the whole text,"
        " while it learns the labels."
    )
    avoid = (
        "Not to make rationales plausible without its variant with highlights; and not where training must be "
        "cheap, since every step needs attributions."
    )
    Config = SgtConfig

    def stages(self) -> Iterator[Stage]:
        """One stage: UNIREX's, with the other losses left out."""
        assert isinstance(self.config, SgtConfig)
        self.require_data()
        self.unirex = Unirex(self.model, self.train, self.dev, self.config.unirex())
        for stage in self.unirex.stages():
            yield replace(stage, name=self.name, settings=self.config)

    def save(self, folder: Path) -> None:
        """The task model, and beside it which attributions explain it."""
        self.unirex.save(folder)
