"""A read-only dashboard changes nothing: every function that does is found by reading the code, and tried."""

from __future__ import annotations

import ast
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import rationale_eval.desk
from rationale_eval.desk.access import Access, NotAllowed
from rationale_eval.desk.desk import Desk
from rationale_eval.workspace.runs import Workspace

PASSING_ON = {"demo.resume", "training.launch", "training.launch_many"}
"""Functions that change a workspace through others that ask."""

ALLOWED = {
    "desk.Desk.keep_working": "starts a worker for what is queued; called after a change that was allowed",
    "desk.Desk.look_after_queue": "the same, from the badge, which asks for read-only first",
    "recipes.recipes": "what the warm process knows of recipes, kept as a cache",
    "remembered.remembered": "answers about the program, kept as a cache",
    "slate.slate_of": "examples of an evaluation by column, kept as a cache",
    "workers.Worker.ensure": "starts a worker for what is queued",
    "workers.Worker.look_after": "the same",
}
"""Functions that write and are no change of what a workspace holds, and why."""

WRITES = {
    *("cancel", "resume", "retry", "delete", "restore", "purge", "take_over"),
    *("write_json", "write_bytes", "write_text", "write_folder", "whole_file", "append_line", "make_folder", "sweep"),
    *("rename", "replace", "unlink", "remove", "rmdir", "rmtree", "mkdir", "makedirs", "move", "symlink_to", "chmod"),
    *("receive", "keep_files", "keep_examples", "delete_own", "restore_own", "import_run", "submit", "Popen"),
    *("create_run", "enqueue", "truncate", "touch"),
}
GENERIC = {"cancel", "resume", "retry", "delete", "restore", "replace", "remove", "move", "submit", "sweep", "rename"}
"""Names that mean something else where they stand alone."""

OF_MODULES = {"control", "durable", "os", "shutil", "keeping", "own", "subprocess"}
WARM = {"submit", "retry", "sweep"}


class Function:
    """A function of the desk: its name, its code, and what it calls."""

    def __init__(self, name: str, node: ast.FunctionDef):
        self.name, self.node = name, node
        calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
        self.asks = any(isinstance(each.func, ast.Attribute) and each.func.attr == "require_change" for each in calls)
        self.called = {_called(each) for each in calls}
        self.writes = any(map(_writes, calls))


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _writes(call: ast.Call) -> bool:
    function = call.func
    if isinstance(function, ast.Name):
        if function.id == "open":
            mode = (
                call.args[1] if len(call.args) > 1 else next((k.value for k in call.keywords if k.arg == "mode"), None)
            )
            return isinstance(mode, ast.Constant) and bool(set(str(mode.value)) & set("wax+"))
        return function.id in WRITES - GENERIC or function.id == "AppendFile"
    if not isinstance(function, ast.Attribute):
        return False
    if function.attr == "call":
        first = call.args[0] if call.args else None
        return isinstance(first, ast.Constant) and first.value in WARM
    base = function.value.id if isinstance(function.value, ast.Name) else ""
    on_path = function.attr in {"write_text", "write_bytes", "unlink", "mkdir", "rmdir", "touch", "symlink_to", "chmod"}
    return on_path or (base in OF_MODULES and function.attr in WRITES)


def functions() -> Iterator[Function]:
    """Functions and methods of the desk; the warm process is another program."""
    for found in pkgutil.iter_modules(rationale_eval.desk.__path__):
        if found.ispkg:
            continue
        module = import_module(f"rationale_eval.desk.{found.name}")
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.FunctionDef):
                yield Function(f"{found.name}.{node.name}", node)
            elif isinstance(node, ast.ClassDef):
                for inner in node.body:
                    if isinstance(inner, ast.FunctionDef):
                        yield Function(f"{found.name}.{node.name}.{inner.name}", inner)


def test_whatever_writes_asks_first() -> None:
    """Also through private functions of its own module."""
    known = list(functions())
    bad = []
    for each in known:
        module = each.name.partition(".")[0]
        private = {
            other.name.rpartition(".")[2]: other
            for other in known
            if other.name.startswith(f"{module}.") and other.name.rpartition(".")[2].startswith("_")
        }
        seen, todo, writes = set(), [each], False
        while todo:
            now = todo.pop()
            writes = writes or now.writes
            todo += [private[name] for name in now.called & private.keys() - seen]
            seen |= now.called & private.keys()
        is_private = any(part.startswith("_") for part in each.name.split("."))
        if writes and not is_private and not each.asks and each.name not in PASSING_ON | ALLOWED.keys():
            bad.append(each.name)
    assert bad == []


CHANGES = sorted({each.name for each in functions() if each.asks} | PASSING_ON)
"""Everything that changes a workspace, found in the code: a new function is tried without being listed here."""


def test_the_reading_finds_what_is_known_to_change() -> None:
    known = {"desk.Desk.launch", "desk.Desk.delete", "datasets.keep", "datasets.delete", "notes.Notes.star"}
    assert known | {"demo.start"} <= set(CHANGES) and len(CHANGES) >= 20


def _function(name: str, desk: Desk) -> Callable[..., Any]:
    module, *rest = name.split(".")
    found = import_module(f"rationale_eval.desk.{module}")
    if len(rest) == 1:
        return getattr(found, rest[0])
    owner = getattr(found, rest[0])
    if owner is Desk:
        return getattr(desk, rest[1])
    needed = [each for each in inspect.signature(owner).parameters.values() if each.default is each.empty]
    given = {"desk": desk, "workspace": desk.workspace, "access": desk.access, "path": desk.workspace.path}
    return getattr(owner(**{each.name: given[each.name] for each in needed}), rest[1])


@pytest.mark.parametrize("name", CHANGES)
def test_a_read_only_desk_refuses(name: str, tmp_path: Path) -> None:
    from rationale_eval.desk.training import Asked
    from rationale_eval.verbs.import_run import Order

    workspace = Workspace(tmp_path / "workspace")
    workspace.prepare()
    desk = Desk(workspace, Access(user="guest@example.org", read_only=True))
    desk.runs()  # looking makes the index
    before = sorted(str(each) for each in workspace.path.rglob("*"))
    given: dict[str, Any] = {
        "desk": desk,
        "asked": Asked("fine_tune", "bundled/nli", "embedded/minilm", {}),
        "order": Order("bundled/nli", "test", "scores", "mine"),
        "content": b"a,b\n1,2\n",
        "found": [SimpleNamespace(row=SimpleNamespace(id="x", state="failed"))],
        "seeds": [0],
    }
    function = _function(name, desk)
    needed = {
        each.name: given.get(each.name, {} if "Mapping" in str(each.annotation) else "x")
        for each in inspect.signature(function).parameters.values()
        if each.default is each.empty and each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)
    }
    with pytest.raises(NotAllowed, match="this dashboard is read-only, so you cannot"):
        function(**needed)
    assert sorted(str(each) for each in workspace.path.rglob("*")) == before
    assert desk.warm.pid is None
