"""Pages run by Streamlit's own tester: with the warm process's verbs in this process, and without workers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from rationale_eval.desk import workers
from rationale_eval.desk.access import READ_ONLY
from rationale_eval.desk.warm.verbs import VERBS
from rationale_eval.ui import page
from rationale_eval.workspace.runs import ENVIRONMENT, Workspace

ROOT = Path(__file__).resolve().parents[2]


class Near:
    """Stands for the warm process: the same verbs, here.

    Args:
        workspace: Its workspace.
        ready: Whether it has started already; otherwise a question to it is an error of the page.
    """

    def __init__(self, workspace: Path, *, ready: bool = True):
        self.workspace, self.ready = Workspace(workspace), ready
        self.asked: list[str] = []
        self.begun = 0
        self.trouble: str | None = None

    def call(self, verb: str, *, timeout: float | None = None, **arguments: Any) -> Any:
        assert self.ready, f"{verb} was asked of a process that is still starting"
        self.asked.append(verb)
        return VERBS[verb](self.workspace, **arguments)

    def begin(self) -> None:
        """It begins when the test says so."""
        self.begun += 1


def opened(
    name: str,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    ready: bool = True,
    read_only: bool = False,
    **query: str | list[str],
) -> AppTest:
    """A page after its first run.

    Args:
        name: The page.
        workspace: Its workspace.
        monkeypatch: Of the test.
        ready: See `Near`.
        read_only: As the operator may start the dashboard.
        query: The address.
    """
    monkeypatch.setenv(ENVIRONMENT, str(workspace))
    monkeypatch.setenv(READ_ONLY, "1" if read_only else "")
    near = Near(workspace, ready=ready)
    monkeypatch.setattr(page, "_warm", lambda workspace: near)
    monkeypatch.setattr(workers.Worker, "ensure", lambda self: None)
    monkeypatch.setattr(workers.Worker, "look_after", lambda self: None)
    st.cache_data.clear()
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.run()
    for key, value in query.items():
        app.query_params[key] = value
    app.switch_page(f"pages/{name}_page.py").run()
    assert not app.exception
    return app


def texts(app: AppTest) -> str:
    """All words of a page, without the marks of Markdown."""
    kinds = (app.markdown, app.caption, app.error, app.warning, app.success, app.subheader, app.text, app.code)
    found = [str(each.value) for kind in kinds for each in kind]
    found += [str(each.proto.body) for each in app.get("html")]
    return "\n".join(found).replace("\\", "")
