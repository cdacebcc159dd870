"""The three steps of a new training: what, on what, how; and beside them what it will take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from rationale_eval.desk import choices
from rationale_eval.desk.choices import Offer
from rationale_eval.desk.desk import Desk
from rationale_eval.desk.presets import DEV_LIMIT, PRESETS, Preset, preset
from rationale_eval.desk.recipes import RecipeFacts, recipes
from rationale_eval.desk.training import Asked
from rationale_eval.errors import RationaleEvalError, UsageError
from rationale_eval.ui import forms, page
from rationale_eval.ui.address import get, put
from rationale_eval.ui.text import html_text, md_text

ALWAYS_SHOWN: Final = ("epochs", "lr", "batch_size")
OWN_SHOWN: Final = 2
HIDDEN: Final = frozenset({"metric"})
"""Own knobs that are not among the first shown: which dev metric selects is rarely the first thing to change."""

_CHECKING: Final = 0.7
FIRST: Final = "unirex"
_ACROSS: Final = 3


@dataclass(frozen=True, slots=True)
class Given:
    """What the form starts from.

    Args:
        token: Changes whenever the form is to begin anew.
        size: Its preset.
        config: Knobs, all of them.
        limit: Training examples.
        dev_limit: Development examples.
        seed: The seed.
    """

    token: str
    size: Preset
    config: Mapping[str, Any]
    limit: int | None
    dev_limit: int | None
    seed: int = 0


def steps(desk: Desk) -> tuple[Asked, RecipeFacts] | None:
    """Draws the steps; returns what is asked for, or None while it cannot be said."""
    known = recipes(desk)
    if known is None:
        _starting(desk)
        return None
    source = _retried(desk)
    first, second, third = st.container(), st.container(), st.container()
    with second:
        data, model = _on_what(desk, source)
    with first:
        kind = _what(desk, known, data, model)
    if kind is None:
        return None
    with third:
        return _how(kind, data, model, source)


@st.fragment(run_every=_CHECKING)
def _starting(desk: Desk) -> None:
    """While the recipes are read for the first time."""
    _awaited(desk)
    for title in ("1. What", "2. On what", "3. How"):
        st.subheader(title, anchor=False)
        with st.container(border=True):
            st.caption(":material/progress_activity: Reading the recipes; after a start this takes 10 to 20 seconds.")


def _retried(desk: Desk) -> dict[str, Any] | None:
    """The record of the training that is to be tried again with changes, if the address names one."""
    id = get("again") if "again" in st.query_params else None
    if id is None:
        return None
    try:
        run = desk.run(id)
        if run.kind != "train":
            raise UsageError(f"run {run.id} is no training.")
        return {"id": run.id, **run.config}
    except RationaleEvalError as error:
        page.problem(str(error))
        return None


def _on_what(desk: Desk, source: Mapping[str, Any] | None) -> tuple[str, str]:
    st.subheader("2. On what", anchor=False)
    left, right = st.columns(2)
    with left:
        data = _pick("Data set", choices.data_sets(desk), "data", None if source is None else source["data"])
    with right:
        model = _pick("Start from", choices.models(desk), "model", None if source is None else source["model"])
    return data, model


def _pick(label: str, offers: Sequence[Offer], name: str, first: str | None) -> str:
    by_value = {each.value: each for each in offers}
    wanted = first if first in by_value else get(name)
    values = list(by_value)
    if first is not None and first not in by_value:
        st.caption(md_text(f"{first} is not offered here any more."))

    def shown(value: str) -> str:
        each = by_value[value]
        return each.label + (f" ({each.about})" if each.about else "")

    picked = st.selectbox(
        label,
        values,
        index=values.index(wanted) if wanted in by_value else 0,
        format_func=shown,
        key=f"train-{name}-{first}",
    )
    put(**{name: picked})
    return str(picked)


@st.cache_data(show_spinner=False, max_entries=200, ttl=600)
def _fits(_desk: Desk, workspace: str, data: str, model: str) -> dict[str, Any]:
    found: dict[str, Any] = _desk.warm.call("compatible", data=data, model=model)
    return found


def _what(desk: Desk, known: Sequence[RecipeFacts], data: str, model: str) -> RecipeFacts | None:
    st.subheader("1. What", anchor=False)
    if not desk.warm.ready:
        _checking(desk)
        fits: Mapping[str, Any] = {"problem": None, "reasons": {}}
    else:
        fits = _fits(desk, str(desk.workspace.path.absolute()), data, model)
    if fits["problem"]:
        page.problem(fits["problem"])
        return None
    reasons = fits["reasons"]
    names = [each.name for each in known]
    wanted = get("recipe", FIRST)
    if wanted not in names or reasons.get(wanted):
        wanted = next((name for name in names if not reasons.get(name)), None)
    fitting = [each for each in known if not reasons.get(each.name)]
    others = [each for each in known if reasons.get(each.name)]
    if wanted is None:
        page.problem("No recipe fits this data set and this model; pick others above. The reasons stand below.")
    else:
        _cards(fitting, wanted)
    if others:
        with st.expander(f"{len(others)} more recipes do not fit, and why", expanded=wanted is None):
            for each in others:
                st.html(_REFUSED.format(html_text(each.name), html_text(each.title), html_text(reasons[each.name])))
    return next((each for each in known if each.name == wanted), None)


_REFUSED: Final = (
    '<div style="opacity:.75;padding:.2rem 0"><code>{0}</code> {1}<br><small>does not fit: {2}</small></div>'
)


@st.fragment(run_every=_CHECKING)
def _checking(desk: Desk) -> None:
    _awaited(desk)
    st.caption("Finding out which recipes fit; this takes a few seconds after the start.")


def _awaited(desk: Desk) -> None:
    """Draws the page again once the models are there; has them start where they are not, and says what hinders."""
    if desk.warm.ready:
        st.rerun()
    desk.warm.begin()
    if desk.warm.trouble is not None:
        page.problem(desk.warm.trouble)


def _cards(fitting: Sequence[RecipeFacts], wanted: str) -> None:
    for start in range(0, len(fitting), _ACROSS):
        columns = st.columns(_ACROSS)
        for column, each in zip(columns, fitting[start : start + _ACROSS], strict=False):
            with column, st.container(border=True, height="stretch", gap="small"):
                chosen = each.name == wanted
                st.button(
                    md_text(each.name),
                    key=f"recipe-{each.name}",
                    type="primary" if chosen else "secondary",
                    icon=":material/check:" if chosen else None,
                    width="stretch",
                    on_click=_choose,
                    args=(each.name,),
                )
                st.caption(md_text(each.title))


def _choose(name: str) -> None:
    put(recipe=name)


def _how(kind: RecipeFacts, data: str, model: str, source: Mapping[str, Any] | None) -> tuple[Asked, RecipeFacts]:
    st.subheader("3. How", anchor=False)
    given = _given(kind, source)
    known = forms.fields(kind.schema)
    key = f"{kind.name}-{given.token}"
    limit, dev_limit, seed, drawn = _amount(given, key)
    values = _knobs(kind, known, given.config, key)
    defaults = kind.defaults
    config = {name: value for name, value in values.items() if not forms.same(value, defaults[name])}
    return Asked(kind.name, data, model, config, limit, drawn, dev_limit, seed), kind


def _given(kind: RecipeFacts, source: Mapping[str, Any] | None) -> Given:
    names = [each.name for each in PRESETS]
    if source is not None and source["recipe"] == kind.name:
        st.caption(md_text(f"Settings of run {source['id']}; change what you like."))
        config = kind.defaults | dict(source["config"])
        limit = source["limit"] or source["sample"]
        return Given(f"again-{source['id']}", PRESETS[-1], config, limit, source["dev_limit"], source["seed"])
    chosen = preset(get("preset"))
    picked = st.segmented_control(
        "Size",
        names,
        default=chosen.name,
        format_func=lambda name: md_text(preset(name).title),
        key="train-preset",
        label_visibility="collapsed",
    )
    size = preset(picked)
    put(preset=size.name)
    st.caption(md_text(size.about))
    return Given(size.name, size, kind.defaults | size.config(kind.defaults), size.limit, size.dev_limit)


def _amount(given: Given, key: str) -> tuple[int | None, int | None, int, bool]:
    columns = st.columns(3)
    with columns[0]:
        limit = st.number_input(
            "Training examples",
            value=given.limit,
            min_value=1,
            step=100,
            placeholder="all",
            key=f"limit-{key}",
            help="Learn from at most so many; empty for all.",
        )
    with columns[1]:
        dev = st.number_input(
            "Development examples",
            value=given.dev_limit or DEV_LIMIT,
            min_value=1,
            step=100,
            key=f"dev-{key}",
            help="They select the weights and are never trained on.",
        )
    with columns[2]:
        seed = st.number_input(
            "Seed", value=given.seed, min_value=0, step=1, key=f"seed-{key}", help="Where all chance starts from."
        )
    drawn = limit is not None and st.checkbox(
        "Draw the training examples at random",
        key=f"drawn-{key}",
        help="Otherwise the first ones are taken. Drawing reads the whole set.",
    )
    return limit, dev, int(seed), bool(drawn)


def _knobs(kind: RecipeFacts, known: Mapping[str, forms.Field], config: Mapping[str, Any], key: str) -> dict[str, Any]:
    own = [name for name in kind.own if name not in HIDDEN]
    first = [*own[:OWN_SHOWN], *ALWAYS_SHOWN]
    values: dict[str, Any] = {}
    _grid(first, known, config, key, values)
    rest = [name for name in own if name not in first]
    others = [name for name in known if name not in first and name not in rest]
    with st.expander(f"More settings ({len(rest) + len(others)})"):
        if rest:
            st.caption(md_text(f"Of {kind.name}"))
            _grid(rest, known, config, key, values)
        st.caption("Of every training")
        _grid(others, known, config, key, values)
    return values


def _grid(
    names: Sequence[str],
    known: Mapping[str, forms.Field],
    config: Mapping[str, Any],
    key: str,
    values: dict[str, Any],
) -> None:
    width = 3
    for start in range(0, len(names), width):
        for column, name in zip(
            st.columns(width, vertical_alignment="bottom"), names[start : start + width], strict=False
        ):
            with column:
                try:
                    values[name] = forms.draw(known[name], config.get(name), key=f"{key}-{name}")
                except UsageError as error:
                    page.problem(str(error))
                    values[name] = config.get(name)
