"""Runs benchmarks, each in a process of its own, and leaves their pages in docs/results.

python -m benchmarks.run [NAME ...]
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.report import ROOT

HELPERS = {"__init__", "flops", "gemm", "report", "run"}
"""Files of this folder that others use; every other file, and every folder that can be run, is a benchmark."""


def benchmarks() -> list[str]:
    """Names of all benchmarks, in alphabetical order."""
    folder = Path(__file__).parent
    packages = [file.parent.name for file in folder.glob("*/__main__.py")]
    return sorted([*packages, *(file.stem for file in folder.glob("*.py") if file.stem not in HELPERS)])


def main() -> int:
    """Runs those named on the command line, or all; returns 1 if any failed, 2 for an unknown name."""
    known = benchmarks()
    names = sys.argv[1:] or known
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"there is no benchmark '{unknown[0]}'; there are: {', '.join(known)}.", file=sys.stderr)
        return 2
    failed = []
    for name in names:
        start = time.perf_counter()
        code = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=ROOT, check=False).returncode
        print(
            f"{name}: {'done' if code == 0 else f'failed ({code})'} in {time.perf_counter() - start:.0f} s", flush=True
        )
        failed += [name] if code else []
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
