"""Where a result comes from: versions, machine, data, seed, and the command that makes it again."""

from __future__ import annotations

import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("rationale-eval", "torch", "transformers", "accelerate", "captum", "safetensors", "numpy", "pyarrow")


def versions() -> dict[str, str | None]:
    """Installed versions of the packages that can change a number; None where one is not installed."""
    found: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def git_commit(folder: Path | None = None) -> str | None:
    """Commit of the checkout this package runs from, with "+changed" when files differ from it; None outside git."""
    folder = folder or Path(__file__).resolve().parent
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no", ".")
    return f"{commit}+changed" if changed else commit


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def command_line() -> str | None:
    """The shell command this process was started with, or None when it is not our command line."""
    if Path(sys.argv[0]).name in ("rationale-eval", "cli.py", "__main__.py"):
        return shlex.join(["rationale-eval", *sys.argv[1:]])
    return None


def provenance(
    *, data: str | None = None, fingerprint: str | None = None, seed: int | None = None, command: str | None = None
) -> dict[str, Any]:
    """Everything needed to trace and repeat a result, as JSON values.

    Args:
        data: How the user named the data.
        fingerprint: The data set's content hash.
        seed: The seed, where chance plays a part.
        command: The command that reproduces the result; by default the one this process was started with.
    """
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command or command_line(),
        "data": data,
        "data_fingerprint": fingerprint,
        "seed": seed,
        "versions": versions(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "git_commit": git_commit(),
    }
