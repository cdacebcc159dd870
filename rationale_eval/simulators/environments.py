"""The two environments that a robust simulator learns from (RORA): rationales as they are, and with leaks turned.

The published threshold is 0.001 on any n-gram. A short rationale has few n-grams, each with a large part of the
answer's probability, and those seen once are learned by heart: on 900 rationales of e-SNLI it masks 98 % of the text,
so that nothing is left that could explain. By default an n-gram must stand in 1 % of the rationales and exceed 0.03,
which masks 20 % there: "cannot", "not all", "necessarily", "implies".

Published descriptions keep the factual rationale (`original`, the default); the released code fills it anew for its own
label (`filled`). No wording then tells the environments apart, which ends what is left of a leak, but the rationales
under test look like neither: on e-SNLI gold ones lose half of their value (small NP simulators, one seed).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.errors import UsageError
from rationale_eval.simulators.counterfactual import counterfactuals, leaking
from rationale_eval.simulators.leakage import Reading, leakage_scores, learn_leakage
from rationale_eval.simulators.view import RATIONALE


class RobustSettings(BaseModel):
    """Knobs of robust simulators."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    irm: float = Field(1.0, ge=0, le=1e6, description="RORA: weight of the invariance penalty.")
    irm_after: float = Field(0.25, ge=0, le=1, description="RORA: share of the training before the penalty counts.")
    factual: Literal["original", "filled"] = Field(
        "original", description="RORA: whether factual rationales stay as they are, or are filled for their own label."
    )
    leak_threshold: float = Field(
        0.03, ge=0, lt=1, description="RORA: leakage score above which an n-gram is masked (published: 0.001)."
    )
    leak_share: float = Field(
        0.01,
        ge=0,
        lt=1,
        description="RORA: least share of rationales that a masked n-gram stands in (published: 0).",
    )


def environments(
    settings: RobustSettings, train: RationaleDataset, dev: RationaleDataset, seed: int = 0
) -> dict[str, tuple[RationaleDataset, RationaleDataset]]:
    """The factual and the counterfactual environment of training and held-out data, under "train" and "dev".

    Args:
        settings: Which words leak, and whether factual rationales are filled anew.
        train: A view with rationales; the leakage model learns from it.
        dev: One of held-out examples.
        seed: Of the leakage model and the fillings.

    Raises:
        UsageError: If one of them is empty.
    """
    views = {"train": train, "dev": dev}
    read = {
        name: [Reading(one.inputs[RATIONALE], one.choices, one.label or 0) for one in view]
        for name, view in views.items()
    }
    if not all(read.values()):
        raise UsageError("a simulator needs answers to learn from, and others to be held to; give more examples.")
    leakage = leakage_scores(learn_leakage(read["train"], read["dev"], seed), read["train"])
    names = leaking(leakage, settings.leak_threshold, settings.leak_share)
    found = {}
    for name, view in views.items():
        other = _with(view, counterfactuals(read[name], leakage, names, seed))
        own = settings.factual == "filled"
        factual = _with(view, counterfactuals(read[name], leakage, names, seed, own=True)) if own else view
        found[name] = factual, other
    return found


def _with(view: RationaleDataset, texts: Sequence[str]) -> RationaleDataset:
    """A view with other rationales, in its order."""
    return view.with_task(
        view.task,
        lambda: (
            replace(one, inputs={**one.inputs, RATIONALE: text.strip() or one.inputs[RATIONALE]})
            for one, text in zip(view, texts, strict=True)
        ),
    )
