"""Which metrics an audit holds to the axioms: registered ones by name, or a user's own function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import signature

from rationale_eval.axioms.scoring import Audited
from rationale_eval.errors import UsageError
from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.record import METRICS, Metric, Score, undefined
from rationale_eval.metrics.text_case import TextCase

WEIGHTS = ("pt", "np")
KNOWN = frozenset({"text", "references", "encoder", "simulator"})
"""What an audit can give a metric."""


def choose(names: Sequence[str | Callable[[TextCase], float]]) -> list[Audited]:
    """Looks metrics up.

    Args:
        names: `rq` means its variants pt and np where it has them, else its default; `rq:np` that variant; `rq:*` all.
            A function of a `TextCase` is a metric of its own; one with a keyword `weights` is asked for "pt" and "np".

    Raises:
        UsageError: For an unknown name or variant, a metric that needs what an audit does not have, or two functions
            of one name.
    """
    load_all()
    found: dict[tuple[str, str], Audited] = {}
    for name in names:
        for each in _named(name) if isinstance(name, str) else _own(name):
            other = found.setdefault((each.metric.name, each.variant), each)
            # A registered metric that is named twice is one metric; a function is told from others by its name alone.
            if other.metric is not each.metric:
                raise UsageError(
                    f"two metrics are named '{each.metric.name}', and their scores could not be told apart; give each "
                    "function a name of its own (with def, since every lambda is named 'lambda')"
                )
    if not found:
        raise UsageError("name at least one metric to audit")
    return list(found.values())


def name_of(metric: str | Callable[[TextCase], float]) -> str:
    """A metric as its scores name it: what was said, or the function's name; "own" for a callable without one."""
    return metric if isinstance(metric, str) else str(getattr(metric, "__name__", "own")).strip("<>")


def _named(name: str) -> list[Audited]:
    name, _, variant = name.partition(":")
    metric = METRICS[name]
    if "text" not in metric.needs or not set(metric.needs) <= KNOWN:
        able = ", ".join(key for key, each in METRICS.items() if "text" in each.needs and set(each.needs) <= KNOWN)
        raise UsageError(f"{name} cannot be audited; choose among {able}")
    if variant and variant != "*" and variant not in metric.variants:
        raise UsageError(f"{name} has no variant '{variant}'; choose one of {', '.join(metric.variants)}")
    both = [each for each in WEIGHTS if each in metric.variants] or [next(iter(metric.variants))]
    chosen = list(metric.variants) if variant == "*" else [variant] if variant else both
    return [Audited(metric, each, metric.variants[each]) for each in chosen]


def _own(function: Callable[[TextCase], float]) -> list[Audited]:
    """A function as a metric: the simulators it may ask see the input, the rationale, and both."""
    weighted = "weights" in signature(function).parameters

    def ask(case: TextCase, **options: object) -> Score:
        value = float(function(case, **options))
        return undefined("the function gave no number") if value != value else Score(value)

    name = name_of(function)
    variants = {each: {"weights": each} for each in WEIGHTS} if weighted else {"own": {}}
    metric = Metric(
        name=name, family="simulation", symbol=name, title=name, direction="higher",
        range=(float("-inf"), float("inf")), best=None, needs=("text", "simulator") if weighted else ("text",),
        variants=variants, cite="the user's own", formula="", describe="", avoid="", ask=ask,
        views=("input", "rationale", "both") if weighted else (),
    )  # fmt: skip
    return [Audited(metric, each, options) for each, options in variants.items()]
