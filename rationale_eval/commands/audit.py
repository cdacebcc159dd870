"""`rationale-eval audit`: can these metrics be trusted, with these data?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rationale_eval.commands.options import AsJson, Columns, Device, Seed, Split, Workspace
from rationale_eval.commands.output import progress, say, show
from rationale_eval.commands.parsing import pairs
from rationale_eval.commands.starting import Detach, Group, Priority, Queue, one_way, stoppable, submit_job

if TYPE_CHECKING:
    from rationale_eval.verbs.audit import AuditResult

SIGNS = {"holds": "holds ✓", "fails": "fails ✗", "open": "open ?", "not tried": "–"}
TITLES = {
    "reference": "1 reference",
    "perturbation": "2 perturbation",
    "robustness": "3 robustness",
    "leakage": "leakage",
    "people": "people",
}


def audit(
    data: Annotated[str, typer.Option("--data", help="Name of a data set, or a folder of splits.", metavar="DATA")],
    metrics: Annotated[
        str,
        typer.Option("--metrics", help="Metrics, parted by commas; rq means rq:pt and rq:np.", metavar="NAMES"),
    ] = "simulatability,rq,las,rev,rora,masked_rq",
    ratings: Annotated[
        str | None,
        typer.Option(
            "--ratings",
            help="Explanations that people rated (feb_human_eval): does the metric rank them alike?",
            metavar="DATA",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", min=50, help="Training examples of the task model, drawn at random; 1000.", show_default=False
        ),
    ] = None,
    train_split: Annotated[str, typer.Option("--train-split", help="Where task model and simulators learn.")] = "train",
    protocol: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="A knob of the protocol: seeds=3, noise=10,20,50, rationalizer=self_rationalize, simulator.epochs=2.",
            metavar="NAME=VALUE",
            show_default=False,
        ),
    ] = None,
    split: Split = None,
    columns: Columns = None,
    queue: Queue = False,
    detach: Detach = False,
    group: Group = None,
    priority: Priority = 0,
    device: Device = "auto",
    seed: Seed = 0,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Hold metrics of free text to the axioms of FRAME, a leakage check and people's ratings: one scorecard each."""
    one_way(queue=queue, detach=detach)
    from rationale_eval.verbs.audit_job import AuditConfig

    config = AuditConfig(
        data=data,
        metrics=tuple(name.strip() for name in metrics.split(",") if name.strip()),
        ratings=ratings,
        limit=limit,
        split=split,
        train_split=train_split,
        mapping=pairs("--map", columns),
        protocol=pairs("--set", protocol),
        device=device,
        seed=seed,
    )
    if queue or detach:
        placing = {"group": group, "priority": priority}
        return submit_job(config, workspace, detach=detach, placing=placing, as_json=as_json)
    from rationale_eval.verbs.audit import AuditResult
    from rationale_eval.verbs.audit_run import audit_run
    from rationale_eval.workspace.runs import Workspace as Place

    with stoppable():
        run = audit_run(config, workspace=Place(workspace), progress=progress, about={"group": group})
    result = AuditResult.load(run.folder)
    report(result, as_json=as_json, run=run.id)
    return None


def report(result: AuditResult, *, as_json: bool, run: str) -> None:
    """Prints an audit: scorecards, the values behind them, what is weak."""
    found = result.report
    show(verdicts(result), as_json=as_json, value={"run": run, **found}, title=f"audit of metrics on {found['data']}")
    if as_json:
        return
    show(ladder(result), title="axiom 1: value by source of the rationale")
    show(shifts(result), title="axiom 2: how far edits lower the value, and to how many rationales they applied")
    show(conditions(result), title="axiom 3: value by how the task model was trained")
    for remark in remarks(result):
        say(f"note: {remark}")
    say(f"kept in {result.folder}")


def verdicts(result: AuditResult) -> list[dict[str, Any]]:
    """One row a metric: the verdict of every check with its number."""
    from rationale_eval.verbs.audit_summary import headline

    rows = []
    for card in result.cards():
        row: dict[str, Any] = {"metric": f"{card['metric']}:{card['variant']}"}
        for check in card["checks"]:
            number = headline(check)
            shown = "" if number is None else f" {number['value']:+.2f}"
            row[TITLES[check["check"]]] = f"{SIGNS[check['verdict']]}{shown}"
        rows.append(row)
    return rows


def ladder(result: AuditResult) -> list[dict[str, Any]]:
    """Values by source."""
    order = ("empty", "random", "generated", "gold", "reference", "reference_retrained", "ceiling")
    rows = []
    for card in result.cards():
        numbers = _numbers(card, "reference")
        rows.append({"metric": f"{card['metric']}:{card['variant']}"} | {key: _value(numbers, key) for key in order})
    return rows


def shifts(result: AuditResult) -> list[dict[str, Any]]:
    """Effects of edits, one row an edit."""
    applied: dict[str, list[float]] = {}
    for each in result.report["perturbations"]:
        share = each["applied"] / each["tried"] if each["tried"] else 0.0
        applied.setdefault(f"{each['effect']}/{each['name']}", []).append(share)
    rows = []
    for name, shares in applied.items():
        row: dict[str, Any] = {"edit": name, "applied": f"{sum(shares) / len(shares):.0%}"}
        for card in result.cards():
            row[f"{card['metric']}:{card['variant']}"] = _value(_numbers(card, "perturbation"), name)
        rows.append(row)
    return rows


def conditions(result: AuditResult) -> list[dict[str, Any]]:
    """Values by condition, one row a condition, with the task model's accuracy."""
    reached: dict[str, list[float]] = {}
    for each in result.report["accuracy"]:
        reached.setdefault(each["source"], []).append(each["accuracy"])
    rows = []
    for name, values in reached.items():
        row: dict[str, Any] = {"task model": name.replace("generated", "whole"), "accuracy": sum(values) / len(values)}
        for card in result.cards():
            row[f"{card['metric']}:{card['variant']}"] = _value(_numbers(card, "robustness"), name)
        rows.append(row)
    return rows


def remarks(result: AuditResult) -> list[str]:
    """What weakens the findings: simulators that learned nothing, answers that were not read."""
    found = []
    dull: dict[str, list[str]] = {}
    for each in result.report["simulators"]:
        if not each["learned"] and each["source"] == "generated" and each["view"] not in ("input", "base", "neither"):
            dull.setdefault(f"{each['weights']} of {each['view']}", []).append(f"{each['accuracy']:.2f}")
    for name, values in dull.items():
        found.append(
            f"the simulator {name} has not learned (it guesses {values[0]} of held-out answers); what rests on it says "
            "little. Give it more examples: --set simulator_limit=2000"
        )
    if result.report["protocol"]["reference"] == "verbalised":
        found.append(
            "references restate the label; with the same simulators axiom 1 and the leakage check exclude each other; "
            "--set reference=explained builds references that also explain"
        )
    return found


def _numbers(card: Mapping[str, Any], check: str) -> Mapping[str, Any]:
    return next((each["numbers"] for each in card["checks"] if each["check"] == check), {})


def _value(numbers: Mapping[str, Any], name: str) -> float | None:
    return numbers[name]["value"] if name in numbers else None
