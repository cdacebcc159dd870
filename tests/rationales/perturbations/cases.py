"""What the tests of single perturbations share."""

from __future__ import annotations

from rationale_eval.data.example import Example
from rationale_eval.rationales.perturbations import Report, Said, perturb


def said(text: str, choices: tuple[str, ...] = ("yes", "no"), answer: int | None = 0) -> Said:
    return Said(Example(id="a", task="t", inputs={"text": "A text."}, choices=choices), text, answer)


def changed(name: str, text: str, choices: tuple[str, ...] = ("yes", "no"), *, seed: int = 0) -> str | None:
    return perturb([name], [said(text, choices)], seed=seed)[name].texts.get("a")


def every(name: str, text: str, choices: tuple[str, ...] = ("yes", "no"), answer: int | None = 0) -> set[str]:
    """All texts that come out under many seeds."""
    found = (perturb([name], [said(text, choices, answer)], seed=seed)[name].texts.get("a") for seed in range(40))
    return {text for text in found if text is not None}


def report(name: str, text: str, choices: tuple[str, ...] = ("yes", "no"), answer: int | None = 0) -> Report:
    return perturb([name], [said(text, choices, answer)], seed=0)[name].report
