"""What all tests of pages share."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from rationale_eval.desk import settings


@pytest.fixture(autouse=True, scope="module")
def models_come_with_the_first_question() -> Iterator[None]:
    """Most pages never ask the process that holds torch, and every test has a workspace and so a process of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(settings.PRELOAD, "0")
        yield


@pytest.fixture(autouse=True, scope="session")
def components_are_looked_for_once() -> Iterator[None]:
    """For every page, Streamlit's tester would read the metadata of all installed packages; those stay the same."""
    from streamlit.components.v2 import manifest_scanner

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield
