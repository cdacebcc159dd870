"""How the dashboard's server must be set: private, whatever a configuration file or variable says."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rationale_eval.errors import UsageError

LOCAL: Final = ("localhost", "127.0.0.1")
ORIGINS: Final = ("http://localhost", "http://127.0.0.1")
UPLOAD_MB: Final = 50

SETTINGS: Final[Mapping[str, Any]] = {
    "server.address": "127.0.0.1",
    "server.allowedHosts": LOCAL,
    "server.enableCORS": True,
    "server.enableXsrfProtection": True,
    "server.enableAgentApi": False,
    "server.headless": True,
    "server.maxUploadSize": UPLOAD_MB,
    "server.fileWatcherType": "none",
    "server.showEmailPrompt": False,
    "browser.gatherUsageStats": False,
    # Streamlit's own hosting may steer a page that it shows in a frame; nobody else's needs to.
    "client.allowedOrigins": ORIGINS,
    # A table's own button writes CSV that a spreadsheet may run; `ui/downloads.py` does not.
    "client.disableDataExport": True,
    "client.showErrorDetails": "none",
    "client.showErrorLinks": False,
    "client.toolbarMode": "minimal",
    "runner.magicEnabled": False,
    # A whole collection after every run of a script holds all other sessions up. Python's own collector goes
    # on.
    "runner.postScriptGC": False,
}
"""Streamlit's options and their values; `.streamlit/config.toml` holds the same for a start by hand."""

SHARED: Final = "RATIONALE_EVAL_SHARED"
"""Set by `ui --share`: the server may listen beyond this machine, and then a login is required."""

PRELOAD: Final = "RATIONALE_EVAL_PRELOAD"
"""Set by `ui`: "0" where the warm process begins only when a page needs it."""


def flags(settings: Mapping[str, Any]) -> list[str]:
    """Settings as words of Streamlit's command line."""
    words: list[str] = []
    for name, value in settings.items():
        for each in value if isinstance(value, list | tuple) else (value,):
            words += [f"--{name}", str(each).lower() if isinstance(each, bool) else str(each)]
    return words


def problems(get: Mapping[str, Any], *, login: bool) -> list[str]:
    """What is unsafe in the settings a server runs with.

    Args:
        get: The settings in force, by Streamlit's names.
        login: Whether a login with an allow-list is configured.

    Returns:
        One sentence each, with the way to mend it; empty when all is well.
    """
    found: list[str] = []
    address, hosts = get.get("server.address"), [str(host) for host in get.get("server.allowedHosts") or ()]
    shared = bool(os.environ.get(SHARED))
    if address not in LOCAL and not shared:
        found.append(
            f"the server listens on {address or 'all addresses'}; start it with `rationale-eval ui`, or with "
            "`rationale-eval ui --share` where a login is configured"
        )
    if shared and not login:
        found.append("a shared dashboard needs a login; see docs/dashboard.md, section Sharing")
    if not hosts or any("*" in host for host in hosts):
        found.append("server.allowedHosts must list the host names of the dashboard, without wildcards")
    elif not shared and set(hosts) - set(LOCAL):
        found.append("server.allowedHosts names other hosts; that is for `rationale-eval ui --share`, with a login")
    if get.get("server.corsAllowedOrigins") or set(get.get("client.allowedOrigins") or ()) - set(ORIGINS):
        found.append("server.corsAllowedOrigins and client.allowedOrigins let other sites in; leave them as they are")
    if not isinstance(most := get.get("server.maxUploadSize"), int | float) or not 0 < most <= UPLOAD_MB:
        found.append(f"server.maxUploadSize must be at most {UPLOAD_MB}")
    for name in ("server.enableCORS", "server.enableXsrfProtection"):
        if not get.get(name):
            found.append(f"{name} is off; leave it on")
    if get.get("server.trustedUserHeaders"):
        found.append("server.trustedUserHeaders lets a request name its own user; unset it")
    if get.get("server.enableAgentApi"):
        found.append("server.enableAgentApi opens the pages to programs; leave it off")
    if get.get("server.enableStaticServing"):
        found.append("server.enableStaticServing serves files as pages; leave it off")
    if get.get("runner.magicEnabled") or get.get("global.developmentMode"):
        found.append("runner.magicEnabled and global.developmentMode are for developers; leave them off")
    if get.get("client.showErrorDetails") not in ("none", False):
        found.append("client.showErrorDetails must be none: an error's text may hold what a data file says")
    return found


def is_login(auth: Mapping[str, Any] | None, access: Mapping[str, Any] | None) -> bool:
    """Whether a login and a list of those who may enter are configured, from two sections of the secrets file."""
    return bool(auth) and any((access or {}).get(name) for name in ("emails", "read_only"))


def require_shareable(hosts: Sequence[str], *, login: bool) -> None:
    """Refuses to share a dashboard without a login and a list of its host names.

    Raises:
        UsageError: What is missing.
    """
    if not login:
        raise UsageError(
            "--share needs a login: [auth], and [access] with `emails`, in .streamlit/secrets.toml; "
            "see docs/dashboard.md, section Sharing"
        )
    if not hosts or any("*" in host for host in hosts):
        raise UsageError("--share needs the host names under which the dashboard is reached: --host NAME")
