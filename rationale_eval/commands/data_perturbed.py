"""How perturbed texts look on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rationale_eval.commands.data_text import visible
from rationale_eval.commands.output import show

if TYPE_CHECKING:
    from rationale_eval.verbs.perturb import PerturbedGold


def list_perturbations(as_json: bool) -> None:
    """Prints what perturbations there are."""
    from rationale_eval.rationales.perturbations import PERTURBATIONS

    rows = [
        {"name": each.name, "effect": each.effect, "needs": ", ".join(each.needs), "what it does": each.describe}
        for each in PERTURBATIONS.values()
    ]
    show(rows, as_json=as_json)


def print_perturbed(result: PerturbedGold, as_json: bool) -> None:
    """Prints every text before and after, then how often each perturbation applied and why it did not."""
    reports = [
        {
            "perturbation": name,
            "effect": one.report.effect,
            "tried": one.report.tried,
            "applied": one.report.applied,
            "share": one.report.share,
            "most frequent reason against": next(iter(one.report.reasons), ""),
        }
        for name, one in result.found.items()
    ]
    if as_json:
        show([], as_json=True, value=_value(result))
        return
    for one in result.said:
        rows = [{"perturbation": "(as it was)", "text": visible(one.text)}]
        for name, found in result.found.items():
            if (text := found.texts.get(one.example.id)) is not None:
                rows.append({"perturbation": name, "text": visible(text)})
        show(rows, title=visible(one.example.id))
    show(reports, title="how often each applied")


def _value(result: PerturbedGold) -> dict[str, Any]:
    return {
        "texts": [
            {
                "id": one.example.id,
                "text": one.text,
                "answer": one.answer,
                "perturbed": {
                    name: found.texts[one.example.id]
                    for name, found in result.found.items()
                    if one.example.id in found.texts
                },
            }
            for one in result.said
        ],
        "reports": [
            {
                "perturbation": name,
                "effect": found.report.effect,
                "tried": found.report.tried,
                "applied": found.report.applied,
                "share": found.report.share,
                "reasons": dict(found.report.reasons),
            }
            for name, found in result.found.items()
        ],
    }
