"""Who gets in: everyone where no login is configured (this machine only), else those on the list.

`.streamlit/secrets.toml` holds the `[auth]` section of Streamlit's OpenID Connect login and

    [access]
    emails = ["someone@example.org"]
    read_only = ["guest@example.org"]   # may look and not change
    unverified = false                  # true: trust addresses that the provider does not call verified
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import streamlit as st

from rationale_eval.desk.access import Access
from rationale_eval.desk.settings import is_login
from rationale_eval.ui import crowd
from rationale_eval.ui.text import md_text

_MARK: Final = "gate"


def login_configured() -> bool:
    """Whether a login and a list of those who may enter are configured."""
    return is_login(_secrets("auth"), _secrets("access"))


def require() -> None:
    """Lets the session in and marks it, or shows what is missing and stops."""
    st.session_state.pop(_MARK, None)
    crowd.require()
    if not _secrets("auth"):
        st.session_state[_MARK] = Access.of_environment()
        return
    allowed, looking = _listed("emails"), _listed("read_only")
    if not allowed | looking:
        _refuse("A login is configured, but nobody is on its list: add [access] with `emails` to the secrets file.")
    if not st.user.is_logged_in:
        st.title("rationale_eval")
        st.text("This dashboard is shared. Log in to see it.")
        st.button("Log in", on_click=st.login, type="primary")
        st.stop()
    email = _plain(st.user.get("email") or "")
    # Without the provider's word for it, anybody may have typed the address into an account of their own.
    verified = st.user.get("email_verified") in (True, "true") or _secrets("access").get("unverified") is True
    if email not in allowed | looking or not verified:
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


def _listed(name: str) -> set[str]:
    given = _secrets("access").get(name) or ()
    return {_plain(each) for each in ([given] if isinstance(given, str) else given)} - {""}


def _plain(email: object) -> str:
    """An address as it is compared. Letters beyond ASCII stay as they are, for some of them are lowered to ASCII."""
    text = str(email).strip()
    return text.lower() if text.isascii() else text


def _secrets(section: str) -> Mapping[str, Any]:
    try:
        return dict(st.secrets.get(section, {}))
    except FileNotFoundError:
        return {}
