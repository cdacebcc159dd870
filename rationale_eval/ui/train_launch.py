"""Beside the steps: what the training will take, how many of it, and the button that starts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from rationale_eval.desk.desk import Desk
from rationale_eval.desk.estimate import Estimate, from_runs, measurements
from rationale_eval.desk.recipes import RecipeFacts
from rationale_eval.desk.training import Asked, launch, launch_many
from rationale_eval.errors import RationaleEvalError, UsageError
from rationale_eval.ui import forms, page
from rationale_eval.ui.address import open_run
from rationale_eval.ui.numbers import count, duration, size
from rationale_eval.ui.text import md_text
from rationale_eval.verbs.jobs import read_job


def panel(desk: Desk, asked: Asked, kind: RecipeFacts) -> None:
    """The box beside the steps."""
    with st.container(border=True):
        st.subheader(md_text(f"{asked.recipe}"), anchor=False)
        st.caption(md_text(kind.cite))
        problem = _problem(desk, asked)
        if problem is not None:
            page.problem(problem)
        if problem is None:
            _estimate(desk, asked, kind)
        seeds, grid = _several(asked, kind)
        number = len(seeds) * _product(grid)
        label = "Launch" if number == 1 else f"Launch {number} trainings"
        pressed = st.button(
            label,
            type="primary",
            icon=":material/rocket_launch:",
            key="launch",
            width="stretch",
            disabled=desk.access.read_only or problem is not None or number == 0,
        )
        if desk.access.read_only:
            st.caption("This dashboard is read-only.")
    if pressed:
        _start(desk, asked, seeds, grid)


def _estimate(desk: Desk, asked: Asked, kind: RecipeFacts) -> None:
    config = kind.defaults | dict(asked.config)
    kept = measurements(desk)
    measured = kept.found(asked, config)
    found = from_runs(desk, asked, config) or measured
    if found is not None:
        _shown(found, measured)
        return
    if kept.busy:
        _waiting(desk)
        return
    if (why := kept.problem(asked, config)) is not None:
        page.problem(why)
    st.caption("How long it will take is not known: no run here was like it.")
    if st.button(
        "Measure a few steps",
        icon=":material/timer:",
        key="measure",
        width="stretch",
        disabled=desk.access.read_only,
        help="In a process of its own, for half a minute or so; nothing is kept but the numbers.",
    ):
        kept.begin(desk, asked, config)
        st.rerun()


@st.fragment(run_every=1.0)
def _waiting(desk: Desk) -> None:
    if not measurements(desk).busy:
        st.rerun()
    st.caption(":material/progress_activity: Measuring a few steps; this takes about half a minute.")


def _shown(found: Estimate, measured: Estimate | None) -> None:
    memory = found.memory or (measured.memory if measured else None)
    most = found.while_training or (measured.while_training if measured else None)
    rows = [
        ("Time", "not known" if found.seconds is None else f"about {duration(found.seconds)}"),
        ("Steps", "not known" if found.steps is None else f"{found.steps:,}"),
        ("Memory", "not measured" if memory is None else size(memory)),
        ("Disk", "not measured" if found.disk is None else size(found.disk)),
    ]
    for name, value in rows:
        with st.container(horizontal=True, horizontal_alignment="distribute", gap="small"):
            st.markdown(name, width="content")
            st.markdown(f"**{md_text(value)}**", width="content")
    st.caption(md_text(found.basis + (f" While it trains, up to {size(most)} of the disk." if most else ""), cap=600))


def reproduce(asked: Asked) -> None:
    """The command that trains the same."""
    command = read_job(asked.job()).command()
    if command is not None:
        page.command(command)


def _start(desk: Desk, asked: Asked, seeds: Sequence[int], grid: Mapping[str, Sequence[Any]]) -> None:
    with st.spinner("Checking the data and the settings"):
        if len(seeds) * _product(grid) == 1 and not grid:
            run = launch(desk, _with_seed(asked, seeds[0]))
            open_run(run.id)
        group, members = launch_many(desk, asked, seeds, grid)
    events = [event for _, event in members]
    st.success(
        md_text(
            f"Group {group}: "
            + ", ".join(f"{events.count(event)} {event.removeprefix('is ')}" for event in dict.fromkeys(events))
        )
    )


def _with_seed(asked: Asked, seed: int) -> Asked:
    return Asked(asked.recipe, asked.data, asked.model, asked.config, asked.limit, asked.drawn, asked.dev_limit, seed)


def _problem(desk: Desk, asked: Asked) -> str | None:
    """The recipe's own sentence about settings that cannot be; None also while nobody can be asked."""
    if not desk.warm.ready:
        return None
    try:
        desk.warm.call("settings", recipe=asked.recipe, config=dict(asked.config))
    except UsageError as error:
        return str(error)
    except RationaleEvalError:
        return None  # asked again when it is launched
    return None


def _several(asked: Asked, kind: RecipeFacts) -> tuple[list[int], dict[str, list[Any]]]:
    with st.expander("Several seeds, or a grid"):
        number = st.number_input(
            "Seeds",
            value=1,
            min_value=1,
            max_value=100,
            step=1,
            key="seeds",
            help=f"How many, from {asked.seed:d} on. Several tell what is chance.",
        )
        known = forms.fields(kind.schema)
        single = [name for name, field in known.items() if field.kind != "numbers"]
        names = st.multiselect(
            "Try several values of", single, key=f"grid-{kind.name}", placeholder="a setting", max_selections=4
        )
        grid: dict[str, list[Any]] = {}
        for name in names:
            text = st.text_input(
                md_text(name),
                key=f"grid-{kind.name}-{name}",
                placeholder="values parted by commas",
                help=md_text(known[name].help),
            )
            grid[name] = _values(known[name], text)
        size = _product(grid)
        if grid and size:
            st.caption(f"{count(size, 'configuration')}, each with {count(int(number), 'seed')}; one group.")
    return list(range(asked.seed, asked.seed + int(number))), grid


def _values(field: forms.Field, text: str) -> list[Any]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if field.kind == "whole":
        return [int(part) if part.lstrip("-").isdigit() else part for part in parts]
    if field.kind == "number":
        return [_number(part) for part in parts]
    if field.kind == "switch":
        return [part.lower() in ("true", "yes", "1") for part in parts]
    return [None if field.nullable and part.lower() == "none" else part for part in parts]


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _product(grid: Mapping[str, Sequence[Any]]) -> int:
    total = 1
    for values in grid.values():
        total *= len(values)
    return total
