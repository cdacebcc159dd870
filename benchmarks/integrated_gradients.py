"""Integrated gradients: many examples and steps at once, against captum's own loop over the same examples.

python -m benchmarks.integrated_gradients [PAIRS]
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np
import torch
from captum.attr import IntegratedGradients
from torch import Tensor

from benchmarks.report import ROOT, Page
from rationale_eval.data.example import Example
from rationale_eval.data.load import load_dataset
from rationale_eval.models.base import Encoding, TaskModel
from rationale_eval.models.load import load_model
from rationale_eval.rationales.attribution import Probe, Subject
from rationale_eval.rationales.methods import METHODS

STEPS: Final = 50
REPEATS: Final = 3
TYPES: Final = ("float32", "bfloat16")


def captum_loop(model: TaskModel, subjects: list[Subject]) -> list[tuple[np.ndarray, float]]:
    """One example after the other through `captum.attr.IntegratedGradients`: scores of words, and the delta."""
    found = []
    for subject in subjects:
        (row,) = subject.encoding.rows
        batch = model.pad([row])

        def forward(embeds: Tensor, batch: Any = batch) -> Tensor:
            def shape(tensor: Tensor) -> Tensor:
                return tensor.expand(len(embeds), *tensor.shape[1:])

            return model.scores(replace(batch, ids=shape(batch.ids), types=shape(batch.types), embeds=embeds))

        table = model.embedding()
        whole = table(batch.ids).detach()
        inside = torch.from_numpy(row.word >= 0)[None, :, None]
        baseline = torch.where(inside, table(torch.tensor(model.pad_id)), whole).detach()
        scores, delta = IntegratedGradients(forward).attribute(
            whole, baseline, target=subject.target, n_steps=STEPS, return_convergence_delta=True
        )
        words = np.zeros(subject.encoding.words)
        tokens = scores.float().sum(-1)[0].detach().numpy()
        np.add.at(words, row.word[row.word >= 0], tokens[row.word >= 0])
        found.append((words, float(delta)))
    return found


def compare(dtype: str, examples: list[tuple[Example, Any]]) -> dict[str, Any]:
    """Times both on one number type; both sides use the model's fused attention unless a side chooses by itself."""
    task = load_dataset("bundled/nli").task
    model = load_model("embedded/minilm", task=task, dtype=dtype)
    encodings: list[Encoding] = [model.encode(example, words) for example, words in examples]
    subjects = [Subject(encoding, place % model.outputs) for place, encoding in enumerate(encodings)]
    probe = Probe(model)

    def ours() -> list[Any]:
        found: list[Any] = METHODS["integrated_gradients"].explain(probe, subjects, steps=STEPS)
        return found

    def theirs() -> list[tuple[np.ndarray, float]]:
        return captum_loop(model, subjects)

    here, there = ours(), theirs()
    return {
        "numbers": dtype,
        "captum loop (s)": _median(theirs),
        "here (s)": _median(ours),
        "largest difference": max(
            float(np.nanmax(np.abs(found.scores - words))) for found, (words, _) in zip(here, there, strict=True)
        ),
        "largest score": max(float(np.nanmax(np.abs(words))) for words, _ in there),
        "largest delta here": max(abs(found.notes["convergence_delta"]) for found in here),
        "largest delta captum": max(abs(delta) for _, delta in there),
    }


def _median(work: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Compares both number types and writes docs/results/integrated_gradients.md."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 32
    shared = ROOT.parent / "shared" / "data" / "esnli"
    data = load_dataset(str(shared) if shared.is_dir() else "bundled/nli", "test", count)
    examples = [(example, data.words(example)) for example in data]
    rows = []
    for dtype in TYPES:
        found = compare(dtype, examples)
        rows.append(found | {"times as fast": found["captum loop (s)"] / found["here (s)"]})
        print(rows[-1], flush=True)
    slow = rows[0]["captum loop (s)"] / rows[1]["here (s)"]
    page = Page("integrated_gradients", "Integrated gradients against captum's own loop", f"python -m {__spec__.name}")
    page.text(
        f"{len(examples)} pairs of {data.name}, {STEPS} steps, Gauss-Legendre quadrature, padding as baseline, the",
        f"embedded 22M-parameter encoder with a fresh head; medians of {REPEATS}. captum's `IntegratedGradients`",
        "takes one pair with all its steps at a time; here pairs and steps of like length share batches. The delta is",
        "the difference between the sum of the scores and what the output moved by.",
    )
    page.table(rows, key="rows")
    page.text(f"bfloat16 here against captum's loop in float32: {slow:.2f} times as fast.")
    print(page.write().relative_to(ROOT))


if __name__ == "__main__":
    main()
