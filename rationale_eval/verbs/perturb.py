"""Perturbs the gold rationales of a data set, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.errors import UsageError
from rationale_eval.rationales.perturbations import PERTURBATIONS, Perturbed, Pool, Said, perturb

POOL_SIZE = 2000
"""Most rationales that another one is drawn from."""


@dataclass(frozen=True, slots=True)
class PerturbedGold:
    """Gold rationales and what became of them.

    Args:
        said: The rationales, in the data's order.
        found: By the name of the perturbation.
    """

    said: Sequence[Said]
    found: dict[str, Perturbed]


def perturb_gold(
    data: RationaleDataset, names: Sequence[str] = (), *, limit: int | None = None, seed: int = 0, lm: str | None = None
) -> PerturbedGold:
    """Perturbs the preferred gold rationale of each example; the gold label is what it argues for.

    Args:
        data: Where the rationales are; those of other instances are drawn from the whole of it, or a sample.
        names: Perturbations; when empty all that need no language model, or, with one, all.
        limit: Only the first so many rationales.
        seed: Where all draws start from.
        lm: What `load_model` takes.

    Raises:
        UsageError: If a name is unknown, there are no rationales, or a language model is missing.
    """
    known = [name for name, each in PERTURBATIONS.items() if lm or "lm" not in each.needs]
    chosen = [PERTURBATIONS[name].name for name in names or known]
    with_text = data.where(lambda example: bool(example.rationales))
    said = [Said(example, example.rationales[0], example.label) for example in with_text.limit(limit)]
    if not said:
        raise UsageError(f"{data.name} ({data.split}) has no free-text rationales; name another split or data set")
    pool = None
    if any("pool" in PERTURBATIONS[name].needs for name in chosen):
        drawn = with_text.sample(POOL_SIZE, seed)
        pool = Pool([Said(example, example.rationales[0], example.label) for example in drawn])
    model = None
    if lm is not None:
        from rationale_eval.models.load import load_model

        model = load_model(lm, task=data.task)
    return PerturbedGold(said, perturb(chosen, said, seed=seed, pool=pool, lm=model))
