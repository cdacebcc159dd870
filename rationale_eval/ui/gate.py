"""Who gets in: everyone where no login is configured (this machine only), else those on the list.

`.streamlit/secrets.toml` holds the `[auth]` section of Streamlit's OpenID Connect login and

    [access]
    emails = ["someone@example.org"]
    read_only = ["guest@example.org"]   # may look and not change
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import streamlit as st

from rationale_eval.desk.access import Access
from rationale_eval.ui.text import md_text

_MARK: Final = "gate"


def login_configured() -> bool:
    """Whether a login and a list of those who may enter are configured."""
    return bool(_secrets("auth")) and bool(_secrets("access").get("emails"))


def require() -> None:
    """Lets the session in and marks it, or shows what is missing and stops."""
    if not _secrets("auth"):
        st.session_state[_MARK] = Access.of_environment()
        return
    allowed = {str(each).lower() for each in _secrets("access").get("emails", ())}
    looking = {str(each).lower() for each in _secrets("access").get("read_only", ())}
    if not allowed | looking:
        _refuse("A login is configured, but nobody is on its list: add [access] with `emails` to the secrets file.")
    if not st.user.is_logged_in:
        st.title("rationale_eval")
        st.text("This dashboard is shared. Log in to see it.")
        st.button("Log in", on_click=st.login, type="primary")
        st.stop()
    email = str(st.user.get("email") or "").lower()
    verified = st.user.get("email_verified", True)
    if email not in allowed | looking or verified is False:
        st.session_state.pop(_MARK, None)
        st.title("rationale_eval")
        st.text("This account is not on the list of those who may enter. Ask the person who runs the dashboard.")
        st.caption(md_text(email))
        st.button("Log out", on_click=st.logout)
        st.stop()
    access = Access.of_environment()
    st.session_state[_MARK] = replace(access, user=email, read_only=access.read_only or email not in allowed)


def access() -> Access:
    """What this session may do; a page that was reached around the gate shows a way back and stops."""
    found = st.session_state.get(_MARK)
    if not isinstance(found, Access):
        st.text("This page is part of the dashboard and opens there.")
        st.link_button("Open the dashboard", "/")
        st.stop()
    assert isinstance(found, Access)
    return found


def _refuse(sentence: str) -> None:
    st.title("rationale_eval")
    st.text(sentence)
    st.stop()


def _secrets(section: str) -> Mapping[str, Any]:
    try:
        return dict(st.secrets.get(section, {}))
    except FileNotFoundError:
        return {}
