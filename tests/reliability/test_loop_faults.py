"""D1, D3, D4, N1, N3, N6, P16: what stops a training, told in one sentence, and resumed to the same bits."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import subjects
from tests.helpers.faults import FAILING
from tests.helpers.forks import TOLD, Forks
from tests.helpers.kill_trials import Trials
from tests.helpers.storage_trials import ERRORS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def trials(quick_module: Path) -> Iterator[Trials]:
    with Forks() as forks:
        yield Trials(forks, quick_module, "toy")


def one_sentence(said: str) -> bool:
    return "Traceback" not in said and "\n" not in said and len(said) < 500


@pytest.mark.parametrize(
    ("at", "error"), [(1, "EDQUOT"), (9, "ENOSPC"), (40, "EIO"), (63, "EROFS"), (98, "EDQUOT"), (104, "EMFILE")]
)
def test_d3_a_failing_operation_of_a_run_is_told_and_resumed(trials: Trials, at: int, error: str) -> None:
    label = f"fault-{at}"
    failed = trials.attempt(label, fault={"at": at, "error": error})
    assert failed.code == TOLD, failed.said
    assert failed.reason == ERRORS[error] and one_sentence(failed.said)
    assert trials.attempt(label).code == 0
    assert subjects.result(trials.folder(label)) == trials.expected


def test_d3_short_writes_change_nothing(trials: Trials) -> None:
    assert trials.attempt("short", fault={"at": 0, "error": "SHORT"}).code == 0
    assert subjects.result(trials.folder("short")) == trials.expected
    assert "write" in FAILING


def test_d4_a_file_size_limit_is_told_and_resumed(trials: Trials) -> None:
    failed = trials.attempt("fsize", limits={"RLIMIT_FSIZE": 2500})
    assert (failed.code, failed.reason) == (TOLD, "file size limit"), failed.said
    assert one_sentence(failed.said)
    assert trials.attempt("fsize").code == 0
    assert subjects.result(trials.folder("fsize")) == trials.expected


def test_n3_out_of_memory_is_told(trials: Trials) -> None:
    failed = trials.attempt("memory", options={"hungry": True})
    assert (failed.code, failed.reason) == (TOLD, "out of memory"), failed.said
    assert one_sentence(failed.said) and "batch_size" in failed.said


@pytest.mark.parametrize(("what", "step"), [("loss", 8), ("gradient", 8), ("weights", 9), ("weights", 12)])
def test_n1_what_is_not_finite_stops_the_run_and_spoils_no_checkpoint(trials: Trials, what: str, step: int) -> None:
    label = f"nan-{what}-{step}"
    failed = trials.attempt(label, options={"spoil": [what, step - 1]})
    assert (failed.code, failed.reason) == (TOLD, "non-finite"), failed.said
    assert one_sentence(failed.said) and f"step {step}" in failed.said
    assert f"the last sound checkpoint is step {(step - 1) // 3 * 3}" in failed.said
    lines = [json.loads(line) for line in (trials.folder(label) / "metrics.jsonl").read_text().splitlines()]
    assert [line for line in lines if line["value"] is None and "flag" not in line] == []
    # The cause is gone: what was stored of the bad step is not what it gives now, and that is said.
    again = trials.attempt(label)
    assert again.code == 0
    found = subjects.result(trials.folder(label))
    assert found is not None and trials.expected is not None
    assert found["weights"] == trials.expected["weights"]


def test_p16_clock_jumps_change_nothing(trials: Trials) -> None:
    assert trials.attempt("clock", options={"clock": True}).code == 0
    assert subjects.result(trials.folder("clock")) == trials.expected


@pytest.mark.slow
def test_d1_a_full_disk_is_told_and_resumed(tmp_path: Path) -> None:
    """A real file system of 64 KiB in a user's own namespace; resumed after it is given more room."""
    if (
        shutil.which("unshare") is None
        or subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("needs unshare with user namespaces")
    done = subprocess.run(
        ["unshare", "-rm", sys.executable, "-m", "tests.helpers.full_disk", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(done.stdout)
    assert report["sizes"] >= 3
    assert report["wrong"] == []
