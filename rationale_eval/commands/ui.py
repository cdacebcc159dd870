"""`rationale-eval ui`: the dashboard."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from rationale_eval.commands.options import Workspace
from rationale_eval.commands.output import say


def ui(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")] = 8501,
    root: Annotated[
        list[Path] | None,
        typer.Option(
            "--root",
            help="A folder whose data sets and models may be picked on the pages; may be given several times.",
            show_default=False,
            metavar="FOLDER",
        ),
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Show everything, change nothing.")] = False,
    sessions: Annotated[
        int, typer.Option("--sessions", min=1, max=10_000, help="How many pages may be open at once.")
    ] = 100,
    share: Annotated[
        bool, typer.Option("--share", help="Listen beyond this machine; needs a login and --host.")
    ] = False,
    host: Annotated[
        list[str] | None,
        typer.Option("--host", help="A name under which a shared dashboard is reached.", show_default=False),
    ] = None,
    preload: Annotated[
        bool,
        typer.Option(
            "--preload/--no-preload",
            help="Load what models need right after the first page, or only when a page asks; that saves memory.",
        ),
    ] = True,
    browser: Annotated[
        bool | None,
        typer.Option(
            "--browser/--no-browser",
            help="Open it in a browser; by default on a terminal with a display.",
            show_default=False,
        ),
    ] = None,
    workspace: Workspace = None,
) -> None:
    """Open the dashboard. It listens on this machine only; closing it stops no run."""
    from rationale_eval.desk import settings
    from rationale_eval.desk.access import READ_ONLY, ROOTS, SESSIONS
    from rationale_eval.errors import UsageError
    from rationale_eval.workspace.runs import Workspace as Place

    app = Path(__file__).resolve().parents[2] / "app.py"
    if not app.is_file():
        raise UsageError("the dashboard's app.py is not beside the package; start it from a checkout of the project.")
    roots = [folder.expanduser().absolute() for folder in root or ()]
    for folder in roots:
        if not folder.is_dir():
            raise UsageError(f"--root {folder}: there is no such folder.")
    opens = _has_display() if browser is None else browser
    chosen: dict[str, Any] = dict(settings.SETTINGS) | {"server.port": port, "server.headless": not opens}
    if share:
        hosts = tuple(host or ())
        settings.require_shareable(hosts, login=_login(app.parent))
        chosen |= {"server.address": "0.0.0.0", "server.allowedHosts": (*settings.LOCAL, *hosts)}
        os.environ[settings.SHARED] = "1"
    else:
        os.environ.pop(settings.SHARED, None)
    place = Place(workspace)
    place.prepare()
    os.umask(0o077)
    os.environ[ROOTS] = os.pathsep.join(map(str, roots))
    os.environ[SESSIONS] = str(sessions)
    os.environ[READ_ONLY] = "1" if read_only else ""
    os.environ[settings.PRELOAD] = "1" if preload else "0"
    say(f"the dashboard of {place.path} opens at http://localhost:{port} ; Ctrl-C ends it, and no run with it")
    words = [sys.executable, "-m", "rationale_eval.ui.server", "run", str(app), *settings.flags(chosen)]
    sys.stdout.flush()
    os.execv(sys.executable, words)


def _has_display() -> bool:
    shown = sys.platform in ("darwin", "win32") or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    return sys.stdout.isatty() and shown


def _login(folder: Path) -> bool:
    import tomllib

    from rationale_eval.desk.settings import is_login
    from rationale_eval.errors import InputError

    for path in (Path(".streamlit/secrets.toml"), folder / ".streamlit" / "secrets.toml"):
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise InputError(f"cannot be read: {error}", file=str(path)) from error
        return is_login(found.get("auth"), found.get("access"))
    return False
