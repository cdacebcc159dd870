r"""Erasure metrics of DeYoung et al. (2020): does the decision hang on the words the rationale names?

Notation: p is the probability of the explained choice y, x the whole input, r_k the k % best words of the rationale,
x \\ r_k the input without them. y is fixed on the whole input and never chosen anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from rationale_eval.metrics.record import Score, metric, undefined
from rationale_eval.rationales.selection import count

if TYPE_CHECKING:
    from rationale_eval.engine.case import Asks, Case, Question, Removal

ERASER_BINS: Final = (1.0, 5.0, 10.0, 20.0, 50.0)
"""Percentages of DeYoung et al. (2020), section 4.2; UNIREX trains and evaluates with the same."""

AOPC_VARIANTS: Final[dict[str, dict[str, Any]]] = {
    "eraser": {},
    "unirex": {"divisor": "bins_plus_one"},
    "ferret": {"counting": "floor", "distinct": True, "only_positive": True, "removal": "retokenize"},
}
"""`eraser`: mean over the bins. `unirex`: sum over the bins divided by their number plus one. `ferret`: words counted
by
floor, only positive scores selected, bins that select nothing or the same as the bin before are skipped, and the rest
is
decoded to text and tokenised again."""

NO_WORDS: Final = "no word of the input is seen and scored"

Selections = list[NDArray[np.intp]]


def selections(
    case: Case,
    bins: Sequence[float],
    counting: str = "half_even",
    *,
    only_positive: bool = False,
    distinct: bool = False,
) -> Selections:
    """Word indices of r_k for each k in `bins`.

    Args:
        case: The case.
        bins: Percentages, 0 to 100.
        counting: How many words k % are.
        only_positive: Leave out words whose score is not positive (they still count towards the number of words).
        distinct: Drop selections that are empty or equal to the one before.
    """
    order = case.ranking
    chosen: Selections = []
    for percent in bins:
        best = order[: count(len(order), percent, counting)]
        if only_positive:
            best = best[case.scores[best] > 0]
        if distinct and (not len(best) or (chosen and len(best) == len(chosen[-1]))):
            continue
        chosen.append(best)
    return chosen


def _aopc(
    case: Case,
    perturbed: Callable[[NDArray[np.intp], Removal], Question],
    nothing: float,
    bins: Sequence[float],
    removal: Removal,
    *,
    divisor: str = "bins",
    **rule: Any,
) -> Asks[Score]:
    """Area over the perturbation curve of p(y|x) - p(y|perturbed input).

    Args:
        case: The case.
        perturbed: `case.without` or `case.only`.
        nothing: The value where every bin is skipped.
        bins: Percentages.
        removal: How words are taken away.
        divisor: "bins" for the mean, "bins_plus_one" for UNIREX's form.
        rule: See `selections`.
    """
    if not len(case.ranking):
        return undefined(NO_WORDS)
    chosen = selections(case, bins, **rule)
    if not chosen:
        return Score(nothing, curve=np.zeros(0))
    whole, *rest = yield [case.whole(), *(perturbed(words, removal) for words in chosen)]
    return average([whole[case.target] - part[case.target] for part in rest], divisor)


def average(drops: Sequence[float], divisor: str = "bins") -> Score:
    """Sum of the drops by the number of bins, or by that and one; the curve itself is kept with the score."""
    bins = len(drops) + (divisor == "bins_plus_one")
    return Score(float(np.sum(drops) / bins), curve=np.array(drops, dtype=np.float64))


@metric(
    "comprehensiveness_aopc",
    family="faithfulness",
    symbol="comp",
    title="Comprehensiveness (AOPC)",
    direction="higher",
    range=(-1.0, 1.0),
    best=None,
    needs=("model", "scores"),
    variants=AOPC_VARIANTS,
    cite=(
        "DeYoung et al. 2020 (ERASER), eq. 1 and section 4.2; Chan et al. 2022 (UNIREX); Attanasio et al. 2023 (ferret)"
    ),
    formula="mean over k of p(y|x) - p(y|x without r_k)",
    describe="How much the model's probability falls when the named words are taken away.",
    avoid=(
        "Not without the random control beside it, since inputs with holes lie outside the training distribution; "
        "and not for comparing results of different removal operators."
    ),
)
def comprehensiveness_aopc(
    case: Case,
    *,
    bins: Sequence[float] = ERASER_BINS,
    removal: Removal = "delete",
    counting: str = "half_even",
    **rule: Any,
) -> Asks[Score]:
    """Mean over the bins of p(y|x) - p(y|x without r_k); 0 where no bin selects a word (`ferret`)."""
    return (yield from _aopc(case, case.without, 0.0, bins, removal, counting=counting, **rule))


@metric(
    "sufficiency_aopc",
    family="faithfulness",
    symbol="suff",
    title="Sufficiency (AOPC)",
    direction="lower",
    range=(-1.0, 1.0),
    best=None,
    needs=("model", "scores"),
    variants=AOPC_VARIANTS,
    cite=(
        "DeYoung et al. 2020 (ERASER), eq. 2 and section 4.2; Chan et al. 2022 (UNIREX); Attanasio et al. 2023 (ferret)"
    ),
    formula="mean over k of p(y|x) - p(y|r_k)",
    describe=(
        "How much probability is lost when only the named words are left; negative values mean that the rationale "
        "alone makes the model more confident and are kept."
    ),
    avoid=("Not without the random control beside it: a few words alone are far from the training distribution."),
)
def sufficiency_aopc(
    case: Case,
    *,
    bins: Sequence[float] = ERASER_BINS,
    removal: Removal = "delete",
    counting: str = "half_even",
    **rule: Any,
) -> Asks[Score]:
    """Mean over the bins of p(y|x) - p(y|r_k); 1 where no bin selects a word (`ferret`)."""
    return (yield from _aopc(case, case.only, 1.0, bins, removal, counting=counting, **rule))


@metric(
    "csd",
    family="faithfulness",
    symbol="CSD",
    title="Comprehensiveness-sufficiency difference",
    direction="higher",
    range=(-2.0, 2.0),
    best=None,
    needs=("model", "scores"),
    variants=AOPC_VARIANTS,
    cite="Chan et al. 2022 (UNIREX)",
    formula="comprehensiveness AOPC - sufficiency AOPC",
    describe="Both erasure metrics in one number.",
    avoid=(
        "Not alone: it hides which of the two moved, so report them beside it; and not where one of them is at its"
        " floor."
    ),
)
def csd(
    case: Case,
    *,
    bins: Sequence[float] = ERASER_BINS,
    removal: Removal = "delete",
    counting: str = "half_even",
    **rule: Any,
) -> Asks[Score]:
    """Comprehensiveness minus sufficiency, both as AOPC under the same variant."""
    comp = yield from comprehensiveness_aopc(case, bins=bins, removal=removal, counting=counting, **rule)
    suff = yield from sufficiency_aopc(case, bins=bins, removal=removal, counting=counting, **rule)
    return Score(comp.value - suff.value, comp.reason or suff.reason)


SINGLE_VARIANTS: Final[dict[str, dict[str, Any]]] = {
    "top20": {"percent": 20.0},
    "hard": {"percent": None},
    "gold_length": {"percent": "gold"},
}
"""`top20`: the best 20 % of the words; `hard`: the words the tool itself selected; `gold_length`: as many words as the
gold highlights have."""


def rationale_words(case: Case, percent: float | str | None) -> NDArray[np.intp] | str:
    """The selected words, or the reason why there are none to select."""
    if percent is None:
        return "the rationale brings no selection of its own" if case.hard is None else np.flatnonzero(case.hard)
    if not len(case.ranking):
        return NO_WORDS
    if percent == "gold":
        return "the example has no gold highlights" if case.gold is None else case.ranking[: int(case.gold.sum())]
    return case.ranking[: count(len(case.ranking), float(percent))]


@metric(
    "comprehensiveness",
    family="faithfulness",
    symbol="comp@k",
    title="Comprehensiveness of one selection",
    direction="higher",
    range=(-1.0, 1.0),
    best=None,
    needs=("model", "scores"),
    variants=SINGLE_VARIANTS,
    cite="DeYoung et al. 2020 (ERASER), eq. 1",
    formula="p(y|x) - p(y|x without r)",
    describe="How much the probability falls without the selected words.",
    avoid=("Not for comparing rationales of different lengths, on which it depends: use the AOPC form for that."),
)
def comprehensiveness(case: Case, *, percent: float | str | None = 20.0, removal: Removal = "delete") -> Asks[Score]:
    """p(y|x) - p(y|x without r); 0 for an empty rationale."""
    words = rationale_words(case, percent)
    if isinstance(words, str):
        return undefined(words)
    whole, part = yield [case.whole(), case.without(words, removal)]
    return Score(float(whole[case.target] - part[case.target]))


@metric(
    "sufficiency",
    family="faithfulness",
    symbol="suff@k",
    title="Sufficiency of one selection",
    direction="lower",
    range=(-1.0, 1.0),
    best=None,
    needs=("model", "scores"),
    variants=SINGLE_VARIANTS,
    cite="DeYoung et al. 2020 (ERASER), eq. 2",
    formula="p(y|x) - p(y|r)",
    describe="How much probability is lost when only the selected words are left.",
    avoid=("Not for comparing rationales of different lengths, on which it depends: use the AOPC form for that."),
)
def sufficiency(case: Case, *, percent: float | str | None = 20.0, removal: Removal = "delete") -> Asks[Score]:
    """p(y|x) - p(y|r); for an empty rationale the special tokens alone are asked about."""
    words = rationale_words(case, percent)
    if isinstance(words, str):
        return undefined(words)
    whole, part = yield [case.whole(), case.only(words, removal)]
    return Score(float(whole[case.target] - part[case.target]))


@metric(
    "log_odds",
    family="faithfulness",
    symbol="LO",
    title="Log-odds",
    direction="lower",
    range=(-np.inf, np.inf),
    best=None,
    needs=("model", "scores"),
    variants={"unirex": {}, "mask": {"removal": "mask"}, "delete": {"removal": "delete"}},
    cite="Shrikumar et al. 2017; optional metric of Chan et al. 2022 (UNIREX)",
    formula="mean over k of log p(y|x with r_k replaced) - log p(y|x)",
    describe=(
        "Change of the log-probability when the named words are replaced by padding; strongly negative means important."
    ),
    avoid=("Not by the mean alone: it is unbounded below, so a few examples can carry it; look at the distribution."),
)
def log_odds(
    case: Case,
    *,
    bins: Sequence[float] = ERASER_BINS,
    removal: Removal = "pad",
    counting: str = "half_even",
) -> Asks[Score]:
    """Mean over the bins of log p(y|x with r_k replaced) - log p(y|x), natural logarithm."""
    if not len(case.ranking):
        return undefined(NO_WORDS)
    chosen = selections(case, bins, counting)
    whole, *rest = yield [case.whole(), *(case.without(words, removal) for words in chosen)]
    y = case.target
    return average([float(np.log(part[y]) - np.log(whole[y])) for part in rest])
