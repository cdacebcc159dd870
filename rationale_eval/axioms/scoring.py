"""Scores of free-text metrics for what was said, as one table: a row for each example, source, metric and seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rationale_eval.axioms.spoken import Spoken
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.metrics.record import Metric
from rationale_eval.metrics.text_case import TextCase, TokenStates
from rationale_eval.models.text_encoder import TextEncoder
from rationale_eval.simulators.service import Answers, Simulators
from rationale_eval.simulators.view import Seen
from rationale_eval.training.randomness import derive

Views = Mapping[tuple[str, str], NDArray[np.float64]]

TELLING: Final = ("both", "masked", "vacuous_rationale", "robust", "robust_rationale")
"""Views of input or rationale by which a rationale may earn its score; certainty there is the most it can do."""


@dataclass(frozen=True, slots=True)
class Audited:
    """One metric under one variant.

    Args:
        metric: The metric.
        variant: Its variant.
        options: What the variant sets.
    """

    metric: Metric
    variant: str
    options: Mapping[str, Any]

    @property
    def name(self) -> str:
        """As the user names it."""
        return f"{self.metric.name}:{self.variant}"


@dataclass(frozen=True, slots=True)
class Speech:
    """Rationales of one source.

    Args:
        source: Its name, for example "generated", "reference", "contrastive/negation", "noise_20".
        data: The examples.
        spoken: Answers and rationales; examples without a rationale have no score.
        simulators: Those that judge it, by weights.
        seed: Of task model and simulators.
        ceiling: Whether to score what the best rationale would get instead: certainty wherever a rationale tells.
    """

    source: str
    data: RationaleDataset
    spoken: Spoken
    simulators: Mapping[str, Simulators]
    seed: int
    ceiling: bool = False


def views(audited: Sequence[Audited], weights: str) -> list[Seen]:
    """What the simulators of such weights must see, each once."""
    found: dict[Any, None] = {}
    for each in audited:
        if each.options.get("weights") == weights:
            found |= dict.fromkeys(each.metric.views_of(each.variant))
    return list(found)


def score(
    speeches: Sequence[Speech],
    audited: Sequence[Audited],
    encoder: TextEncoder | None = None,
    *,
    told: Callable[[int], object] = lambda _: None,
) -> pd.DataFrame:
    """Scores every example of every source.

    Args:
        speeches: What was said.
        audited: The metrics.
        encoder: For metrics that need one.
        told: Called with the number of sources done since the last call.

    Returns:
        Columns source, seed, example_id, cluster, answer, text, metric, variant, value, reason, parts.
    """
    rows: list[dict[str, Any]] = []
    known: dict[str, TokenStates] = {}
    for speech in speeches:
        simulated = _simulated(speech, audited)
        for example in speech.data:
            text = speech.spoken.texts.get(example.id)
            if text is None:
                continue
            answer = speech.spoken.answers.get(example.id)
            case = TextCase(
                example, text, _references(example, text, speech.source), answer, simulated.get(example.id, {}),
                None if encoder is None else _reader(encoder, known), seed=derive(speech.seed, example.id),
            )  # fmt: skip
            shared = speech.data.cluster(example)
            cluster = None if shared is None else blake2b(shared.encode(), digest_size=8).hexdigest()
            for each in audited:
                found = each.metric.ask(case, **each.options)
                rows.append(
                    {
                        "source": speech.source, "seed": speech.seed, "example_id": example.id, "cluster": cluster,
                        "answer": answer, "text": text, "metric": each.metric.name, "variant": each.variant,
                        "value": found.value, "reason": found.reason, "parts": found.parts,
                    }
                )  # fmt: skip
        told(1)
    return pd.DataFrame(rows)


def _references(example: Example, text: str, source: str) -> Sequence[str]:
    """A gold rationale is compared with the others."""
    return example.rationales if source != "gold" else [one for one in example.rationales if one != text]


def _reader(encoder: TextEncoder, known: dict[str, TokenStates]) -> Callable[[str], TokenStates]:
    def states(text: str) -> TokenStates:
        if text not in known:
            known[text] = TokenStates(*encoder.states([text])[0])
        return known[text]

    return states


def _simulated(speech: Speech, audited: Sequence[Audited]) -> dict[str, dict[tuple[str, str], NDArray[np.float64]]]:
    answers = Answers(speech.data, speech.spoken.read, speech.spoken.texts)
    found: dict[str, dict[tuple[str, str], NDArray[np.float64]]] = {}
    for weights, made in speech.simulators.items():
        for seen in views(audited, weights):
            for key, probabilities in made.guesses(answers, seen, speech.seed).items():
                if speech.ceiling and seen in TELLING:
                    probabilities = np.eye(len(probabilities))[answers.targets[key]]
                found.setdefault(key, {})[weights, seen] = probabilities
    return found
