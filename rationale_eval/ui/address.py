"""The address of a view: what is shown stands in the URL, so that it can be shared, and is remembered across pages.

A picker reads its value from the URL, else from what was picked last in this session, else from its default; and writes
it back to both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

MOST: Final = 2000
"""Characters of one value that are read from a URL; a longer one is not ours."""

_REMEMBERED: Final = "remembered"
_PAGE: Final = "page shown"
_NEW: Final = "new address"


def note_page(name: str) -> None:
    """Says which page is drawn; before it is drawn."""
    here = get_script_run_ctx()
    went_back = here is not None and here.is_history_navigation
    if st.session_state.get(_PAGE) != name or went_back:
        st.session_state[_NEW] = True
    st.session_state[_PAGE] = name


def is_new() -> bool:
    """Whether the URL was not written by this view: the page was just opened, or the browser went back or forward.

    True once. Otherwise what the browser tells may be behind what the server wrote, by as many steps as one is quick.
    """
    return bool(st.session_state.pop(_NEW, False))


def get(name: str, default: str | None = None) -> str | None:
    """A value of the view, by its name in the URL."""
    if name in st.query_params:
        return str(st.query_params[name])[:MOST]
    found = st.session_state.get(_REMEMBERED, {}).get(name, default)
    return found if found is None or isinstance(found, str) else default


def get_all(name: str, default: Sequence[str] = ()) -> list[str]:
    """A list of values; in the URL the name stands once for each."""
    if name in st.query_params:
        return [str(value)[:MOST] for value in st.query_params.get_all(name)]
    found = st.session_state.get(_REMEMBERED, {}).get(name, list(default))
    return list(found) if isinstance(found, list | tuple) else list(default)


def put(**values: str | int | Sequence[str] | None) -> None:
    """Writes values into the URL and remembers them for the other pages; None removes one."""
    remembered = st.session_state.setdefault(_REMEMBERED, {})
    for name, value in values.items():
        if value is None or value == []:
            remembered.pop(name, None)
            if name in st.query_params:
                del st.query_params[name]
            continue
        plain: str | list[str] = list(value) if isinstance(value, list | tuple) else str(value)
        remembered[name] = plain
        if st.query_params.get_all(name) != (plain if isinstance(plain, list) else [plain]):
            st.query_params[name] = plain


def open_page(name: str, **values: str | int | Sequence[str] | None) -> None:
    """Goes to another page with its view set; see `pages.PAGES` for names. Does not return."""
    from rationale_eval.ui.pages import page

    given: dict[str, Any] = {
        key: list(value) if isinstance(value, list | tuple) else str(value)
        for key, value in values.items()
        if value is not None
    }
    st.session_state.setdefault(_REMEMBERED, {}).update(given)
    st.switch_page(page(name), query_params=given)


def open_run(id: str | None) -> None:
    """Goes to a run's own view on the page Train; None goes back to all runs. Does not return.

    Its id is not remembered for other pages, where `run` is an evaluation.
    """
    from rationale_eval.ui.pages import page

    st.switch_page(page("train"), query_params={} if id is None else {"run": id})


def opened_run() -> str | None:
    """The run whose own view the URL names."""
    return str(st.query_params["run"])[:MOST] if "run" in st.query_params else None
