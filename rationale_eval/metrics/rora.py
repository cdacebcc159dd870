"""RORA: what a rationale adds once words that give the answer away count for nothing.

    RORA_i = log p_robust(y_i | x_i, r_i) - log p_base(y_i | ...)        in nats

y is the answer that the system gave. The robust evaluator is a simulator trained to be right also where the leaking
words of a rationale point to another label (`simulators/robust.py`). Examples are averaged; the released report
averages the means of batches.

Variants say what the evaluators start from and read:

- `pt`, `np`: the robust one reads input and rationale, the base the input alone, as the released configuration for
  StrategyQA. A rationale that only restates the answer is then worth about 0.
- `pt_rationale`, `np_rationale`: the robust one reads the rationale alone, the base nothing but the choices.
- `pt_vacuous`, `np_vacuous`: the base reads the vacuous rationale, which merges the input with the answer. Templates
  state the answer so plainly that a base learns to read it off; nothing then gets above 0.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from rationale_eval.metrics.record import Score, metric, undefined
from rationale_eval.metrics.rev import log_probability
from rationale_eval.metrics.simulatability import UNREAD, Weights
from rationale_eval.metrics.text_case import TextCase

Base = Literal["input", "nothing", "vacuous"]

READS: Final[dict[Base, tuple[str, str]]] = {
    "input": ("robust", "base"),
    "nothing": ("robust_rationale", "neither"),
    "vacuous": ("robust", "vacuous"),
}
"""What the robust evaluator and the base see, by what the base is given."""

_NAMES: Final[dict[Base, str]] = {"input": "", "nothing": "_rationale", "vacuous": "_vacuous"}

VARIANTS: Final[dict[str, dict[str, Any]]] = {
    f"{weights}{name}": {"weights": weights, "base": base} for weights in ("pt", "np") for base, name in _NAMES.items()
}


@metric(
    "rora",
    family="simulation",
    symbol="RORA",
    title="Robust rationale evaluation",
    direction="higher",
    range=(-float("inf"), float("inf")),
    best=None,
    needs=("text", "simulator"),
    views=READS["input"],
    variant_views={name: READS[options["base"]] for name, options in VARIANTS.items()},
    variants=VARIANTS,
    cite="Jiang et al. 2024 (RORA), section 3; own infiller and choice of weights, see above the code",
    formula="mean of log p_robust(y | x, r) - log p_base(y | x)",
    describe=(
        "How many nats the rationale adds for an evaluator that was taught to distrust words which give the answer"
        " away; restating the answer is worth about 0, and a rationale that misleads can fall below."
    ),
    avoid=(
        "Not from one seed, since it is a difference of two separate trainings: compare over seeds. Not with few "
        "examples, from which nothing can be learned to be distrusted."
    ),
)
def rora(case: TextCase, *, weights: Weights = "pt", base: Base = "input") -> Score:
    """What the rationale adds for this example, in nats."""
    if case.answer is None:
        return undefined(UNREAD)
    robust, without = READS[base]
    return Score(log_probability(case, weights, robust) - log_probability(case, weights, without))
