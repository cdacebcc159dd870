"""One browser a test process; every test has a session of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.dashboard import CHROMIUM, WITHOUT, Seen, Server, chromium, new_page, serving


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, or a skip that says what to install."""
    if CHROMIUM is None:
        pytest.skip(WITHOUT)
    with chromium() as found:
        yield found


@pytest.fixture
def view(browser: Any) -> Iterator[tuple[Any, Seen]]:
    """A page in a session of its own, and what it saw besides."""
    page, seen = new_page(browser)
    yield page, seen
    page.context.close()


@pytest.fixture(scope="session")
def looking(sample_folder: Path) -> Iterator[Server]:
    """A server of the sample workspace, shared by tests that change nothing."""
    with serving(sample_folder) as server:
        yield server
