"""Perturbs rationales, and counts how often each perturbation applied and why it did not."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from rationale_eval.errors import UsageError
from rationale_eval.rationales.text_perturbation import (
    PERTURBATIONS,
    Changed,
    Effect,
    Perturbation,
    Pool,
    Said,
    not_changed,
)

if TYPE_CHECKING:
    from rationale_eval.models.transformer import TransformerModel

EMPTY: Final = "the rationale is empty"
SAME: Final = "the text came out as it was"


@dataclass(frozen=True, slots=True)
class Report:
    """How often a perturbation applied.

    Args:
        name: The perturbation.
        effect: What it does to the meaning.
        tried: Texts it was tried on.
        applied: Texts it gave.
        reasons: Why it gave none, with counts, the most frequent first.
    """

    name: str
    effect: Effect
    tried: int
    applied: int
    reasons: Mapping[str, int]

    @property
    def share(self) -> float:
        """Share of the texts to which it applied, 0 to 1; NaN where none was tried."""
        return self.applied / self.tried if self.tried else float("nan")


@dataclass(frozen=True, slots=True)
class Perturbed:
    """What one perturbation made.

    Args:
        texts: Example id to perturbed text, in the order of the rationales; without those to which it did not apply.
        report: How often it applied.
    """

    texts: Mapping[str, str]
    report: Report


def perturb(
    names: Iterable[str],
    said: Sequence[Said],
    *,
    seed: int,
    pool: Pool | None = None,
    lm: TransformerModel | None = None,
) -> dict[str, Perturbed]:
    """Perturbs every rationale in every named way.

    What a text becomes depends on the seed, the perturbation, the example's id and, where one is used, what is in the
    pool; not on the order of the rationales or on what else is among them.

    Args:
        names: Names in `PERTURBATIONS`.
        said: The rationales, one an example.
        seed: Where all draws start from.
        pool: Rationales of other instances; those of `said` when None.
        lm: A language model, for the perturbations that need one.

    Raises:
        UsageError: If a name is unknown, a language model is needed and missing, or an example stands there twice.
    """
    chosen = [PERTURBATIONS[name] for name in dict.fromkeys(names)]
    if missing := [each.name for each in chosen if "lm" in each.needs and lm is None]:
        raise UsageError(f"{', '.join(missing)} needs a language model that writes; name one, or leave it out")
    if twice := [name for name, count in Counter(one.example.id for one in said).items() if count > 1]:
        raise UsageError(f"the example '{twice[0][:80]}' has two rationales here; give one for each example")
    pool = Pool(said) if pool is None else pool
    return {each.name: _perturbed(each, said, seed, pool, lm) for each in chosen}


def _perturbed(
    each: Perturbation, said: Sequence[Said], seed: int, pool: Pool, lm: TransformerModel | None
) -> Perturbed:
    full = [one for one in said if one.text.strip()]
    if "lm" in each.needs:
        found = each.apply(full, lm, seed)
    else:
        given = pool if "pool" in each.needs else None
        found = [each.apply(one, _generator(seed, each.name, one.example.id), given) for one in full]
    changed = {one.example.id: _checked(one, result) for one, result in zip(full, found, strict=True)}
    texts: dict[str, str] = {}
    reasons: Counter[str] = Counter()
    for one in said:
        result = changed.get(one.example.id, not_changed(EMPTY))
        if result.text is None:
            reasons[result.reason] += 1
        else:
            texts[one.example.id] = result.text
    return Perturbed(texts, Report(each.name, each.effect, len(said), len(texts), dict(reasons.most_common())))


def _checked(one: Said, result: Changed) -> Changed:
    """No perturbation gives back the text it was given, or nothing."""
    return not_changed(SAME) if result.text is not None and result.text.strip() in ("", one.text.strip()) else result


def _generator(seed: int, name: str, example_id: str) -> np.random.Generator:
    digest = hashlib.sha256(repr((seed, name, example_id)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))
