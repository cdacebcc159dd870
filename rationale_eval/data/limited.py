"""Reads a file nobody vouches for, in a process of its own with little memory and time that emits our own JSONL.

Run as a module it is that process; `convert_limited` starts it and waits.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from rationale_eval.data.rejections import Group, Rejection
from rationale_eval.durable import whole_file
from rationale_eval.errors import InputError, RationaleEvalError, UsageError

ADDRESS_SPACE: Final = 2 << 30
FILE_SIZE: Final = 1 << 30
CPU_SECONDS: Final = 60
WALL_SECONDS: Final = 120
DESCRIPTORS: Final = 64
_SAID: Final = 1 << 20


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
    mapping: Mapping[str, str] | None = None,
    task: str | None = None,
    encoding: str | None = None,
    wall_seconds: float = WALL_SECONDS,
) -> Conversion:
    """Converts an untrusted data file to JSONL in our schema.

    Args:
        source: The file; what it is, is decided by its content.
        output: The JSONL file to write, whole or not at all.
        mapping: As in `load_dataset`.
        task: Name of a catalogue entry, or None.
        encoding: Encoding of a text file.
        wall_seconds: How long it may take.

    Raises:
        InputError: If the file is refused, by the reader or by the limits.
    """
    with whole_file(output) as temporary:
        order = {
            "source": str(source),
            "output": str(temporary),
            "mapping": mapping,
            "task": task,
            "encoding": encoding,
        }
        said = _run(order, str(source), wall_seconds)
        if "problem" in said:
            if said["usage"]:
                raise UsageError(said["problem"])
            raise InputError(said["problem"], file=str(source), row=said["row"], field=said["field"])
        if not said["rows"]:
            raise InputError("holds no usable row" + _first_reason(said["groups"]), file=str(source))
    groups = tuple(
        Group(one["field"], one["reason"], one["count"], [Rejection(**row) for row in one["first"]])
        for one in said["groups"]
    )
    return Conversion(said["rows"], said["rejected"], groups, tuple(said["mapping"]), said["task"])


def _first_reason(groups: list[dict[str, Any]]) -> str:
    if not groups:
        return ""
    first = groups[0]["first"][0]
    return f" (row {first['row']}" + (f", field '{first['field']}'" if first["field"] else "") + f": {first['reason']})"


def _run(order: Mapping[str, Any], name: str, wall_seconds: float) -> dict[str, Any]:
    environment = {
        key: os.environ[key] for key in ("PATH", "LANG", "PYTHONPATH", "LD_LIBRARY_PATH") if key in os.environ
    }
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


def _restrict() -> None:
    limits = (
        (resource.RLIMIT_AS, ADDRESS_SPACE),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, FILE_SIZE),
        (resource.RLIMIT_NOFILE, DESCRIPTORS),
        (resource.RLIMIT_CORE, 0),
    )
    for kind, most in limits:
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def _convert(order: Mapping[str, Any]) -> dict[str, Any]:
    from rationale_eval.data.load import load_dataset
    from rationale_eval.data.schema import to_record

    data = load_dataset(
        order["source"], mapping=order["mapping"], task=order["task"], encoding=order["encoding"], on_error="collect"
    )
    rows = 0
    with open(order["output"], "w", encoding="utf-8", newline="\n") as file:
        for example in data:
            file.write(json.dumps(to_record(example), ensure_ascii=False, allow_nan=False) + "\n")
            rows += 1
    groups = [
        {
            "field": group.field,
            "reason": group.reason,
            "count": group.count,
            "first": [asdict(row) for row in group.first],
        }
        for group in data.rejections
    ]
    return {
        "rows": rows,
        "rejected": len(data.rejections),
        "groups": groups,
        "mapping": data.origin.mapping,
        "task": asdict(data.task),
    }


def _main() -> None:
    order = json.loads(sys.stdin.buffer.read())
    _restrict()
    try:
        said = _convert(order)
    except InputError as error:
        said = {"problem": error.problem, "row": error.row, "field": error.field, "usage": False}
    except RationaleEvalError as error:
        said = {"problem": str(error), "row": None, "field": None, "usage": True}
    except MemoryError:
        said = {
            "problem": "needs more memory than an imported file may; split it",
            "row": None,
            "field": None,
            "usage": False,
        }
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    _main()
