"""Real models, real data, real rationales: trains on four public sets, explains by eight methods and three controls,
scores.

python -m benchmarks.evaluation [esnli] [hatexplain] [cose] [eraser_movies] --data ../shared/data

Finished parts are kept in the workspace and not done again, so an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.report import ROOT, Page
from rationale_eval import durable
from rationale_eval.verbs.evaluate_run import EvaluateConfig, evaluate_run
from rationale_eval.verbs.export import ranked
from rationale_eval.verbs.result import Result
from rationale_eval.verbs.train import train
from rationale_eval.verbs.training_data import TrainingData
from rationale_eval.workspace.runs import Workspace

METHODS: Final = (
    "saliency",
    "input_x_gradient",
    "integrated_gradients",
    "gradient_shap",
    "attention",
    "leave_one_out",
    "lime",
    "kernel_shap",
)
CONTROLS: Final = ("random", "gold", "inverse_gold")
METRICS: Final = (
    "comprehensiveness_aopc",
    "sufficiency_aopc",
    "csd",
    "decision_flip",
    "tau_loo",
    "auprc",
    "average_precision",
    "token_f1",
    "iou_f1",
    "accuracy",
    "macro_f1",
    "ece",
)


@dataclass(frozen=True)
class Part:
    """One data set: how the model is trained on it, and what is evaluated: the first `limit` examples, or so many drawn
    at random where the set is sorted by label.
    """

    name: str
    title: str
    train_split: str
    training: dict[str, Any]
    limit: int
    test_split: str
    methods: tuple[str, ...] = METHODS
    metrics: tuple[str, ...] = METRICS
    settings: dict[str, Any] = field(default_factory=dict)
    sample: bool = False
    remark: str = ""


SHORT: Final = {"integrated_gradients.steps": 50, "lime.samples": 100, "kernel_shap.samples": 100}
CHOICES: Final = SHORT | {"lime.samples": 50, "kernel_shap.samples": 50}
LONG: Final = {
    "integrated_gradients.steps": 10,
    "gradient_shap.samples": 5,
    "occlusion.window": 10,
    "occlusion.stride": 10,
    "lime.samples": 50,
    "kernel_shap.samples": 50,
}

PARTS: Final = (
    Part(
        "esnli", "e-SNLI (pairs, three classes)", "train+validation", {"epochs": 3, "lr": 1e-4}, 500, "test",
        settings=SHORT,
        remark="Highlights are those of the annotators together.",
    ),
    Part(
        "hatexplain", "HateXplain (posts, three classes)", "train", {"epochs": 2, "lr": 1e-4}, 500, "test",
        settings=SHORT,
        remark="Normal posts carry no highlights, so plausibility covers only the others.",
    ),
    Part(
        "cose", "CoS-E (questions with five options)", "train", {"epochs": 2, "lr": 1e-4}, 500, "validation",
        metrics=tuple(name for name in METRICS if name != "macro_f1"),
        settings=CHOICES,
        remark=(
            "One row for each option; the words of the question are explained. Where the annotator marked the whole "
            "question there are no highlights."
        ),
    ),
    Part(
        "eraser_movies", "ERASER movies (documents)", "train",
        {"epochs": 2, "lr": 5e-5, "batch_size": 8, "dropout": 0.0}, 40, "test",
        sample=True,
        methods=tuple("occlusion" if name == "leave_one_out" else name for name in METHODS),
        metrics=tuple(name for name in METRICS if name not in ("tau_loo", "decision_flip")),
        settings=LONG,
        remark=(
            "Most documents are longer than the model's 512 tokens and are cut. Leave-one-out over hundreds of words "
            "is replaced by occlusion of ten words at a time."
        ),
    ),
)  # fmt: skip


def main() -> None:
    """Runs the parts named on the command line, or all, and writes docs/results/evaluation.md from all finished
    ones.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *(part.name for part in PARTS)])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--workspace", type=Path, default=ROOT / ".bench" / "evaluation")
    given = parser.parse_args()
    if not given.data.is_dir():
        print(f"evaluation: no data folder {given.data}; name one with --data", file=sys.stderr)
        return
    workspace = Workspace(given.workspace)
    for part in PARTS:
        if not given.parts or part.name in given.parts:
            run_part(part, given.data, workspace)
    write_page(workspace)


