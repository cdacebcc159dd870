"""`rationale-eval demo`: the whole way on the bundled data."""

from __future__ import annotations

from typing import Any, Final

from rationale_eval.commands.options import AsJson, Device, Seed, Workspace
from rationale_eval.commands.output import progress, say, show

SHOWN: Final = ("comprehensiveness_aopc", "sufficiency_aopc", "decision_flip", "tau_loo", "auprc", "token_f1")


def demo(workspace: Workspace = None, device: Device = "auto", seed: Seed = 0, as_json: AsJson = False) -> None:
    """Train, explain and rank on the bundled examples; then have a language model explain, and audit the metrics."""
    from rationale_eval.commands.audit import verdicts
    from rationale_eval.commands.evaluate import table
    from rationale_eval.verbs.demo import (
        CONTROLS,
        DATA,
        METHODS,
        TEXTS,
        WRITER,
        audit_metrics,
        evaluate_model,
        evaluate_written,
        train_model,
        write_texts,
    )
    from rationale_eval.workspace.runs import Workspace as Place

    place = Place(workspace)
    say(f"1/5  training the embedded encoder on {DATA}")
    trained = train_model(workspace=place, seed=seed, device=device)
    say(f"2/5  explaining its decisions: {', '.join(METHODS)}; controls: {', '.join(CONTROLS)}")
    run, result = evaluate_model(trained, workspace=place, seed=seed, device=device, progress=progress)
    say("3/5  scores, best first by comprehensiveness; 95% bootstrap intervals; the controls stand last")
    records = result.records()
    if not as_json:
        show(ranked_table(records), as_json=False)
        show(_model_table(records), title="The model itself")
    say(f"4/5  {WRITER} answers and explains {TEXTS} examples; its texts against gold ones and by what they give away")
    texts = write_texts(workspace=place, seed=seed, device=device, progress=progress)
    scored, found = evaluate_written(texts, workspace=place, seed=seed, device=device, progress=progress)
    if not as_json:
        show(table(found.records()), title="Its rationales; `random` is the gold rationale of another example")
    say("5/5  can these metrics be trusted here? the axioms of FRAME, a leakage check")
    audited = audit_metrics(workspace=place, seed=seed, device=device, progress=progress)
    if as_json:
        value = {
            "results": records,
            "provenance": {"run": run.id, "model": trained.id, **run.provenance, **result.provenance},
            "texts": {"run": texts.id, "evaluation": scored.id, "results": found.records()},
            "audit": audited.report,
        }
        show([], as_json=True, value=value)
    else:
        show(verdicts(audited), title="Verdicts, each with the number behind it")
    say(f"kept in {run.folder}")
    say(f"next: rationale-eval export {run.id} --out table.tex")
    say(f"next: rationale-eval audit --data {DATA} --metrics simulatability,rq,las,rev")


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
