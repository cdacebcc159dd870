"""A perturbation of a free-text rationale: a function, and a record that declares what it does to the meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from rationale_eval.data.example import Example
from rationale_eval.registry import Registry

Effect = Literal["equivalent", "contrastive"]
"""What it does to the meaning: leaves it as it is, or changes it."""

Need = Literal["pool", "lm"]
"""What it takes beside the text: rationales of other instances; a language model that writes."""


@dataclass(frozen=True, slots=True)
class Said:
    """One rationale that is to be perturbed.

    Args:
        example: What it explains.
        text: The rationale.
        answer: Index of the choice that it argues for (the system's predicted answer), or None.
    """

    example: Example
    text: str
    answer: int | None

    @property
    def choice(self) -> str | None:
        """The choice that it argues for, as text."""
        return None if self.answer is None else self.example.choices[self.answer]


@dataclass(frozen=True, slots=True)
class Changed:
    """What became of one text.

    Args:
        text: The perturbed text; None where there is none.
        reason: Why there is none: it does not apply, or its result failed the validity check.
    """

    text: str | None
    reason: str = ""


def not_changed(reason: str) -> Changed:
    """No text, and why."""
    return Changed(None, reason)


class Pool:
    """The rationales of other instances.

    Args:
        said: All of them; the one that is perturbed may be among them.
    """

    def __init__(self, said: Sequence[Said]):
        # The order of the batch must not matter, so that equal pools give equal draws.
        self._said = sorted((one for one in said if one.text.strip()), key=lambda one: (one.example.id, one.text))

    def __len__(self) -> int:
        return len(self._said)

    def others(self, than: Said, rng: np.random.Generator) -> Iterator[Said]:
        """Every rationale of another input, from a random place on, one after the other.

        Instances that share an input text with `than` (three hypotheses of one premise, say) are left out, as are
        equal texts.
        """
        if not self._said:
            return
        inputs, text = set(than.example.inputs.values()), plain(than.text)
        start = int(rng.integers(len(self._said)))
        for one in (*self._said[start:], *self._said[:start]):
            if one.example.id == than.example.id or plain(one.text) == text:
                continue
            if inputs.isdisjoint(one.example.inputs.values()):
                yield one


@dataclass(frozen=True, slots=True)
class Perturbation:
    """Facts about one perturbation and the function that does it.

    Args:
        name: Snake-case name.
        effect: What it does to the meaning.
        title: The name in words.
        describe: What it does, and its validity check.
        cite: Who did so before.
        needs: What it takes beside the text.
        apply: `apply(said, rng, pool) -> Changed`; the pool is None unless it is among `needs`. With "lm" among them
            `apply(all said, lm, seed) -> list of Changed` in their order, so that the model reads them in batches.
        version: Raised whenever texts change.
    """

    name: str
    effect: Effect
    title: str
    describe: str
    cite: str
    needs: tuple[Need, ...]
    apply: Callable[..., Any]
    version: int = 1


PERTURBATIONS: Final[Registry[Perturbation]] = Registry("perturbation")
"""All perturbations, once `rationale_eval.rationales.perturbations` is imported."""


def perturbation(name: str, **facts: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers the decorated function as the perturbation `name`; `facts` are the other fields of `Perturbation`."""

    def register(apply: Callable[..., Any]) -> Callable[..., Any]:
        facts.setdefault("needs", ())
        PERTURBATIONS.add(name, Perturbation(name=name, apply=apply, **facts))
        return apply

    return register


def plain(text: str) -> str:
    """A text without case, white space and the signs around it: what two texts have in common that say the same."""
    return " ".join(text.casefold().split()).strip(" .,;:!?\"'")