def run_part(part: Part, data: Path, workspace: Workspace) -> None:
    """Trains and evaluates one part unless its record says that it is done."""
    record = workspace.path / f"{part.name}.json"
    done = json.loads(record.read_text()) if record.exists() else {}
    folder = str(data / part.name)
    if "train" not in done:
        start = time.perf_counter()
        run = train("fine_tune", TrainingData(folder, part.train_split), config=part.training, workspace=workspace.path)
        if run.status.state != "finished":
            raise SystemExit(f"{part.name}: training ended as {run.status.state}; run again to resume")
        done["train"] = {"run": run.id, "seconds": time.perf_counter() - start, "summary": run.summary}
        durable.write_json(record, done)
        print(f"{part.name}: trained in {done['train']['seconds']:.0f} s", flush=True)
    model = f"run:{done['train']['run']}"
    if "task" not in done:
        metrics = tuple(name for name in ("accuracy", "macro_f1", "ece") if name in part.metrics)
        config = EvaluateConfig(data=folder, split=part.test_split, model=model, controls=(), metrics=metrics)
        run, result = evaluate_run(config, workspace=workspace)
        done["task"] = {"run": run.id, "results": result.records(), "examples": result.provenance["data"]["examples"]}
        durable.write_json(record, done)
        print(f"{part.name}: test {done['task']['results'][0]['value']:.4f}", flush=True)
    if "evaluate" not in done:
        start = time.perf_counter()
        config = EvaluateConfig(
            data=folder, split=part.test_split, model=model, methods=part.methods, controls=CONTROLS,
            metrics=part.metrics, settings=part.settings,
            limit=None if part.sample else part.limit, sample=part.limit if part.sample else None,
        )  # fmt: skip
        run, _ = evaluate_run(config, workspace=workspace)
        done["evaluate"] = {"run": run.id, "seconds": time.perf_counter() - start}
        durable.write_json(record, done)
        print(f"{part.name}: evaluated in {done['evaluate']['seconds']:.0f} s", flush=True)


def write_page(workspace: Workspace) -> None:
    """Writes docs/results/evaluation.md from the finished parts."""
    page = Page("evaluation", "Attribution methods and controls on real data", "python -m benchmarks.evaluation")
    page.text(
        "A 22M-parameter MiniLM encoder fine-tuned on each set, its decisions on the test split explained by "
        "attribution methods",
        "and by three controls: random scores, the gold highlights, and their inverse. Every number is a mean"
        " over examples with a 95 %",
        "bootstrap interval (BCa; clusters of one premise or document are resampled whole where the set has "
        "them). Methods are ranked by",
        "comprehensiveness; controls stand last. Words are removed by deletion, bins are 1, 5, 10, 20 and 50 %.",
        "Times are of one run on a machine that was doing other things as well.",
    )
    for part in PARTS:
        record = workspace.path / f"{part.name}.json"
        if not record.exists() or "evaluate" not in (done := json.loads(record.read_text())):
            continue
        result = Result.load(workspace.find(done["evaluate"]["run"]).folder)
        page.table(_task_rows(done), heading=part.title, key=f"{part.name}_task")
        page.text(_words(part, done, result))
        page.table(_rows(result), key=part.name)
    print(page.write().relative_to(ROOT))


def _words(part: Part, done: dict[str, Any], result: Result) -> str:
    facts, engine = result.provenance, result.provenance["engine"]
    return (
        f"Trained on {part.train_split} in {done['train']['seconds']:,.0f} s ({_options(part.training)}). Evaluated on "
        f"{facts['data']['examples']} examples of {part.test_split} in {done['evaluate']['seconds']:,.0f} s, the "
        f"making of the explanations included ({_options(part.settings)}); scoring asked {engine['questions']:,} "
        f"questions, that is {engine['sequences']:,} token sequences, and {engine['passes']:,} had to run. "
        f"{facts['truncated']} examples were cut to fit the model. {part.remark}"
    )


def _options(options: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in options.items())


def _task_rows(done: dict[str, Any]) -> list[dict[str, str]]:
    return [
        {each["metric"]: _cell(each) for each in done["task"]["results"]} | {"examples": str(done["task"]["examples"])}
    ]


def _rows(result: Result) -> list[dict[str, str]]:
    summary = result.summary()
    summary = summary[summary["method"] != "model"]
    arrows = {"higher": "↑", "lower": "↓", "none": ""}
    rows = []
    for method in ranked(summary):
        mine = summary[summary["method"] == method].to_dict("records")
        cells = {f"{each['metric'].removesuffix('_aopc')} {arrows[each['direction']]}": _cell(each) for each in mine}
        rows.append({"method": method, **cells})
    return rows


def _cell(found: dict[str, Any]) -> str:
    if found["value"] is None or found["value"] != found["value"]:
        return "not defined"
    return f"{found['value']:.3f} ({found['ci_low']:.3f} to {found['ci_high']:.3f})"


if __name__ == "__main__":
    main()
