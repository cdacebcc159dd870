"""Fixtures that several rooms share."""

from __future__ import annotations

import fcntl
import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.helpers.sample_workspace import IDS, make_sample

# Property tests are about values: how fast the machine draws and computes them on a busy day decides nothing.
settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")

# A shell has what it starts in the background ignore Ctrl-C, and tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def no_run_makes_the_tests_polite() -> Iterator[None]:
    """A launched run lowers the priority of its process for good; here that is the one of all tests to come."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rationale_eval.workspace.launch.settle", lambda niceness=0: None)
        yield


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The sample workspace, made once for all test processes; read it, do not change it."""
    base = tmp_path_factory.getbasetemp()
    root = (base if worker_id == "master" else base.parent) / "sample"
    with open(root.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / IDS).is_file():
            shutil.rmtree(root, ignore_errors=True)
            root.mkdir()
            make_sample(root / "workspace")
    return root / "workspace"


@pytest.fixture(scope="session")
def sample_ids(sample_folder: Path) -> dict[str, str]:
    """Ids of the sample's runs, by what they are."""
    found: dict[str, str] = json.loads((sample_folder.parent / IDS).read_text(encoding="utf-8"))
    return found


@pytest.fixture
def own_sample(sample_folder: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the sample workspace that a test may change."""
    folder = tmp_path / "workspace"
    shutil.copytree(sample_folder, folder, ignore=shutil.ignore_patterns("index.sqlite*", "lease"))
    folder.chmod(0o700)
    yield folder
