"""Reads a file nobody vouches for, in a process of its own with little memory and time that emits our own JSONL.

Run as a module it is that process; `ask_limited` starts it and waits. What it can be asked stands in `limited_work.py`.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rationale_eval.data.folder import LOCAL_ROOTS_VARIABLE, local_roots
from rationale_eval.data.own import ENVIRONMENT, in_use
from rationale_eval.data.rejections import Group, Rejection
from rationale_eval.durable import whole_file
from rationale_eval.errors import InputError, RationaleEvalError, UsageError

ADDRESS_SPACE: Final = 2 << 30
FILE_SIZE: Final = 1 << 30
CPU_SECONDS: Final = 60
WALL_SECONDS: Final = 120
DESCRIPTORS: Final = 64
_SAID: Final = 4 << 20
_VARIABLES: Final = ("PATH", "LANG", "PYTHONPATH", "LD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class Conversion:
    """What came of a file.

    Args:
        rows: Examples written.
        rejected: Rows left out.
        groups: For each reason the number of rows and the first three.
        mapping: Lines that say which column became what.
        task: Name, kind, fields and choices of the task.
    """

    rows: int
    rejected: int
    groups: tuple[Group, ...]
    mapping: tuple[str, ...]
    task: Mapping[str, Any]


def convert_limited(
    source: Path,
    output: Path,
    *,
    split: str | None = None,
    mapping: Mapping[str, str] | None = None,
    task: str | None = None,
    encoding: str | None = None,
    rejected: Path | None = None,
    wall_seconds: float = WALL_SECONDS,
) -> Conversion:
    """Converts an untrusted data file to JSONL in our schema.

    Args:
        source: The file, or a folder of splits; what a file is, is decided by its content.
        output: The JSONL file to write, whole or not at all.
        split: Which split of a folder.
        mapping: As in `load_dataset`.
        task: Name of a catalogue entry, or None.
        encoding: Encoding of a text file.
        rejected: A JSONL file that gets the rows left out (row, field, reason), the first `MOST_REJECTED`.
        wall_seconds: How long it may take.

    Raises:
        InputError: If the file is refused, by the reader or by the limits.
    """
    with whole_file(output) as temporary:
        order = {
            "output": str(temporary),
            "rejected": None if rejected is None else str(rejected),
            "split": split,
            "mapping": mapping,
            "task": task,
            "encoding": encoding,
        }
        said = ask_limited("convert", source, order, wall_seconds=wall_seconds)
        if not said["rows"]:
            raise InputError("holds no usable row" + _first_reason(said["groups"]), file=str(source))
    return Conversion(said["rows"], said["rejected"], groups_of(said), tuple(said["mapping"]), said["task"])


def ask_limited(
    what: str,
    source: Path | str,
    order: Mapping[str, Any],
    *,
    wall_seconds: float = WALL_SECONDS,
    cpu_seconds: float = CPU_SECONDS,
) -> dict[str, Any]:
    """Has the limited process do one of `limited_work.WORK` with a file or a data set.

    Args:
        what: Its name.
        source: The file, folder or name.
        order: What else it is told: JSON values.
        wall_seconds: How long it may take.
        cpu_seconds: How long it may compute.

    Returns:
        What it says: JSON values.

    Raises:
        InputError: If the file is refused, by the reader or by the limits.
        UsageError: If something was asked that cannot be.
    """
    asked = {"what": what, "source": str(source), "cpu_seconds": round(cpu_seconds), **order}
    said = _run(asked, str(source), wall_seconds)
    if "problem" in said:
        if said["usage"]:
            raise UsageError(said["problem"])
        raise InputError(said["problem"], file=said["file"] or str(source), row=said["row"], field=said["field"])
    return said


def groups_of(said: Mapping[str, Any]) -> tuple[Group, ...]:
    """Rejections by reason, as the limited process tells them."""
    return tuple(
        Group(one["field"], one["reason"], one["count"], [Rejection(**row) for row in one["first"]])
        for one in said["groups"]
    )


def _first_reason(groups: list[dict[str, Any]]) -> str:
    if not groups:
        return ""
    first = groups[0]["first"][0]
    return f" (row {first['row']}" + (f", field '{first['field']}'" if first["field"] else "") + f": {first['reason']})"


def _run(order: Mapping[str, Any], name: str, wall_seconds: float) -> dict[str, Any]:
    environment = {key: os.environ[key] for key in _VARIABLES if key in os.environ}
    # The process has a directory of its own; names that are looked up are meant as here.
    environment[ENVIRONMENT] = str(in_use().absolute())
    environment[LOCAL_ROOTS_VARIABLE] = os.pathsep.join(str(root.absolute()) for root in local_roots())
    # Arrow's own allocators reserve more address space than the limit leaves.
    environment |= {"ARROW_DEFAULT_MEMORY_POOL": "system", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "rationale_eval.data.limited"],
            input=json.dumps(order).encode(),
            capture_output=True,
            timeout=wall_seconds,
            env=environment,
            cwd=Path(__file__).parents[2],
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(f"takes longer than {wall_seconds:g} seconds to read; split it", file=name) from error
    if done.returncode != 0 or len(done.stdout) > _SAID:
        raise InputError("needs more memory or time than an imported file may; split it or write it anew", file=name)
    try:
        said: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        raise RationaleEvalError(f"the reader of '{name}' ended without a result") from error
    return said


def _restrict(cpu_seconds: int) -> None:
    limits = (
        (resource.RLIMIT_AS, ADDRESS_SPACE),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_FSIZE, FILE_SIZE),
        (resource.RLIMIT_NOFILE, DESCRIPTORS),
        (resource.RLIMIT_CORE, 0),
    )
    for kind, most in limits:
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def _main() -> None:
    order = json.loads(sys.stdin.buffer.read())
    _restrict(order.pop("cpu_seconds"))
    try:
        from rationale_eval.data.limited_work import WORK

        said = WORK[order.pop("what")](**order)
    except InputError as error:
        said = _problem(error.problem) | {"file": error.file, "row": error.row, "field": error.field}
    except RationaleEvalError as error:
        said = _problem(str(error)) | {"usage": True}
    except MemoryError:
        said = _problem("needs more memory than an imported file may; split it")
    sys.stdout.write(json.dumps(said))


def _problem(sentence: str) -> dict[str, Any]:
    return {"problem": sentence, "file": None, "row": None, "field": None, "usage": False}


if __name__ == "__main__":
    _main()
