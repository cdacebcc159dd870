"""Scoring of continuations: choices after a prompt, in one tree and without logits of the prompt's tokens.

python -m benchmarks.scoring [--data ../shared/data/cose] [--examples 8]
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from benchmarks.report import ROOT, Page
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.load import load_dataset
from rationale_eval.engine.ask_text import Choose
from rationale_eval.engine.precision import quick_float32
from rationale_eval.engine.score_choices import MOST_NODES, _by_row, _texts, score_choices
from rationale_eval.models.load import load_model
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.rationales.reading import Reading
from rationale_eval.rationales.sentences import sentences
from rationale_eval.rationales.shots import draw_shots
from rationale_eval.rationales.template import TEMPLATES

BATCH: Final = 16
LEAST: Final = 1.5
CLOSE: Final = 1e-5

Found = dict[int, np.ndarray[Any, Any]]


def plain(model: TransformerModel, requests: Sequence[Choose]) -> Found:
    """Prompt and choice as one text each, padded, with the logits of every token over the whole vocabulary."""
    flat = [(place, one) for place, said in enumerate(_texts(model, requests)) for one in said]
    flat.sort(key=lambda each: len(each[1].ids), reverse=True)
    values: dict[tuple[int, bytes], float] = {}
    network: Any = model.network
    for start in range(0, len(flat), BATCH):
        batch = flat[start : start + BATCH]
        longest = max(len(said.ids) for _, said in batch)
        ids = np.full((len(batch), longest), model.pad_id)
        mask = np.zeros((len(batch), longest), dtype=np.int64)
        targets = np.full((len(batch), longest - 1), -100)
        for row, (_, said) in enumerate(batch):
            size = len(said.ids)
            ids[row, :size], mask[row, :size] = said.ids, 1
            targets[row, said.first - 1 : size - 1] = said.ids[said.first :]
        with torch.inference_mode():
            logits = network(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).logits
            found = _means(logits[:, :-1], torch.from_numpy(targets))
        for (place, said), value in zip(batch, found, strict=True):
            values[place, said.ids.tobytes()] = value
    return {
        place: np.array([values[place, one.ids.tobytes()] for one in said])
        for place, said in enumerate(_texts(model, requests))
    }


def _means(logits: torch.Tensor, targets: torch.Tensor) -> list[float]:
    said = targets >= 0
    picked = logits[said].double()
    nats = picked.gather(1, targets[said][:, None]).squeeze(1) - picked.logsumexp(1)
    return [float(part.mean()) for part in nats.split(said.sum(1).tolist())]


def exact(model: TransformerModel, requests: Sequence[Choose]) -> Found:
    """As `plain`, in float64."""
    network = model.network
    model.network = copy.deepcopy(network).double()
    try:
        return plain(model, requests)
    finally:
        model.network = network


def by_row(model: TransformerModel, requests: Sequence[Choose]) -> Found:
    """As language models are evaluated elsewhere here: a row a choice, logits at the choice's tokens only."""
    with quick_float32(model.device):
        return _joined(_by_row(model, list(enumerate(_texts(model, requests)))))


def by_tree(model: TransformerModel, requests: Sequence[Choose]) -> Found:
    return _joined(score_choices(model, requests))


def _joined(batches: Any) -> Found:
    return {place: found for batch in batches for place, found in batch.items()}


def workloads(data: RationaleDataset, reading: Reading, zero: Reading) -> dict[str, list[Choose]]:
    """What is scored: the choices of every example once, and after every cut of its rationale."""
    return {
        "choices after a short prompt": [zero.choose(one, one.rationales[0]) for one in data],
        "choices after 4 solved examples": [reading.choose(one, one.rationales[0]) for one in data],
        "early answering of rationales of three sentences and more": [
            zero.choose(one, " ".join(said[:t])) for one, said in _long(data) for t in range(len(said) + 1)
        ],
    }


def _long(data: RationaleDataset) -> list[tuple[Any, list[str]]]:
    """Rationales put together from those of three examples, as if one of several sentences."""
    whole = list(data)
    found = []
    for place in range(0, len(whole) - 2, 3):
        said = (one.rationales[0].strip(" .") for one in whole[place : place + 3])
        found.append((whole[place], sentences(" ".join(f"{text[:1].upper()}{text[1:]}." for text in said))))
    return found


def _largest(one: Found, other: Found) -> float:
    return max(float(np.abs(one[place] - other[place]).max()) for place in other)


def _probabilities(scores: Found) -> Found:
    return {place: np.exp(found) / np.exp(found).sum() for place, found in scores.items()}


def main() -> int:
    """Measures and writes docs/results/scoring.md; returns 1 where a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "cose")
    parser.add_argument("--examples", type=int, default=8)
    given = parser.parse_args()
    name = str(given.data) if given.data.is_dir() else "bundled/commonsense"
    data = load_dataset(name, "validation", given.examples)
    model = load_model("embedded/smollm2", task=data.task, device="cpu")
    template = TEMPLATES["reason_first"]
    reading = Reading(template, template.beginning(draw_shots(load_dataset(name, "train"), 4, 0)))
    zero = Reading(template, template.beginning([]))
    ways = {
        "whole texts, logits of every token": plain,
        "whole texts, logits of the choices": by_row,
        "one tree, logits of the choices": by_tree,
    }
    rows: list[dict[str, Any]] = []
    errors: dict[str, float] = {}
    torch.set_num_threads(1)
    for work, requests in workloads(data, reading, zero).items():
        by_tree(model, requests[:2])  # warms up
        found: dict[str, Found] = {}
        times: dict[str, float] = {}
        for way, score in ways.items():
            began = time.process_time()
            found[way] = score(model, requests)
            times[way] = time.process_time() - began
            print(work, way, f"{times[way]:.1f} s", flush=True)
        first = next(iter(ways))
        if not rows:
            truth = exact(model, requests)
            errors = {way: _largest(found[way], truth) for way in ways}
        rows += [
            {
                "what is scored": work,
                "prompts": len(requests),
                "way": way,
                "processor seconds": times[way],
                "ratio": times[first] / times[way],
                "difference in nats": _largest(found[way], found[first]),
                "in probability": _largest(_probabilities(found[way]), _probabilities(found[first])),
            }
            for way in ways
        ]
    page = Page("scoring", "Scoring of continuations", "python -m benchmarks.scoring")
    page.text(
        f"SmolLM2 (135M, float32) scores the choices of {len(data)} examples of {Path(name).name} after a rationale:",
        "mean log-likelihood (nats a token) of each choice. Plain scoring reads prompt and choice as one text for",
        f"every choice, {BATCH} at a time, and computes the logits of every token over the whole vocabulary. A tree",
        f"(at most {MOST_NODES} tokens) reads what texts begin with once. Each way was run once, on one thread.",
    )
    page.table(rows, key="ways")
    shown = ", ".join(f"{error:.2g}" for error in errors.values())
    trees = [row for row in rows if row["way"] == list(ways)[-1]]
    page.text(
        f"The tree must be at least {LEAST:g} times as quick as the first way in each case, and no probability of a",
        f"choice, which is what metrics are sent, differ by more than {CLOSE:g}. Nats differ by the rounding of",
        f"float32: from the same scores in float64, in the first case, by {shown} in the order of the ways.",
    )
    print(page.write().relative_to(ROOT))
    kept = all(row["ratio"] >= LEAST and row["in probability"] <= CLOSE for row in trees)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
