"""Runs ferret's own evaluators over given explanations and writes their values and times. Runs in ferret's environment.

    python score.py --model FOLDER --job JOB.json --out RESULT.json [--repeats N]

The job holds ``{"bins": [0.01, ...], "counts": [1, 3], "pairs": [...]}`` and each pair
``{"id", "text", "target", "scores": {NAME: [one for each token]}}``. The first so many explanations of each count are
timed on their own, and all of them. The text is the whole input as one string; the tokens are those of the model's
tokenizer, special tokens included. ``--tokens`` writes the tokens of every text in place of the result.

ferret ignores tokens whose score is not positive, and ties are broken by numpy's unstable sort. Scores for a comparison
should therefore be positive and distinct.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ferret.evaluators.faithfulness_measures import (
    AOPC_Comprehensiveness_Evaluation,
    AOPC_Sufficiency_Evaluation,
    TauLOO_Evaluation,
)
from ferret.explainers.explanation import Explanation
from ferret.model_utils import ModelHelper
from transformers import AutoModelForSequenceClassification, AutoTokenizer

EVALUATORS = (AOPC_Comprehensiveness_Evaluation, AOPC_Sufficiency_Evaluation, TauLOO_Evaluation)


def explanation(pair: dict, name: str, tokens: list[str]) -> Explanation:
    """One explanation as ferret's record.

    Raises:
        SystemExit: When there is not one score for each token.
    """
    scores = np.array(pair["scores"][name], dtype=float)
    if len(scores) != len(tokens):
        raise SystemExit(f"{pair['id']}: {name} has {len(scores)} scores for {len(tokens)} tokens")
    return Explanation(pair["text"], tokens, scores, name, pair["target"])


def evaluate(evaluators: list, task: Explanation, settings: dict) -> dict:
    """The three values of ferret for one explanation; None where ferret answers NaN."""
    scores = {each.SHORT_NAME: each.compute_evaluation(task, task.target, **settings).score for each in evaluators}
    return {name: None if np.isnan(score) else float(score) for name, score in scores.items()}


def run(model: Any, tokenizer: Any, job: dict, repeats: int) -> dict[str, Any]:
    """Values of every explanation and, for the first so many explanations, the seconds each repeat took."""
    helper = ModelHelper(model, tokenizer)
    evaluators = [kind(model, tokenizer) for kind in EVALUATORS]
    settings = {"removal_args": {"remove_tokens": True, "based_on": "perc", "thresholds": job["bins"]}}
    names = list(job["pairs"][0]["scores"])
    tasks = [[explanation(pair, name, helper.get_tokens(pair["text"])) for name in names] for pair in job["pairs"]]
    evaluate(evaluators, tasks[0][0], settings)  # the first call pays for start-up
    seconds: dict[str, list[float]] = {}
    values = []
    for count in sorted({*job.get("counts", ()), len(names)}):
        for _ in range(repeats):
            start = time.perf_counter()
            values = [[evaluate(evaluators, task, settings) for task in row[:count]] for row in tasks]
            seconds.setdefault(str(count), []).append(time.perf_counter() - start)
    flat = [
        {"id": pair["id"], "explanation": name, **found}
        for pair, row in zip(job["pairs"], values, strict=True)
        for name, found in zip(names, row, strict=True)
    ]
    return {"seconds": seconds, "values": flat}


def main() -> None:
    """Reads the command line and the job, writes the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--job", required=True, type=Path)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--tokens", action="store_true")
    asked = parser.parse_args()
    job = json.loads(asked.job.read_text(encoding="utf-8"))
    tokenizer = AutoTokenizer.from_pretrained(asked.model, local_files_only=True)
    model = AutoModelForSequenceClassification.from_pretrained(asked.model, local_files_only=True, use_safetensors=True)
    model.eval()
    if asked.tokens:
        helper = ModelHelper(model, tokenizer)
        result: dict[str, Any] = {"tokens": {pair["id"]: helper.get_tokens(pair["text"]) for pair in job["pairs"]}}
    else:
        result = run(model, tokenizer, job, asked.repeats)
    packages = ("ferret-xai", "torch", "transformers", "numpy", "scipy")
    result["versions"] = {"python": platform.python_version(), **{name: version(name) for name in packages}}
    result["threads"] = torch.get_num_threads()
    asked.out.write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
