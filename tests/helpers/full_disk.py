"""D1: trains on real file systems that fill up, gives them room, and resumes. Runs inside `unshare -rm`.

As a script: `full_disk.py FOLDER`. Prints JSON: how many sizes were tried, and what was wrong.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from rationale_eval.training import loop
from rationale_eval.training.faults import StorageFailed
from tests.helpers.learning import toy_fit
from tests.helpers.subjects import weights_digest

SIZES = (8, 16, 24, 32, 40, 48, 56, 64)
"""KiB; a whole run needs about 70."""


def mount(place: Path, size: int, *, again: bool = False) -> None:
    """Mounts, or enlarges, a file system in memory of so many KiB."""
    options = f"size={size}k" + (",remount" if again else "")
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(place)], check=True)


def main(root: Path) -> dict[str, Any]:
    torch.set_num_threads(1)
    # The check before training would refuse; here the disk is to fill up later.
    loop.Checkpoints.require_space = lambda *_: None  # type: ignore[method-assign]
    _, whole = toy_fit(root / "whole")
    metrics = (root / "whole" / "metrics.jsonl").read_bytes()
    wrong, failed = [], 0
    for size in SIZES:
        place = root / f"disk-{size}"
        place.mkdir()
        mount(place, size)
        try:
            toy_fit(place)
        except StorageFailed as error:
            failed += 1
            if error.reason != "disk full" or "MB free" not in str(error):
                wrong.append(f"{size} KiB: told as {error.reason}: {error}")
        except OSError as error:
            wrong.append(f"{size} KiB: {error!r}")
        if list(place.rglob("*.tmp-*")):
            wrong.append(f"{size} KiB: something unfinished stays behind")
        mount(place, 4096, again=True)
        outcome, weights = toy_fit(place)
        if weights_digest(weights) != weights_digest(whole) or not outcome.exact or outcome.rejected:
            wrong.append(f"{size} KiB: resumed to other weights")
        if (place / "metrics.jsonl").read_bytes() != metrics:
            wrong.append(f"{size} KiB: resumed to other metric lines")
    return {"sizes": failed, "wrong": wrong}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))))
