"""A form made from a checked record: its JSON schema says what there is to set, its defaults and what each thing means.

Bounds are not built into the widgets: what cannot be used is told in the record's own sentence, the same as on the
command line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import streamlit as st

from rationale_eval.errors import UsageError
from rationale_eval.ui.text import md_text

Kind = Literal["choice", "switch", "whole", "number", "text", "numbers"]

_KINDS: Final[Mapping[str, Kind]] = {
    "boolean": "switch",
    "integer": "whole",
    "number": "number",
    "string": "text",
    "array": "numbers",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to set.

    Args:
        name: As the record calls it.
        kind: Which widget it gets.
        default: Its value where nothing is said.
        help: What it means.
        options: Of a choice.
        nullable: Whether "none" is a value.
    """

    name: str
    kind: Kind
    default: Any
    help: str
    options: tuple[str, ...] = ()
    nullable: bool = False


def fields(schema: Mapping[str, Any]) -> dict[str, Field]:
    """The fields of a JSON schema by name, in its order."""
    return {name: _field(name, one) for name, one in schema["properties"].items()}


def _field(name: str, one: Mapping[str, Any]) -> Field:
    forms: Sequence[Mapping[str, Any]] = one.get("anyOf", (one,))
    nullable = any(form.get("type") == "null" for form in forms)
    forms = [form for form in forms if form.get("type") != "null"]
    options = tuple(
        str(option) for form in forms for option in form.get("enum", [form["const"]] if "const" in form else [])
    )
    kind = "choice" if options else _KINDS.get(str(forms[0].get("type")), "text")
    bounds = _bounds(forms[0])
    about = " ".join(filter(None, (str(one.get("description", "")), bounds, f"Called {name} on the command line.")))
    return Field(name, kind, one.get("default"), about, options, nullable)


def _bounds(form: Mapping[str, Any]) -> str:
    said = [
        f"{words} {form[name]:g}"
        for name, words in (
            ("minimum", "at least"),
            ("exclusiveMinimum", "above"),
            ("maximum", "at most"),
            ("exclusiveMaximum", "below"),
        )
        if name in form
    ]
    return f"({', '.join(said)})" if said else ""


def draw(field: Field, value: Any, *, key: str, disabled: bool = False) -> Any:
    """The widget of a field.

    Args:
        field: What to set.
        value: What it shows at first.
        key: Unique on the page; a new key begins anew with `value`.
        disabled: Show, but do not let change.

    Returns:
        The value that was set.

    Raises:
        UsageError: If what was typed cannot be read at all.
    """
    return _WIDGETS[field.kind](field, value, {"key": key, "help": md_text(field.help), "disabled": disabled})


def _label(field: Field) -> str:
    return md_text(field.name.replace("_", " "))


def _choice(field: Field, value: Any, common: dict[str, Any]) -> Any:
    options = [*(["none"] if field.nullable else []), *field.options]
    shown = "none" if value is None else str(value)
    picked = st.selectbox(_label(field), options, index=options.index(shown) if shown in options else 0, **common)
    return None if picked == "none" and field.nullable else picked


def _switch(field: Field, value: Any, common: dict[str, Any]) -> Any:
    return st.checkbox(_label(field), value=bool(value), **common)


def _whole(field: Field, value: Any, common: dict[str, Any]) -> Any:
    given = None if value is None else int(value)
    placeholder = "none" if field.nullable else None
    return st.number_input(_label(field), value=given, step=1, format="%d", placeholder=placeholder, **common)


def _number(field: Field, value: Any, common: dict[str, Any]) -> Any:
    given = None if value is None else float(value)
    # A click on plus or minus moves a learning rate of 2e-5 by 1e-5, and a weight of 0.5 by 0.1.
    step = 10.0 ** math.floor(math.log10(abs(given))) if given else 0.1
    placeholder = "none" if field.nullable else None
    return st.number_input(_label(field), value=given, step=step, format="%g", placeholder=placeholder, **common)


def _text(field: Field, value: Any, common: dict[str, Any]) -> Any:
    placeholder = "none" if field.nullable else ""
    typed = st.text_input(_label(field), value=value or "", placeholder=placeholder, **common).strip()
    return typed or (None if field.nullable else typed)


def _numbers(field: Field, value: Any, common: dict[str, Any]) -> Any:
    shown = ", ".join(f"{each:g}" for each in value or ())
    return read_numbers(st.text_input(_label(field), value=shown, **common), field.name)


_WIDGETS: Final[Mapping[Kind, Callable[[Field, Any, dict[str, Any]], Any]]] = {
    "choice": _choice,
    "switch": _switch,
    "whole": _whole,
    "number": _number,
    "text": _text,
    "numbers": _numbers,
}


def read_numbers(text: str, name: str) -> list[float]:
    """Numbers parted by commas.

    Raises:
        UsageError: If one of them is none.
    """
    try:
        return [float(part) for part in text.replace(";", ",").split(",") if part.strip()]
    except ValueError as error:
        raise UsageError(f"{name}: numbers parted by commas are expected, such as 1, 5, 10.") from error


def same(one: Any, other: Any) -> bool:
    """Whether two values of a field are the same, be they whole numbers, lists or tuples."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    return bool(one == other)
