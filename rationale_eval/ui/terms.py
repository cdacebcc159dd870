"""The field's terms in one line each, for `help=`: of metrics from their records, of everything else from here."""

from __future__ import annotations

from functools import cache
from typing import Final

from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.catalogue import ARROWS
from rationale_eval.metrics.nrg import FACTS
from rationale_eval.metrics.record import Metric
from rationale_eval.ui.text import md_text

TERMS: Final = {
    "rationale": "Why a model answered as it did: the words it went by, or a text that says so.",
    "highlight": "Words that are marked as the reason, by people or by a method.",
    "gold": "The rationale that people gave: marked words, or a written reason.",
    "free text": "A rationale that is written out instead of marked in the input.",
    "attribution": "A number for every word: how much it moved the model towards its answer.",
    "extractor": "The part of a model that gives every word a score; above 0 it belongs to the rationale.",
    "control": "A rationale of which it is known how good it is, beside which the others are read: random, gold.",
    "random": "Scores drawn by chance. What a method must beat.",
    "inverse_gold": "The words that people did not mark: the floor of plausibility.",
    "faithfulness": "Whether a rationale is why the model decided so.",
    "plausibility": "Whether a person would accept a rationale.",
    "simulation": "Whether a text lets another model guess the answer.",
    "similarity": "Whether a text is like one that a person wrote.",
    "chain_of_thought": "Whether the model's answer hangs on the text that stands before it.",
    "task": "Whether the model is right, and whether it knows.",
    "aopc": "Area over the perturbation curve: the mean over several lengths of the rationale.",
    "interval": "95 %: a BCa bootstrap over examples, or a t-interval over seeds where there are several.",
    "coverage": "The share of examples on which a metric is defined.",
    "not defined": "The metric has no value there; the example is left out of the mean and counted.",
    "significance": "A paired test on the examples that both systems define, with Holm's correction over the table.",
    "simulator": "A small model that learns to guess another model's answer, not the gold label.",
    "pt": "Simulators that start from a pretrained language model.",
    "np": "Simulators that start from random weights, and know only what they were shown.",
    "audit": "Metrics held to axioms: can a metric tell a good rationale from a bad one, with these data?",
    "reference": "A rationale built from the predicted answer, so that none says more clearly what was predicted.",
    "reference margin": "The metric's value for reference rationales less that of the best other source.",
    "perturbation": "An edit of a rationale that keeps its meaning (equivalent) or changes it (contrastive).",
    "discrimination gap": "How much further contrastive edits move the metric than equivalent ones.",
    "spread": "How far the metric moves when the task model is made worse, as a share of its range over sources.",
    "restating": "A rationale that only names the answer: “The answer is LABEL.”",
    "leakage margin": "The value of explaining rationales less that of rationales that only restate the label.",
    "people": "Rank correlation of the metric with people's ratings of explanations.",
    "ceiling": "What the metric would come to if every rationale told all.",
    "seed": "One training with its own chance; several show what another training would give.",
    "slice": "A part of the data set: one label, wrong answers, a tag.",
}  # fmt: skip
"""Names to definitions, of our own."""


def term(name: str) -> str | None:
    """The one-line definition of a term, as Markdown that is only text.

    Args:
        name: A metric, with or without its variant ("rq:np"), or a term of `TERMS`, in any case.

    Returns:
        The definition for `help=`, or None where there is none.
    """
    key = name.strip()
    own = TERMS.get(key.lower().replace("_", " ")) or TERMS.get(key.lower())
    metric, _, variant = key.partition(":")
    said = own if own and key not in load_all() else _of_metric(metric, variant) or own
    return None if said is None else md_text(said, cap=600)


@cache
def _of_metric(name: str, variant: str) -> str | None:
    if name == "nrg":
        return f"{FACTS['title']}: {_first(FACTS['describe'])} Higher is better; 0 to 1."
    found = load_all().get(name) if name in load_all() else None
    if found is None:
        return None
    known = f" Variant {variant}." if variant in found.variants and len(found.variants) > 1 else ""
    return f"{found.title}: {_first(found.describe)} {ARROWS[found.direction].capitalize()}; {bounds(found)}.{known}"


def bounds(metric: Metric) -> str:
    """The least and the greatest value of a metric, in words."""
    low, high = metric.range
    return f"{_end(low)} to {_end(high)}"


def _end(value: float) -> str:
    return ("infinity" if value > 0 else "-infinity") if value in (float("inf"), -float("inf")) else f"{value:.4g}"


def _first(text: str) -> str:
    """The first sentence of a description."""
    sentence, stop, _ = text.partition(". ")
    return sentence + ("." if stop else "")
