"""Answers that depend on the program alone, kept in the workspace: torch takes seconds to load, a file does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import rationale_eval
from rationale_eval import durable
from rationale_eval.workspace.runs import Workspace

CACHE: Final = "cache"
"""The folder of a workspace that may be deleted at any time."""


def remembered(workspace: Workspace, name: str, ask: Callable[[], Any]) -> Any:
    """The answer to a question about the program: kept from an earlier time if the program is the same, else asked.

    Args:
        workspace: Where answers are kept; one that cannot be written to is no hindrance.
        name: Of the question.
        ask: Gives the answer, as JSON values.
    """
    found = kept(workspace, name)
    if found is not None:
        return found
    path, answer = _path(workspace, name), ask()
    with suppress(OSError):
        durable.make_folder(path.parent, 0o700)
        for old in path.parent.glob(f"{name}-*.json"):
            old.unlink(missing_ok=True)
        durable.write_json(path, answer)
    return answer


def kept(workspace: Workspace, name: str) -> Any:
    """The answer that was kept, or None."""
    with suppress(OSError, ValueError):
        return json.loads(_path(workspace, name).read_text(encoding="utf-8"))
    return None


def _path(workspace: Workspace, name: str) -> Path:
    return workspace.path / CACHE / f"{name}-{program()}.json"


@cache
def program() -> str:
    """The version of the package and a hash of its files' sizes and times: a changed file is another program."""
    root = Path(rationale_eval.__file__).parent
    seen = blake2b(digest_size=8)
    for path in sorted(root.rglob("*.py")):
        stat = path.stat()
        seen.update(f"{path.relative_to(root)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return f"{rationale_eval.__version__}-{seen.hexdigest()}"
