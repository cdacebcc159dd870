"""What an audit keeps of its examples, so that a score can be read beside the text it is a score of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

from rationale_eval.axioms.rated import RatedSet
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example


def instances(test: RationaleDataset, ratings: RatedSet | None) -> pd.DataFrame:
    """One row for each example that was scored.

    Args:
        test: The evaluated examples.
        ratings: Explanations that people rated, or None.

    Returns:
        Columns example_id, rated (whether it is one of the rated explanations), inputs (a JSON object of texts by
        field), choices (list), label (index, the explained answer of a rated explanation), rating (mean of people's, 0
        to 1) and by_people (whether a person wrote the explanation); the last two are empty for the others.
    """
    rows = [*(_row(one) for one in test), *(() if ratings is None else _rated(ratings))]
    return pd.DataFrame(rows).astype({"label": "Int64", "rating": "float64", "by_people": "boolean"})


def _row(example: Example) -> dict[str, Any]:
    return {
        "example_id": example.id,
        "rated": False,
        "inputs": json.dumps(dict(example.inputs), ensure_ascii=False),
        "choices": list(example.choices),
        "label": example.label,
        "rating": None,
        "by_people": None,
    }


def _rated(ratings: RatedSet) -> Iterator[dict[str, Any]]:
    for one in ratings.data:
        judged = {"rating": ratings.plausibility[one.id], "by_people": one.id in ratings.by_people}
        yield _row(one) | {"rated": True} | judged
