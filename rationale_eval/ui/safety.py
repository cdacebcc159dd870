"""The self-check at the top of `app.py`: a server that is set unsafely shows why, and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import streamlit as st

from rationale_eval.desk.settings import problems
from rationale_eval.ui import gate


def require() -> None:
    """Stops here if the server is set unsafely."""
    found = problems(_Settings(), login=gate.login_configured())
    if not found:
        return
    sys.stderr.write("".join(f"rationale-eval: {each}\n" for each in found))
    st.title("Not started")
    st.text("This server is set in a way that would let others in. Mend this and start it again:")
    st.text("\n".join(f"- {each}" for each in found))
    st.stop()


class _Settings(Mapping[str, Any]):
    """Streamlit's options in force."""

    def __getitem__(self, name: str) -> Any:
        return st.get_option(name)

    def __iter__(self) -> Any:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError
