"""Controls that stand beside every method: chance, the human highlights, and their opposite."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rationale_eval.engine.case import Case
from rationale_eval.rationales.record import Found, method


@method(
    "random",
    title="Random (control)",
    family="control",
    signed=True,
    deterministic=False,
    cite="Chan et al. 2022 (UNIREX), released code: one standard normal draw an instance",
    describe="Standard normal scores, drawn once for each example. What a method must beat.",
    avoid=(
        "Never as a system of its own: it is a control. A metric that does not tell it from a method says nothing here."
    ),
)
def random(case: Case) -> Found:
    """s_i ~ N(0, 1)."""
    return Found(np.random.default_rng(case.seed).standard_normal(len(case.words)))


@method(
    "gold",
    title="Gold highlights (control)",
    family="control",
    signed=False,
    deterministic=True,
    cite="DeYoung et al. 2020 (ERASER)",
    describe=(
        "1 for the words people highlighted, 0 for the rest, and those selected. The ceiling of plausibility. "
        "Without highlights there are no scores."
    ),
    avoid="Not as a ceiling of faithfulness, since a model may decide by other words than people do.",
)
def gold(case: Case) -> Found:
    """s_i = 1 if word i is highlighted, else 0."""
    return _highlights(case, case.gold)


@method(
    "inverse_gold",
    title="Inverse gold (control)",
    family="control",
    signed=False,
    deterministic=True,
    cite="Chan et al. 2022 (UNIREX), released code",
    describe=(
        "0 for the words people highlighted, 1 for the rest, and the rest selected. The floor of plausibility. "
        "Without highlights there are no scores."
    ),
    avoid="Not as a floor of faithfulness: a model that decides by the other words is explained well by it.",
)
def inverse_gold(case: Case) -> Found:
    """s_i = 0 if word i is highlighted, else 1."""
    return _highlights(case, None if case.gold is None else ~case.gold)


def _highlights(case: Case, marked: NDArray[np.bool_] | None) -> Found:
    if marked is None:
        return Found(np.full(len(case.words), np.nan), {"not_annotated": 1.0})
    return Found(marked.astype(np.float64), hard=marked.copy())
