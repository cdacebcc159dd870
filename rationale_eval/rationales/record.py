"""An explaining method is a function and a record of facts. Forms, help and tables are made from the record."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rationale_eval.errors import UsageError
from rationale_eval.registry import Registry

if TYPE_CHECKING:
    from rationale_eval.models.base import TaskModel

Family = Literal["gradient", "attention", "perturbation", "control"]
"""What a method looks at, and so what its function is given.

`gradient` and `attention`: `explain(probe, subjects, **params) -> list[Found]`, many examples at once.
`perturbation`: `explain(case, **params) -> Asks[Found]`, a generator of questions the engine answers together.
`control`: `explain(case, **params) -> Found`, no model."""

Merge = Literal["sum", "max", "mean"]
"""How the scores of a word's tokens become the word's score."""

Output = Literal["logit", "probability", "log_probability"]
"""The number to explain: the row score of the target choice, or its (log-)probability among the choices."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a method says of one example.

    Args:
        scores: float64 `[words]`; NaN where the method cannot say.
        notes: Numbers worth keeping.
        hard: Booleans `[words]` where the method also selects words.
    """

    scores: NDArray[np.float64]
    notes: Mapping[str, float] = field(default_factory=dict)
    hard: NDArray[np.bool_] | None = None


def compatible_with_all(model: TaskModel) -> str | None:
    """No reason against any model."""
    return None


@dataclass(frozen=True, slots=True, eq=False)
class Method:
    """Facts about one explaining method.

    Args:
        name: Snake-case name.
        title: The name in words.
        family: What it looks at; decides the form of `explain`.
        signed: Whether negative scores speak against the explained choice; otherwise scores are magnitudes.
        deterministic: Whether the seed plays no part.
        params: Name to default of everything that can be set.
        options: Allowed values of those parameters that have a fixed set of them.
        cite: Paper, equation or section.
        describe: What it says.
        avoid: When not to use it.
        explain: The function; its form depends on the family.
        is_compatible: Says why a model cannot be explained this way, or None.
    """

    name: str
    title: str
    family: Family
    signed: bool
    deterministic: bool
    params: Mapping[str, Any]
    options: Mapping[str, tuple[Any, ...]]
    cite: str
    describe: str
    avoid: str
    explain: Callable[..., Any]
    is_compatible: Callable[[TaskModel], str | None] = compatible_with_all

    @property
    def formula(self) -> str:
        """The definition in plain-text mathematics, from the function's docstring.

        s are the scores of words, e embeddings, b those of the baseline, f the number to explain.
        """
        return (inspect.getdoc(self.explain) or "").partition("\n\n")[0].replace("\n", " ")

    def settings(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All parameters: those given, checked and cast to the default's type, and the defaults of the rest.

        Raises:
            UsageError: If a name is unknown or a value cannot be used; all such faults in one sentence.
        """
        faults = []
        settings = dict(self.params)
        for name, value in given.items():
            if name not in self.params:
                known = ", ".join(self.params) or "nothing can be set"
                faults.append(f"there is no '{name}' (there are: {known})")
                continue
            try:
                settings[name] = _cast(value, self.params[name])
            except ValueError:
                faults.append(f"'{name}' must be {_kind(self.params[name])}, not {value!r}")
                continue
            if name in self.options and settings[name] not in self.options[name]:
                faults.append(f"'{name}' must be one of {', '.join(map(str, self.options[name]))}, not {value!r}")
        if faults:
            raise UsageError(f"{self.name}: {'; '.join(faults)}")
        return settings


METHODS: Final[Registry[Method]] = Registry("method")
"""All methods, once `rationale_eval.rationales.methods` is imported."""

_SHARED_OPTIONS: Final[dict[str, tuple[Any, ...]]] = {"merge": get_args(Merge), "output": get_args(Output)}


def method(name: str, **facts: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers the decorated function as the method `name`; `facts` are the other fields of `Method`.

    Parameters and their defaults are the function's keyword-only arguments.
    """

    def register(explain: Callable[..., Any]) -> Callable[..., Any]:
        arguments = inspect.signature(explain).parameters.values()
        params = {each.name: each.default for each in arguments if each.kind is each.KEYWORD_ONLY}
        options = {key: allowed for key, allowed in _SHARED_OPTIONS.items() if key in params}
        options |= facts.pop("options", {})
        METHODS.add(name, Method(name=name, explain=explain, params=params, options=options, **facts))
        return explain

    return register


def _kind(default: Any) -> str:
    return {bool: "true or false", int: "a whole number", float: "a number"}.get(type(default), "text")


def _cast(value: Any, default: Any) -> Any:
    """The value as the type of the default; text from a command line counts as what it spells."""
    wanted = type(default)
    if isinstance(value, wanted) and not (wanted is int and isinstance(value, bool)):
        return value
    if wanted is bool:
        if str(value).lower() in {"true", "false"}:
            return str(value).lower() == "true"
        raise ValueError(value)
    if wanted is float and isinstance(value, int | str) and not isinstance(value, bool):
        return float(value)
    if wanted is int and isinstance(value, str):
        return int(value)
    raise ValueError(value)
