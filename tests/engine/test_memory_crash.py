"""Two processes share one memory file, and one of them is killed: nothing is lost that was kept, nothing is wrong."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from rationale_eval.engine.memory import DiskMemory

WRITER = """
import sys
import numpy as np
from pathlib import Path
from rationale_eval.engine.memory import DiskMemory
memory = DiskMemory(Path(sys.argv[1]))
first, last = int(sys.argv[2]), int(sys.argv[3])
for block in range(first, last):
    keys = [f"{block}-{n}".encode() for n in range(50)]
    memory.keep({key: np.full(3, block, np.float32) for key in keys})
    sys.stdout.write(f"{block}\\n"); sys.stdout.flush()
"""


def start(path: Path, first: int, last: int) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", WRITER, str(path), str(first), str(last)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


def known(path: Path, block: int) -> bool:
    keys = [f"{block}-{n}".encode() for n in range(50)]
    found = DiskMemory(path).recall(keys)
    assert len(found) in {0, 50}, "a transaction is whole or not there"
    assert all((value == block).all() for value in found.values())
    return len(found) == 50


@pytest.mark.slow
def test_two_writers_lose_nothing(tmp_path):
    path = tmp_path / "m.sqlite"
    writers = [start(path, 0, 40), start(path, 20, 60)]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert all(known(path, block) for block in range(60))


@pytest.mark.slow
@pytest.mark.parametrize("wait", [0.0, 0.05, 0.2])
def test_a_killed_writer_leaves_all_it_had_kept(tmp_path, wait):
    path = tmp_path / "m.sqlite"
    writer = start(path, 0, 100_000)
    assert writer.stdout is not None
    writer.stdout.readline()
    time.sleep(wait)
    writer.send_signal(signal.SIGKILL)
    acknowledged = [0, *map(int, writer.stdout.read().split())]
    writer.wait()
    assert all(known(path, block) for block in acknowledged)
    memory = DiskMemory(path)
    memory.keep({b"after": np.ones(1, np.float32)})
    assert b"after" in memory.recall([b"after"])
