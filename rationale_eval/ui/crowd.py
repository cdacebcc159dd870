"""How many may look at once: each open page takes memory of the server, so a crowd is held to a number (S20)."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Final

import streamlit as st
from streamlit.runtime import Runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from rationale_eval.desk.access import SESSIONS
from rationale_eval.ui.numbers import count

MOST: Final = 100


class Crowd:
    """The sessions that were let in and are still there.

    Args:
        most: How many may be in.
        connected: Whether a session still has its browser.
    """

    def __init__(self, most: int, connected: Callable[[str], bool]):
        self.most, self._connected = most, connected
        self._inside: set[str] = set()
        self._lock = threading.Lock()

    def admit(self, session: str) -> bool:
        """Lets a session in, or keeps it in; False where the house is full."""
        with self._lock:
            if session in self._inside:
                return True
            if len(self._inside) >= self.most:
                self._inside = {each for each in self._inside if self._connected(each)}
            if len(self._inside) >= self.most:
                return False
            self._inside.add(session)
            return True


def require() -> None:
    """Lets this session in, or says that there is no room and stops."""
    here, crowd = get_script_run_ctx(), _crowd(_most())
    if here is not None and not crowd.admit(here.session_id):
        st.title("rationale_eval")
        st.text(
            f"This dashboard is full: {count(crowd.most, 'page')} of it open. Close one and load this page again, "
            "or ask the person who runs it to start it with a higher --sessions."
        )
        st.stop()


def _most() -> int:
    given = os.environ.get(SESSIONS, "")
    return max(1, int(given)) if given.isdigit() else MOST


@st.cache_resource(show_spinner=False)
def _crowd(most: int) -> Crowd:
    return Crowd(most, Runtime.instance().is_active_session)
