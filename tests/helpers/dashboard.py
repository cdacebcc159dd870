"""The dashboard as a person has it: a real server process and a real browser."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WITHOUT = "no Chromium here; install it to run the tests of the pages: apt-get install chromium"
PATIENCE = 120_000
"""Milliseconds a test waits for an element: two test processes share the machine with what they test."""


@dataclass(slots=True)
class Server:
    """A running dashboard.

    Args:
        url: Where it is.
        workspace: Its workspace.
        process: The server.
    """

    url: str
    workspace: Path
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """Ends the server as a crash would; runs go on."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextmanager
def serving(workspace: Path, *words: str, port: int | None = None, **environment: str) -> Iterator[Server]:
    """A dashboard of a workspace on a free port.

    Args:
        workspace: The workspace.
        words: More words for `rationale-eval ui`.
        port: A given port.
        environment: More variables.
    """
    port = port or free_port()
    log = workspace.parent / f"server-{port}.log"
    variables = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment}
    command = [sys.executable, "-m", "rationale_eval.cli", "ui", "--port", str(port), "--workspace", str(workspace)]
    with open(log, "wb") as out:
        process = subprocess.Popen([*command, *words], stdout=out, stderr=out, cwd=ROOT, env=variables)
    server = Server(f"http://localhost:{port}", workspace, process)
    try:
        _wait_for(server, log)
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
        process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(server: Server, log: Path) -> None:
    end = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < end:
        if server.process.poll() is not None:
            raise AssertionError(f"the server ended: {log.read_text(errors='replace')}")
        with suppress(OSError), urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=1) as answer:
            if answer.status == 200:
                return
        time.sleep(0.1)
    raise AssertionError(f"the server did not answer: {log.read_text(errors='replace')}")


@dataclass(slots=True)
class Seen:
    """What a browser saw beside the page: requests to elsewhere, dialogs, errors of scripts."""

    foreign: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser process; `chromium.new_page()` is cheap."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        try:
            yield browser
        finally:
            browser.close()


def new_page(
    browser: Any, *, dark: bool = False, width: int = 1400, height: int = 1000, bypass_csp: bool = False
) -> tuple[Any, Seen]:
    """A page in a session of its own, and what it saw; without the server's policy if `bypass_csp`."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        accept_downloads=True,
        bypass_csp=bypass_csp,
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    seen = Seen()
    here = re.compile(r"^(https?|wss?)://(localhost|127\.0\.0\.1)(:\d+)?/|^(data|blob|about):")
    page.on("request", lambda request: None if here.match(request.url) else seen.foreign.append(request.url))
    page.on("pageerror", lambda error: seen.errors.append(str(error)))

    def close(dialog: Any) -> None:
        seen.dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", close)
    return page, seen


def address(name: str) -> str:
    """The address of a page: that of the first one is empty."""
    return "" if name == "home" else name


def open_at(page: Any, server: Server, path: str = "") -> None:
    """Opens an address of the dashboard and waits until its script has run."""
    page.goto(f"{server.url}/{path}")
    settled(page)


def settled(page: Any) -> None:
    """Waits until the page has its heading and nothing runs any more."""
    page.wait_for_selector('[data-testid="stApp"] h1')
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
