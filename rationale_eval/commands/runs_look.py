"""`rationale-eval runs`: what there is, how far it is, what came of it."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from rationale_eval.commands.durations import duration
from rationale_eval.commands.options import AsJson, Workspace
from rationale_eval.commands.output import json_text, say, show
from rationale_eval.commands.parsing import names
from rationale_eval.commands.runs_app import Key, Keys, runs_app
from rationale_eval.errors import UsageError

if TYPE_CHECKING:
    from rationale_eval.verbs.run_list import Listed
    from rationale_eval.verbs.watch import Look
    from rationale_eval.workspace.run import Run

LINE_EVERY = 5.0
"""Seconds between two lines of progress where the output is no terminal."""


@runs_app.command("list")
def list_command(
    states: Annotated[
        list[str] | None,
        typer.Option("--state", help="Only in this state; several parted by commas.", show_default=False),
    ] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only of this kind.", show_default=False)] = None,
    group: Annotated[str | None, typer.Option("--group", help="Only of this group.", show_default=False)] = None,
    deleted: Annotated[bool, typer.Option("--deleted", help="Runs in the trash, which can be restored.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest N.", metavar="N")] = 30,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Name the runs, newest first: state, kind, what they do, how far they are."""
    from rationale_eval.verbs.run_list import list_runs
    from rationale_eval.workspace.run import RunKind
    from rationale_eval.workspace.runs import Workspace as Place
    from rationale_eval.workspace.status import State

    wanted: list[Any] = list(names(states))
    for state in wanted:
        if state not in get_args(State):
            raise UsageError(f"there is no state '{state}'; choose among {', '.join(get_args(State))}")
    if kind is not None and kind not in get_args(RunKind):
        raise UsageError(f"there is no kind of run '{kind}'; choose one of {', '.join(get_args(RunKind))}")
    place = Place(workspace)
    found = list_runs(place, states=wanted, kind=kind, group=group, deleted=deleted, limit=limit)
    show(_lines(found), as_json=as_json, value=[one.record() for one in found])
    if not found and not as_json:
        say(f"no such run in {place.path}")


