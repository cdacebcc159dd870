"""UNIREX: time of a training step, all bins together, against the same losses bin by bin.

python -m benchmarks.unirex_step [--data ../shared/data]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Final
from unittest import mock

import torch
from torch import Tensor

from benchmarks.report import ROOT, Page
from rationale_eval.data.load import load_dataset
from rationale_eval.engine.precision import quick_float32
from rationale_eval.models.attention import BY_LENGTH
from rationale_eval.models.base import Batch
from rationale_eval.models.classifier import Classifier
from rationale_eval.models.load import load_model
from rationale_eval.recipes.fine_tune import set_dropout
from rationale_eval.recipes.record import read_config
from rationale_eval.recipes.unirex import Unirex, UnirexConfig, UnirexLearner, make_extractor
from rationale_eval.training import top_k
from rationale_eval.training.annotated import Annotated, prepare_annotated, read_batch
from rationale_eval.training.faithfulness import comprehensiveness_loss, sufficiency_loss
from rationale_eval.training.fingerprint import bf16_is_native
from rationale_eval.training.plausibility import plausibility_loss
from rationale_eval.training.randomness import Moment, seed_moment

BATCH: Final = 32
BATCHES: Final = 3
TURNS: Final = 3
LEAST: Final = 2.0
SETS: Final = (("sst2", "train"), ("esnli", "train"))
NOW: Final = Moment(0, 0, 0, 0.0, 0)

Answer = Callable[[Batch], Tensor]


def bin_by_bin(made: UnirexLearner, batch: Sequence[Annotated], answer: Answer) -> Mapping[str, Tensor]:
    """The same losses by one pass for each part of each bin, tokens hidden from attention."""
    config, model = made.config, made.model
    read = read_batch(model, batch)
    scores, logits = made._answer_and_explain(read.reading, batch)
    ce = _cross_entropy(read.choices(scores), read.labels)
    units = top_k.units(read.reading, config.unit)
    pooled = top_k.pooled(logits, units)
    without: list[Tensor] = []
    only: list[Tensor] = []
    for k in config.bins:
        parts = top_k.shares(top_k.top_k(pooled, units, top_k.counts(units, [k])), units)
        for kept, found in ((parts.rest[0], without), (parts.rationale[0], only)):
            masked = replace(read.reading.batch, attention=kept.long())
            found.append(_cross_entropy(read.choices(answer(masked)), read.labels))
    return {
        "task": ce,
        "comp": comprehensiveness_loss(ce, torch.stack(without), "margin", config.comp_margin),
        "suff": sufficiency_loss(ce, torch.stack(only), "margin", config.suff_margin),
        "plaus": plausibility_loss(logits, read.gold, read.inside, config.plaus_form),
    }


def _cross_entropy(scores: Tensor, labels: Tensor) -> Tensor:
    return torch.nn.functional.cross_entropy(scores.float(), labels, reduction="none")


@contextmanager
def as_the_library(made: UnirexLearner) -> Iterator[Answer]:
    """The network's own forward pass with the library's fused attention, for everything that is asked."""
    model = made.model
    assert isinstance(model, Classifier)
    network: Any = model.network
    own = getattr(made.extractor, "encoder", None)
    switched = [network] if own is None else [network, own]
    for one in switched:
        one.set_attn_implementation("sdpa")
    try:
        with mock.patch.object(Classifier, "_trains_jointly", lambda _: False):
            yield lambda batch: network(**model.forward_args(batch)).logits
    finally:
        for one in switched:
            one.set_attn_implementation(BY_LENGTH)


def library_bin_by_bin(made: UnirexLearner, batch: Sequence[Annotated]) -> Mapping[str, Tensor]:
    """`bin_by_bin` as one would write it with transformers."""
    with as_the_library(made) as answer:
        return bin_by_bin(made, batch, answer)


def measure(data: Path, name: str, split: str, extractor: str) -> dict[str, Any]:
    """Medians of all ways on the same batches, taken in turn, and how far their losses are apart."""
    examples = load_dataset(str(data / name), split, BATCH * BATCHES)
    model = load_model("embedded/minilm", task=examples.task, device="cpu")
    config = read_config(Unirex, {"extractor": extractor})
    assert isinstance(config, UnirexConfig)
    made = UnirexLearner(model, make_extractor(model, config), None, config)
    items = sorted(prepare_annotated(model, examples).items, key=lambda item: item.tokens)
    batches = [items[i : i + BATCH] for i in range(0, len(items), BATCH)]
    parameters = [p for module in made.modules().values() for p in module.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=0.0, fused=True)
    for module in made.modules().values():
        module.train()
        set_dropout(module, 0.0)  # so that all ways must find the same losses
    native = bf16_is_native(torch.device("cpu"))
    ways: dict[str, Callable[[Sequence[Annotated]], Mapping[str, Tensor]]] = {
        "together": lambda batch: made.losses(batch, NOW),
        "bin by bin": lambda batch: library_bin_by_bin(made, batch),
        "bin by bin, our kernels": lambda batch: bin_by_bin(made, batch, model.scores),
    }
    times: dict[str, list[float]] = {way: [] for way in ways}
    apart = 0.0
    for turn in range(TURNS):
        for batch in batches:
            found = {}
            for way, losses in ways.items():
                seed_moment(NOW)
                start = time.perf_counter()
                with torch.autocast("cpu", torch.bfloat16, enabled=native):
                    parts = losses(batch)
                sum(part.mean() for part in parts.values()).backward()  # type: ignore[union-attr]
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
                if turn:  # the first turn warms up
                    times[way].append(time.perf_counter() - start)
                found[way] = torch.stack([part.detach().mean() for part in parts.values()])
            apart = max(apart, *(float((found["together"] - other).abs().max()) for other in found.values()))

    def ratio(way: str) -> float:
        # Of each pair, since the machine's speed changes from minute to minute.
        return median(one / quick for one, quick in zip(times[way], times["together"], strict=True))

    return {
        "data": name,
        "extractor": extractor,
        "tokens in a row": round(sum(item.tokens for item in items) / len(items), 1),
        **{f"{way} ms": 1000 * median(times[way]) for way in ways},
        "ratio": ratio("bin by bin"),
        "ratio, our kernels": ratio("bin by bin, our kernels"),
        "largest difference of a loss": apart,
    }


def main() -> int:
    """Measures and writes docs/results/unirex_step.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    given = parser.parse_args()
    if not given.data.is_dir():
        print(f"unirex_step: no data folder {given.data}; name one with --data", file=sys.stderr)
        return 0
    rows = []
    with quick_float32(torch.device("cpu")):
        for name, split in SETS:
            for extractor in ("dlm", "slm"):
                rows.append(measure(given.data, name, split, extractor))
                print(rows[-1], flush=True)
    page = Page("unirex_step", "UNIREX: a training step with all bins together", "python -m benchmarks.unirex_step")
    page.text(
        f"Time of one optimizer step (forward, backward, AdamW) on {BATCH} examples with bins 1, 5, 10, 20 and 50 %,",
        "comprehensiveness, sufficiency and plausibility; the embedded encoder, medians over the same batches in turn,",
        "ratios the medians of each pair. Together: the tokens that a part hides are left out, the others told where",
        "they stood, and all parts of all examples share one pass, without padding between them and with the last",
        "layer computed only where the head reads it. Bin by bin: one pass of the library's network with its fused",
        "attention for each part, hidden tokens masked. With our kernels: the same passes by our attention and our",
        "last layer, so that only the sharing differs. The losses are the same.",
    )
    page.table(rows, key="steps")
    page.text(f"The first ratio must be at least {LEAST:g}.")
    print(page.write().relative_to(ROOT))
    return 0 if min(row["ratio"] for row in rows) >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
