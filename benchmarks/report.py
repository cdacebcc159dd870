"""Writes what a benchmark found as a page of docs/results, with what is needed to judge and to repeat it."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from rationale_eval import durable
from rationale_eval.workspace.provenance import git_commit

ROOT: Final = Path(__file__).resolve().parent.parent
RESULTS: Final = ROOT / "docs" / "results"
PACKAGES: Final = ("torch", "transformers", "captum", "numpy")

Rows = Sequence[Mapping[str, Any]]


class Page:
    """One page of results: text and tables in order, then the facts of the run.

    Args:
        name: The file's name without ending.
        title: The heading.
        command: What repeats the run, from the root of a checkout.
    """

    def __init__(self, name: str, title: str, command: str):
        self.path = RESULTS / f"{name}.md"
        self.command = command
        self.parts = [f"# {title}"]
        self.numbers: dict[str, Any] = {}

    def text(self, *sentences: str) -> None:
        """Adds a paragraph."""
        self.parts.append("\n".join(sentences))

    def table(self, rows: Rows, heading: str = "", key: str = "") -> None:
        """Adds a table; under `key` its rows also go to the JSON file beside the page, unrounded."""
        if heading:
            self.parts.append(f"## {heading}")
        self.parts.append(table(rows))
        if key:
            self.numbers[key] = [dict(row) for row in rows]

    def write(self) -> Path:
        """Writes the page and, if any numbers were kept, a JSON file beside it. Returns the page's path."""
        facts = machine()
        lines = [f"- {name}: {value}" for name, value in facts.items()]
        ending = ["## The run", "\n".join([*lines, f"- command: `{self.command}`"])]
        durable.write_bytes(self.path, ("\n\n".join([*self.parts, *ending]) + "\n").encode())
        if self.numbers:
            durable.write_json(self.path.with_suffix(".json"), {**self.numbers, "run": facts})
        return self.path


def table(rows: Rows) -> str:
    """A Markdown table whose columns are the first row's keys; numbers to the right with three significant digits."""
    columns = list(rows[0])
    numbers = [all(isinstance(row[column], int | float) for row in rows) for column in columns]
    lines = [columns, ["---:" if number else "---" for number in numbers]]
    lines += [[shown(row[column]) for column in columns] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def shown(value: Any) -> str:
    """A value as a cell; bars are escaped, so that no text can add a column."""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value).replace("|", "\\|").replace("\n", " ")


def machine() -> dict[str, str]:
    """Facts that a speed depends on: processor, threads, memory, versions, commit, date. No names, no paths."""
    import psutil
    import torch

    capability = torch.backends.cpu.get_cpu_capability()
    facts = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "commit": (git_commit() or "unknown").removesuffix("+changed")[:12],
        "processor": f"{processor()}, {psutil.cpu_count()} cores, {capability}, {torch.get_num_threads()} threads",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "versions": ", ".join(
            [f"Python {platform.python_version()}", *(f"{p} {metadata.version(p)}" for p in PACKAGES)]
        ),
    }
    if torch.cuda.is_available():
        facts["GPU"] = torch.cuda.get_device_name()
    return facts


def processor() -> str:
    """The processor's own name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown processor"
    )
