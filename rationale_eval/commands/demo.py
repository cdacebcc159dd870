"""`rationale-eval demo`: the whole way on the bundled data."""

from __future__ import annotations

from typing import Any, Final

from rationale_eval.commands.options import AsJson, Device, Seed, Workspace
from rationale_eval.commands.output import progress, say, show

SHOWN: Final = ("comprehensiveness_aopc", "sufficiency_aopc", "decision_flip", "tau_loo", "auprc", "token_f1")


def demo(workspace: Workspace = None, device: Device = "auto", seed: Seed = 0, as_json: AsJson = False) -> None:
    """Train a model on the bundled examples, explain its decisions by five methods, and rank the explanations."""
    from rationale_eval.verbs.demo import CONTROLS, DATA, METHODS, evaluate_model, train_model
    from rationale_eval.workspace.runs import Workspace as Place

    place = Place(workspace)
    say(f"1/3  training the embedded encoder on {DATA}")
    trained = train_model(workspace=place, seed=seed, device=device)
    say(f"2/3  explaining its decisions: {', '.join(METHODS)}; controls: {', '.join(CONTROLS)}")
    run, result = evaluate_model(trained, workspace=place, seed=seed, device=device, progress=progress)
    say("3/3  scores, best first by comprehensiveness; 95% bootstrap intervals; the controls stand last")
    records = result.records()
    value = {
        "results": records,
        "provenance": {"run": run.id, "model": trained.id, **run.provenance, **result.provenance},
    }
    show(ranked_table(records), as_json=as_json, value=value)
    if not as_json:
        show(_model_table(records), title="The model itself")
    say(f"kept in {run.folder}")
    say(f"next: rationale-eval export {run.id} --out table.tex")


def ranked_table(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line a method, one column a metric with its interval; methods ranked, controls last."""
    import pandas as pd

    from rationale_eval.verbs.export import ranked

    summary = pd.DataFrame(records)
    summary = summary[~summary["method"].isin(["model", "human"])]
    arrows = {"higher": "↑", "lower": "↓", "none": ""}
    lines = []
    for method in ranked(summary):
        line: dict[str, Any] = {"method": method}
        for metric in SHOWN:
            for found in summary[(summary["method"] == method) & (summary["metric"] == metric)].itertuples():
                line[f"{metric.removesuffix('_aopc')} {arrows[found.direction]}"] = _cell(found)
        lines.append(line)
    return lines


def _cell(found: Any) -> str:
    if found.value is None or found.value != found.value:
        return "not defined"
    return f"{found.value:.2f} ({_bound(found.ci_low)} to {_bound(found.ci_high)})"


def _bound(value: float) -> str:
    """Two digits without the zero before the point, which six columns of intervals have no room for."""
    return f"{value:.2f}".replace("-0.00", "0.00").replace("0.", ".", 1)


def _model_table(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    from rationale_eval.commands.evaluate import table

    return table([record for record in records if record["method"] == "model"])
