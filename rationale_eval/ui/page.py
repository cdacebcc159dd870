"""The frame of a page: its sentence, the badge of running jobs, errors as sentences, how to reproduce what it shows."""

from __future__ import annotations

import os
import secrets
import shlex
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import streamlit as st

from rationale_eval import durable
from rationale_eval.desk import settings
from rationale_eval.desk.access import Access
from rationale_eval.desk.desk import Desk
from rationale_eval.desk.warm.client import Warm
from rationale_eval.errors import RationaleEvalError
from rationale_eval.ui import address, gate
from rationale_eval.ui.numbers import count
from rationale_eval.ui.pages import facts, page
from rationale_eval.ui.text import md_text
from rationale_eval.workspace.runs import Workspace
from rationale_eval.workspace.status import PENDING

LOG: Final = "errors.log"
_BADGE_SECONDS: Final = 3.0
_SHOWN_FIRST: Final = 3.0
"""Seconds in which the first page has the processor to itself, before the warm process begins to load torch."""


@contextmanager
def frame(name: str) -> Iterator[Desk]:
    """The page around its own content; what goes wrong inside is shown as a sentence.

    Args:
        name: The page, see `pages.PAGES`.

    Yields:
        The desk: all that the page may do.
    """
    address.note_page(name)
    found, access = facts(name), gate.access()
    place = desk(access)
    left, right = st.columns([3, 2], vertical_alignment="top")
    with left:
        st.title(found.title, anchor=False)
        st.caption(found.sentence)
    with right:
        _badge(place)
    with told(place, name):
        yield place


@contextmanager
def told(place: Desk, name: str) -> Iterator[None]:
    """What goes wrong inside is shown as a sentence. A fragment that runs again by itself stands in one of its own.

    Args:
        place: The desk.
        name: The page.
    """
    try:
        yield
    except RationaleEvalError as error:
        problem(str(error))
    except Exception as error:  # noqa: BLE001 - the last stop before the reader; control flow of Streamlit is no Exception
        code = _log(place.workspace, name, error)
        problem(f"Something went wrong that should not have. Nothing was changed. The log has it under {code}.")


def desk(access: Access) -> Desk:
    """The desk of this session; the warm process is shared by all sessions of the server."""
    workspace = Workspace()
    return Desk(workspace, access, _warm(str(workspace.path.absolute())))


@st.cache_resource(show_spinner=False)
def _warm(workspace: str) -> Warm:
    warm = Warm(Path(workspace))
    if os.environ.get(settings.PRELOAD) != "0":
        warm.begin(_SHOWN_FIRST)
    return warm


@st.fragment(run_every=_BADGE_SECONDS)
def _badge(place: Desk) -> None:
    """Workspace and jobs, top right; looks again every few seconds by itself."""
    counts = {}
    if place.workspace.path.is_dir():
        live = place.runs(states=PENDING)
        counts = {state: sum(each.row.state == state for each in live) for state in PENDING}
    working, waiting = counts.get("running", 0) + counts.get("starting", 0), counts.get("queued", 0)
    trouble = place.look_after_queue() if waiting else None
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        if place.access.read_only:
            st.badge("read-only", icon=":material/visibility:", color="gray")
        st.caption(md_text(place.workspace.path.name), width="content")
        if working or waiting:
            st.page_link(
                page("home"),
                label=f"{count(working, 'job')} running" + (f", {waiting} waiting" if waiting else ""),
                icon=":material/progress_activity:",
            )
    if trouble is not None:
        st.caption(md_text(f"The queue stands still: {trouble}"))


def problem(sentence: str) -> None:
    """What went wrong and what to do, as text."""
    st.error(md_text(sentence, cap=2000), icon=":material/error:")


def empty(title: str, teaches: str) -> None:
    """Nothing here yet: what would be shown. Put the one button that changes that below it."""
    with st.container(border=True):
        st.subheader(title, anchor=False)
        st.caption(teaches)


def reproduce(*words: str, note: str | None = None) -> None:
    """At the bottom of a page: the command that does the same.

    Args:
        words: Words of the command after `rationale-eval`; spelled for a shell here.
        note: A sentence about it, of our own.
    """
    command(shlex.join(["rationale-eval", *words]), note=note)


def command(line: str, *, note: str | None = None, python: bool = False) -> None:
    """At the bottom of a page: a command that was recorded as it is, with a button that copies it.

    Args:
        line: A line for a shell, or a script.
        note: A sentence about it, of our own.
        python: It is a script.
    """
    with st.expander("Reproduce this in Python" if python else "Reproduce this", icon=":material/terminal:"):
        if note:
            st.caption(note)
        st.code(line, language="python" if python else "bash", wrap_lines=True)


def _log(workspace: Workspace, name: str, error: Exception) -> str:
    code = f"E-{secrets.token_hex(3)}"
    lines = [f"== {datetime.now(UTC).isoformat(timespec='seconds')} page {name} {code}\n"]
    try:
        durable.make_folder(workspace.path, 0o700)
        with open(workspace.path / LOG, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines([*lines, *traceback.format_exception(error)])
    except OSError:
        return "no code, for it could not be written"
    return code