def _lines(found: list[Listed]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    grouped = any(one.row.group_id for one in found)
    for one in found:
        row, at = one.row, one.progress
        state = f"{row.state} ({row.reason})" if row.state == "failed" and row.reason else row.state
        line: dict[str, Any] = {
            "run": row.id,
            "state": "stalled" if one.stalled else "missing" if row.missing else state,
            "kind": row.kind or "?",
            "what": row.title or row.data or "",
            "progress": f"{at.step} of {at.total}" if at and at.total else "",
            "left": duration(at.seconds_left) if at else "",
            "age": duration(one.age),
        }
        rows.append(line | ({"group": row.group_id or ""} if grouped else {}))
    return rows


@runs_app.command("show")
def show_command(keys: Keys, workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Show one run, or several side by side: the settings that differ, and what came of it."""
    from rationale_eval.workspace.runs import Workspace as Place

    place = Place(workspace)
    found = [place.find(key) for key in keys]
    if len({run.id for run in found}) < len(found):
        raise UsageError("one run was named twice")
    if len(found) == 1:
        return _show_one(found[0], as_json)
    from rationale_eval.verbs.run_table import compare_runs

    compared = compare_runs(found)
    states = [run.status.state for run in found]
    value = {"runs": compared.runs, "states": states, "settings": compared.settings, "metrics": compared.metrics}
    rows: list[dict[str, Any]] = [_across("state", states, compared.runs)]
    rows += [_across(key, [_shown(one) for one in values], compared.runs) for key, values in compared.settings.items()]
    rows += [_across(name, list(values), compared.runs) for name, values in compared.metrics.items()]
    show(
        rows, as_json=as_json, value=value | {"equal": compared.equal}, title=f"{compared.equal} settings are the same"
    )
    return None


def _across(name: str, values: list[Any], runs: list[str]) -> dict[str, Any]:
    cells = [f"{value:.4g}" if isinstance(value, float) else value for value in values]
    return {"": name, **dict(zip(runs, cells, strict=True))}


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _show_one(run: Run, as_json: bool) -> None:
    from rationale_eval.verbs.run_table import flattened, metrics_of
    from rationale_eval.verbs.watch import look

    seen, asked, origin = look(run), run.asked, run.provenance
    value = {
        "run": run.id,
        **{name: asked.get(name) for name in ("kind", "title", "owner", "group", "parent", "config")},
        "status": run.status.to_json(),
        "progress": seen.record(),
        "provenance": origin,
        "summary": run.summary,
        "folder": str(run.folder),
    }
    if as_json:
        return show([], as_json=True, value=value)
    status, at = seen.status, seen.progress
    facts = {
        "state": "stalled" if seen.stalled else status.state,
        "message": " ".join(part for part in (status.reason and f"[{status.reason}]", status.message) if part),
        "progress": f"{at.step} of {at.total}, {at.text}" if at and at.total and not seen.over else "",
        "what": asked.get("title"),
        "group": asked.get("group"),
        "parent": asked.get("parent"),
        "created": origin.get("created"),
        "attempts": str(status.attempt),
        "worked": duration(status.seconds),
        "folder": str(run.folder),
    }
    rows: list[dict[str, Any]] = [{"": name, "value": text} for name, text in facts.items() if text]
    numbers = {name: "not defined" if one is None else f"{one:.4g}" for name, one in metrics_of(run).items()}
    rows += [{"": name, "value": text} for name, text in numbers.items()]
    rows += [{"": name, "value": _shown(one)} for name, one in flattened(run.config) if one not in (None, {}, [])]
    rows += [{"": "command", "value": origin["command"]}] if origin.get("command") else []
    return show(rows, title=f"{run.kind} {run.id}")


@runs_app.command("logs")
def logs_command(
    key: Key,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more, until the run is over.")] = False,
    error: Annotated[bool, typer.Option("--error", help="Where in the program the last failure arose.")] = False,
    workspace: Workspace = None,
) -> None:
    """Print what a run said."""
    from rationale_eval.verbs.attempt import ERROR
    from rationale_eval.verbs.watch import log_lines
    from rationale_eval.workspace.runs import Workspace as Place

    run = Place(workspace).find(key)
    if error:
        file = run.folder / ERROR
        if not file.exists():
            raise UsageError(f"run {run.id} has met no error")
        sys.stdout.write(_harmless(file.read_text("utf-8", "replace")))
        return
    for line in log_lines(run, follow):
        sys.stdout.write(_harmless(line) + "\n")
        sys.stdout.flush()


def _harmless(text: str) -> str:
    """Text that cannot steer a terminal: control characters but line ends and tabs become visible."""
    return "".join(c if c in "\n\t" or c.isprintable() else f"\\x{ord(c):02x}" for c in text)


@runs_app.command("watch")
def watch_command(
    key: Key,
    every: Annotated[float, typer.Option("--every", min=0.05, help="Seconds between two looks.")] = 0.5,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Watch a run that works elsewhere until it is over: steps, time left, every term of the loss.

    Ctrl-C ends the watching, not the run. The exit code is 0 if the run finished and 1 otherwise. With --json every
    change is one line.
    """
    from rationale_eval.verbs.watch import watch
    from rationale_eval.workspace.runs import Workspace as Place

    run = Place(workspace).find(key)
    display = _json_lines() if as_json else _screen(run) if sys.stdout.isatty() else _text_lines()
    next(display)
    try:
        for seen in watch(run, every):
            last = seen
            display.send(seen)
    except KeyboardInterrupt:
        display.close()
        say(f"no longer watching; the run goes on: rationale-eval runs watch {run.id}")
        return
    display.close()
    if not as_json:
        say(f"run {run.id} is {_ending(last)}")
    if last.status.state != "finished":
        raise typer.Exit(1)


def _ending(seen: Look) -> str:
    reason = f" ({seen.status.reason})" if seen.status.state == "failed" and seen.status.reason else ""
    return f"{seen.status.state}{reason}" + (f": {seen.status.message}" if seen.status.message else "")


def _numbers(seen: Look) -> str:
    named = ", ".join(f"{name} {'NaN' if one is None else f'{one:.4g}'}" for name, one in seen.terms.items())
    return f"step {seen.step}: {named}" if named else ""


def _where(seen: Look) -> str:
    at = seen.progress
    state = "stalled: no step for long" if seen.stalled else seen.status.state
    if at is None or not at.total:
        return f"{state}, {at.text}" if at is not None and at.text and not seen.over else state
    left = f", about {duration(at.seconds_left)} left" if at.seconds_left is not None and not seen.over else ""
    return f"{state}, {at.text.partition(':')[0]}: {at.step} of {at.total}{left}"


def _json_lines() -> Any:
    before = None
    while True:
        seen = yield
        record = seen.record()
        shown = {name: one for name, one in record.items() if name != "seconds_left"}
        if shown != before:
            before = shown
            sys.stdout.write(json.dumps(json.loads(json_text(record)), ensure_ascii=False) + "\n")
            sys.stdout.flush()


def _text_lines() -> Any:
    state, said, line = None, 0.0, None
    while True:
        seen = yield
        text = "; ".join(part for part in (_where(seen), _numbers(seen)) if part)
        if text != line and (seen.status.state != state or time.monotonic() - said >= LINE_EVERY or seen.over):
            state, said, line = seen.status.state, time.monotonic(), text
            sys.stdout.write(text + "\n")
            sys.stdout.flush()


def _screen(run: Run) -> Any:
    from rich.console import Group
    from rich.live import Live
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    head = Text(f"{run.kind} {run.id}  {run.asked.get('title') or ''}", style="bold")
    with Live(auto_refresh=False) as live:
        while True:
            seen = yield
            at, line = seen.progress, Table.grid(padding=(0, 1))
            bar = [ProgressBar(total=at.total, completed=at.step, width=24)] if at and at.total else []
            line.add_row(*bar, Text(_where(seen)))
            live.update(Group(head, line, Text(_numbers(seen))), refresh=True)
