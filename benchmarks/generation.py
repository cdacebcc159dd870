"""Few-shot generation with a prompt that all examples share: tokens a second, against the library's own generate.

python -m benchmarks.generation [--data ../shared/data/cose] [--examples 64]
"""

from __future__ import annotations

import argparse
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
from rationale_eval.models.decoding import Decoding
from rationale_eval.models.load import load_model
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.rationales.generation import Encoded, Generation
from rationale_eval.rationales.shots import draw_shots
from rationale_eval.rationales.template import TEMPLATES

BATCH: Final = 32
TOKENS: Final = 24
"""New tokens of every text: none is stopped early, so that all ways write as much."""

LEAST: Final = 2.5
SHARED: Final = 400
"""Tokens of the shared beginning, about."""


def shared_tokens(generation: Generation) -> int:
    return len(generation.model.tokenizer(generation.beginning)["input_ids"])


def make(model: TransformerModel, train: RationaleDataset, *, share: bool) -> Generation:
    """A generation whose shared beginning has about 400 tokens, and whose texts all have the same length."""
    for count in range(4, 20):
        made = Generation(
            model,
            TEMPLATES["few_shot"],
            Decoding(max_tokens=TOKENS),
            shots=draw_shots(train, count, 0),
            batch_size=BATCH,
            share=share,
        )
        if shared_tokens(made) >= SHARED:
            break
    made._ends = frozenset()
    return made


def ours(made: Generation, data: RationaleDataset) -> tuple[float, dict[str, str]]:
    began = time.perf_counter()
    found = {one.example_id: one.text for batch in made.run(data) for one in batch}
    return time.perf_counter() - began, found


def library(made: Generation, data: RationaleDataset) -> tuple[float, dict[str, str]]:
    """Transformers' generate, in the same batches, padded on the left."""
    model, network = made.model, made.model.network
    wanted = sorted(
        (one for example in data for one in map(made.encoded, made.asking.of(example))),
        key=lambda one: len(one.ids),
        reverse=True,
    )
    found: dict[str, str] = {}
    began = time.perf_counter()
    for start in range(0, len(wanted), BATCH):
        batch = wanted[start : start + BATCH]
        ids, mask = _left(batch, model.pad_id)
        with torch.inference_mode():
            said = network.generate(  # type: ignore[operator]
                ids, attention_mask=mask, do_sample=False, max_new_tokens=TOKENS, min_new_tokens=TOKENS,
                pad_token_id=model.pad_id, eos_token_id=None,
            )  # fmt: skip
        for one, row in zip(batch, said[:, ids.shape[1] :].tolist(), strict=True):
            found[one.wanted.example.id] = model.tokenizer.decode(row, skip_special_tokens=True)
    return time.perf_counter() - began, found


def _left(batch: Sequence[Encoded], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    longest = max(len(one.ids) for one in batch)
    ids, mask = np.full((len(batch), longest), pad), np.zeros((len(batch), longest), dtype=np.int64)
    for row, one in enumerate(batch):
        ids[row, longest - len(one.ids) :], mask[row, longest - len(one.ids) :] = one.ids, 1
    return torch.from_numpy(ids), torch.from_numpy(mask)


def main() -> int:
    """Measures and writes docs/results/generation.md; returns 1 where a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "cose")
    parser.add_argument("--examples", type=int, default=64)
    given = parser.parse_args()
    name = str(given.data) if given.data.is_dir() else "bundled/commonsense"
    train = load_dataset(name, "train")
    data = load_dataset(name, "validation", given.examples)
    model = load_model("embedded/smollm2", task=data.task, device="cpu")
    shared, whole = make(model, train, share=True), make(model, train, share=False)
    ways = {
        "transformers generate": lambda: library(whole, data),
        "ours, prompts read whole": lambda: ours(whole, data),
        "ours, the beginning read once": lambda: ours(shared, data),
    }
    ours(make(model, train, share=True), load_dataset(name, "validation", 2))  # warms up
    times: dict[str, float] = {}
    texts: dict[str, dict[str, str]] = {}
    for way, run in ways.items():
        times[way], texts[way] = run()
        print(way, f"{times[way]:.1f} s", flush=True)
    first, *_, last = ways
    alike = sum(texts[last][key] == text for key, text in texts[first].items())
    rows: list[dict[str, Any]] = [
        {
            "way": way,
            "seconds": seconds,
            "new tokens a second": len(data) * TOKENS / seconds,
            "ratio": times[first] / seconds,
            "texts equal to the first": sum(texts[way][key] == text for key, text in texts[first].items()),
        }
        for way, seconds in times.items()
    ]
    page = Page("generation", "Few-shot generation with a shared beginning", "python -m benchmarks.generation")
    page.text(
        f"SmolLM2 (135M, float32) writes {TOKENS} tokens for each of {len(data)} examples of {Path(name).name},",
        f"greedily, in batches of {BATCH}, after a beginning of {shared_tokens(shared)} tokens that all share. Nothing",
        "is stopped early, so that every way writes as much; each was run once, one after the other.",
    )
    page.table(rows, key="ways")
    page.text(
        f"The last ratio must be at least {LEAST:g}, and its texts those of the library ({alike} of {len(data)})."
    )
    print(page.write().relative_to(ROOT))
    return 0 if rows[-1]["ratio"] >= LEAST and alike == len(data) else 1


if __name__ == "__main__":
    sys.exit(main())
