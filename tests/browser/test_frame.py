"""The frame around every page: addresses, menu, privacy."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import psutil
import pytest
from playwright.sync_api import expect

from rationale_eval.ui.pages import PAGES
from tests.helpers.dashboard import Seen, Server, address, new_page, open_at, serving, settled


@pytest.fixture(scope="module")
def bare_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace without runs. What the program tells of itself stays there, so that only the first server asks."""
    return tmp_path_factory.mktemp("cold") / "workspace"


@pytest.mark.parametrize("name", [page.name for page in PAGES])
def test_a_deep_link_on_a_cold_server_opens_its_page(name: str, browser: Any, bare_workspace: Path) -> None:
    title = next(page.title for page in PAGES if page.name == name)
    with serving(bare_workspace, "--no-preload") as server:
        page, seen = new_page(browser)
        open_at(page, server, address(name))
        expect(page.locator("h1")).to_have_text(title)
        expect(page.get_by_text("Page not found")).to_have_count(0)
        assert seen == Seen()
        page.context.close()


def test_a_pages_file_is_no_way_around_the_frame(view: tuple[Any, Seen], looking: Server) -> None:
    page, _ = view
    for name in (PAGES[0].name, PAGES[-1].name):
        page.goto(f"{looking.url}/{name}_page")
        settled(page)
        expect(page.locator("h1"), name).to_have_text("Home")


def test_the_server_listens_on_this_machine_only(looking: Server) -> None:
    port = int(looking.url.rpartition(":")[2])
    listening = [
        found.laddr.ip
        for found in psutil.net_connections("tcp")
        if found.status == psutil.CONN_LISTEN and found.laddr.port == port
    ]
    assert listening == ["127.0.0.1"]


def test_a_foreign_host_name_gets_nothing(looking: Server) -> None:
    """DNS rebinding: a name of somebody else's that leads to this machine."""
    port = int(looking.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(
            b"GET /_stcore/stream HTTP/1.1\r\nHost: evil.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Origin: http://evil.example\r\n\r\n"
        )
        answer = connection.recv(4096)
    assert b" 101 " not in answer.split(b"\r\n")[0]
