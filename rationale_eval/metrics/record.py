"""A metric is a function and a record of facts. The command line, the docs and the pages are made from the record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from rationale_eval.registry import Registry

Direction = Literal["higher", "lower", "none"]
Need = Literal[
    "model",
    "scores",
    "gold",
    "label",
    "annotators",
    "explainer",
    "classes",
    "text",
    "references",
    "encoder",
    "simulator",
    "lm",
]
"""What a metric reads: a model that answers questions; word scores; gold highlights; the gold label; the highlights of
several annotators; the attribution method itself (to explain a perturbed input); the same choices for every example; a
free-text rationale; gold rationales; an encoder of texts; simulators; the language
model, asked again."""


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """What one metric says of one example.

    Args:
        value: The example's own value; NaN when undefined.
        reason: Why it is undefined; empty otherwise.
        parts: Sufficient statistics, float64 `[parts]`, for metrics whose corpus value is not the mean of example
            values:
            the corpus value is a function of their sum over examples. None for plain means.
        curve: The values that `value` averages or integrates, in order (one for each bin, say), float64; None without.
    """

    value: float
    reason: str = ""
    parts: NDArray[np.float64] | None = None
    curve: NDArray[np.float64] | None = None


def undefined(reason: str) -> Score:
    """A score that has no value, and why."""
    return Score(float("nan"), reason)


Reduce = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From summed parts `[..., parts]` to corpus values `[...]`, so that a bootstrap can hand over all resamples at
once."""


@dataclass(frozen=True, slots=True)
class Metric:
    """Facts about one metric and the function that computes it for one example.

    Args:
        name: Snake-case name.
        family: "faithfulness", "plausibility", "similarity", "simulation", "chain_of_thought" or "task".
        symbol: Short symbol for tables.
        title: The name in words.
        direction: Which way is better.
        range: Least and greatest possible value (infinities allowed).
        best: The value of a perfect rationale, or None.
        needs: What it reads.
        views: What the simulators that it asks see (names in `simulators/view.py`); empty where it asks none.
        variant_views: The same for variants whose simulators see something else.
        variants: Variant name to keyword arguments of `ask`; the first is the default.
        cite: Paper, equation or section.
        formula: One line of plain-text mathematics.
        describe: What it says.
        avoid: When not to use it.
        ask: The function of a `Case`, or of a `TextCase` where "text" is among `needs`. With "model" among `needs` it
            is a generator that yields lists of questions, is sent the list of answers (probabilities, float64
            `[choices]`), and returns a `Score`; with "lm" it yields lists of requests in the same way (`TextAsks`).
            Otherwise it returns a `Score` directly.
        reduce: Maps summed parts to the corpus value; None means the mean of the example values.
        version: Raised whenever values change.
    """

    name: str
    family: Literal["faithfulness", "plausibility", "similarity", "simulation", "chain_of_thought", "task"]
    symbol: str
    title: str
    direction: Direction
    range: tuple[float, float]
    best: float | None
    needs: tuple[Need, ...]
    variants: Mapping[str, Mapping[str, Any]]
    cite: str
    formula: str
    describe: str
    avoid: str
    ask: Callable[..., Any]
    reduce: Reduce | None = None
    version: int = 1
    views: tuple[str, ...] = ()
    variant_views: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def views_of(self, variant: str) -> tuple[str, ...]:
        """What the simulators see that one variant asks."""
        return self.variant_views.get(variant, self.views)


METRICS: Final[Registry[Metric]] = Registry("metric")


def metric(name: str, **facts: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers the decorated function as the metric `name`; `facts` are the other fields of `Metric`."""

    def register(ask: Callable[..., Any]) -> Callable[..., Any]:
        METRICS.add(name, Metric(name=name, ask=ask, **facts))
        return ask

    return register
