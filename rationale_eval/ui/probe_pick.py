"""The row of pickers of Probe: which model, and which example; they stand in the address."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from rationale_eval.desk import choices, probing
from rationale_eval.desk.choices import Offer
from rationale_eval.desk.desk import Desk
from rationale_eval.desk.probing import TYPED, Found, Place
from rationale_eval.errors import RationaleEvalError
from rationale_eval.ui import page
from rationale_eval.ui.address import get, put

SUBJECT: Final = "probe"
"""The model's name in the address: `model` is what a training starts from."""

_ADOPTED: Final = "probe-adopted"
_KEY: Final = "probe-pick-"
_DEFAULT: Final = "bundled/nli"


@dataclass(frozen=True, slots=True)
class Picked:
    """What is probed.

    Args:
        model: Name of the model.
        place: Where the example comes from.
        found: The example; None while one is to be typed.
        run: The evaluation it was opened from, or None.
    """

    model: str
    place: Place
    found: Found | None
    run: str | None = None


def row(desk: Desk, offers: Sequence[Offer]) -> Picked | None:
    """Draws the pickers; None while there is nothing to show."""
    place = _adopt(desk)
    first, second, third, fourth = st.columns([4, 3, 2, 5])
    with first:
        model = _offer("Model", offers, SUBJECT)
    sets = [*choices.data_sets(desk), Offer(TYPED, "none: type an example")]
    if place is not None and all(each.value != place.data for each in sets):
        sets.insert(0, Offer(place.data, place.data, "of the evaluation"))
    with second:
        data = _offer("Data set", sets, "data", _DEFAULT)
    if data == TYPED:
        _leave(None)
        return Picked(model, Place(TYPED), None)
    try:
        with third:
            split = _select("Split", _splits(data), "split")
        here = Place(data, split, place.mapping if place is not None and place.data == data else ())
        _leave(here)
        with fourth:
            found = _example(here)
    except RationaleEvalError as error:
        page.problem(str(error))
        return None
    return Picked(model, here, found, get("run") if "run" in st.query_params else None)


def _adopt(desk: Desk) -> Place | None:
    """Takes over data and model of the evaluation that the address names, once, when it is opened."""
    run = str(st.query_params["run"]) if "run" in st.query_params else None
    known: tuple[str, Place] | None = st.session_state.get(_ADOPTED)
    if run is None or (known is not None and known[0] == run):
        return known[1] if known is not None and run is not None else None
    try:
        place, model = probing.of_evaluation(desk, run)
    except RationaleEvalError as error:
        page.problem(str(error))
        return None
    put(data=place.data, split=place.split, **({} if model is None else {SUBJECT: model}))
    for name in (SUBJECT, "data", "split", "example"):
        st.session_state.pop(_KEY + name, None)
    st.session_state[_ADOPTED] = (run, place)
    return place


def _leave(place: Place | None) -> None:
    """The address names the evaluation only while its data are shown; other pages remember it."""
    known: tuple[str, Place] | None = st.session_state.get(_ADOPTED)
    if known is not None and place != known[1]:
        st.session_state.pop(_ADOPTED)
        if "run" in st.query_params:
            del st.query_params["run"]


def _offer(label: str, offers: Sequence[Offer], name: str, default: str | None = None) -> str:
    by_value = {each.value: each for each in offers}

    def shown(value: str) -> str:
        each = by_value[value]
        return f"{each.label} ({each.about})" if each.about else each.label

    return _select(label, list(by_value), name, default, shown)


def _select(
    label: str, values: Sequence[str], name: str, default: str | None = None, shown: Callable[[str], str] = str
) -> str:
    """A picker whose value stands in the address."""
    key = _KEY + name
    if st.session_state.get(key) not in values:
        wanted = get(name)
        st.session_state[key] = wanted if wanted in values else default if default in values else values[0]
    picked = str(st.selectbox(label, values, format_func=shown, key=key))
    put(**{name: picked})
    return picked


def _example(place: Place) -> Found:
    offered = dict(_first(place))
    wanted = get("example")
    if wanted is not None and wanted not in offered:
        with suppress(RationaleEvalError):
            inputs = _found(place, wanted).example.inputs
            offered = {wanted: " / ".join(inputs.values())[:160]} | offered
    picked = _select("Example", list(offered), "example", None, lambda id: f"{id}: {offered[id]}")
    return _found(place, picked)


@st.cache_data(show_spinner=False, max_entries=50, ttl=600)
def _splits(data: str) -> list[str]:
    return probing.splits(data)


@st.cache_data(show_spinner="Reading the data set", max_entries=20, ttl=600)
def _first(place: Place) -> list[tuple[str, str]]:
    return probing.first_examples(place)


@st.cache_data(show_spinner="Looking for the example", max_entries=200, ttl=600)
def _found(place: Place, id: str) -> Found:
    return probing.find(place, id)


def asker(desk: Desk) -> Callable[[str, Any], Any]:
    """Asks the warm process; what was asked before, by whatever session, is not asked again."""

    def ask(verb: str, arguments: Any) -> Any:
        if verb in ("open_model", "simulate"):
            return desk.warm.call(verb, **arguments)
        stamp = probing.stamp(desk, arguments["model"])
        return _asked(desk, str(desk.workspace.path.absolute()), verb, json.dumps(arguments), stamp)

    return ask


@st.cache_data(show_spinner=False, max_entries=2000, ttl=3600)
def _asked(_desk: Desk, workspace: str, verb: str, arguments: str, stamp: str) -> Any:
    return _desk.warm.call(verb, **json.loads(arguments))


def models(desk: Desk) -> list[Offer]:
    """Models that can be probed."""
    return probing.models(desk)
