"""P1, P2, P3: killed anywhere and resumed, a run ends with the same bits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_killed_anywhere_and_resumed_gives_the_same_bits(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.kill_driver", str(tmp_path / "runs"), "8", "4"],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["wrong"] == []
    assert report["repeated"] >= 2
    inside_writes = {"sync_file", "replace", "rmtree", "sync_folder", "save_file"}
    assert len([name for name in report["killed"] if name.split()[1] in inside_writes]) >= 2
