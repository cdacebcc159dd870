"""What the task model said, edited: one source for each perturbation. What a language model wrote is kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rationale_eval import durable
from rationale_eval.axioms.spoken import Spoken
from rationale_eval.data.example import Example
from rationale_eval.rationales.perturbations import PERTURBATIONS, Perturbed, Pool, Report, Said, perturb

if TYPE_CHECKING:
    from rationale_eval.models.transformer import TransformerModel

EDITED: Final = "edited"


def edited(
    names: Sequence[str],
    data: Sequence[Example],
    said: Spoken,
    *,
    seed: int,
    folder: Path,
    load: Callable[[], TransformerModel] | None = None,
) -> tuple[dict[str, Spoken], list[Report]]:
    """Edits every rationale in every named way.

    Args:
        names: Perturbations.
        data: The examples.
        said: What the task model said of them.
        seed: Where all draws start from.
        folder: Of the audit; texts by a language model are kept there, and are not written twice.
        load: Gives the language model; called only where one is needed and its texts are not there.

    Raises:
        UsageError: For a perturbation that needs a language model where there is none.

    Returns:
        Source name, "equivalent/synonym" for example, to rationales, without perturbations that never applied; and how
        often each applied.
    """
    known = [Said(one, said.texts[one.id], said.answers[one.id]) for one in data if one.id in said.texts]
    written = [name for name in names if "lm" in PERTURBATIONS[name].needs]
    found = perturb([name for name in names if name not in written], known, seed=seed, pool=Pool(known))
    for name in written:
        path = folder / EDITED / f"{name}-{seed}.json"
        if path.exists():
            found[name] = _load(path)
        else:
            found |= perturb([name], known, seed=seed, lm=None if load is None else load())
            durable.make_folder(path.parent)
            durable.write_json(path, asdict(found[name]))
    sources = {
        f"{each.report.effect}/{name}": Spoken(said.answers, each.texts) for name, each in found.items() if each.texts
    }
    return sources, [found[name].report for name in names]


def _load(path: Path) -> Perturbed:
    kept: Mapping[str, dict[str, object]] = json.loads(path.read_text(encoding="utf-8"))
    return Perturbed(kept["texts"], Report(**kept["report"]))  # type: ignore[arg-type]
