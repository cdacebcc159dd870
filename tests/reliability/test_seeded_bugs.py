"""The suite is tested too: bugs sown on purpose must each be caught, and sound code must pass every check."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import subjects
from tests.helpers.bug_checks import CHECKS, Bench, bench
from tests.helpers.forks import Forks
from tests.helpers.seeded_bugs import BUGS


@pytest.fixture(scope="module")
def ground(quick_module: Path) -> Iterator[Bench]:
    subjects.prepare(quick_module)
    with Forks() as forks:
        yield bench(forks, quick_module)


@pytest.mark.parametrize("check", CHECKS)
def test_sound_code_passes(ground: Bench, check: str) -> None:
    assert list(CHECKS[check](ground, None)) == []


@pytest.mark.parametrize("bug", BUGS)
def test_a_seeded_bug_is_caught(ground: Bench, bug: str) -> None:
    """By the named check alone; the first thing it finds wrong is enough."""
    found = list(itertools.islice(CHECKS[BUGS[bug].caught_by](ground, bug), 1))
    assert found, f"{BUGS[bug].says}: not seen"
