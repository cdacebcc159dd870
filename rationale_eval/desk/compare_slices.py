"""Parts of a data set on which systems may differ: by label, by whether the model is right, by length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rationale_eval.desk import roots
from rationale_eval.desk.desk import Desk
from rationale_eval.errors import RationaleEvalError
from rationale_eval.verbs.result import Result

if TYPE_CHECKING:
    import pandas as pd

    from rationale_eval.workspace.run import Run

THIRDS: Final = ("short", "middle", "long")
MOST_LABELS: Final = 12
"""Labels that become slices; with more of them a slice each helps nobody."""


def facts(desk: Desk, id: str) -> pd.DataFrame:
    """What is known of each example of an evaluation beside its scores.

    Args:
        desk: The desk.
        id: The evaluation.

    Returns:
        One row an example, by `example_id`: label (text or None), correct (1.0 or 0.0: whether the model was right,
        else NaN), words (their number or NaN).
    """
    import pandas as pd

    run = desk.run(id)
    result = Result.load(run.folder)
    ids = result.examples(columns=["example_id"])["example_id"].drop_duplicates()
    table = pd.DataFrame(index=pd.Index(ids, name="example_id"))
    right = result.examples("accuracy", "model", columns=["example_id", "value"]).drop_duplicates("example_id")
    table["correct"] = right.set_index("example_id")["value"].reindex(table.index)
    words, labels = _words(run), _labels(desk, run)
    table["words"] = pd.Series(words, dtype="float64").reindex(table.index)
    table["label"] = pd.Series(labels, dtype="object").reindex(table.index)
    return table


def _words(run: Run) -> dict[str, float]:
    """Words of each example, from the first set of rationales that the run keeps."""
    for path in sorted((run.folder / "explanations").glob("*.parquet")):
        table = pq.read_table(path, columns=["example_id", "word_start"])
        counts = pc.list_value_length(table["word_start"]).to_pylist()
        return dict(zip(table["example_id"].to_pylist(), counts, strict=True))
    return {}


def _labels(desk: Desk, run: Run) -> dict[str, str]:
    """Gold labels by example, where the data may be opened and still lie there."""
    from rationale_eval.verbs.job import EvaluateConfig

    try:
        config = EvaluateConfig(**run.config)
        if not may_open(desk, config.data):
            return {}
        found = {}
        for example in config.open_data(desk.workspace):
            if example.label is not None:
                found[example.id] = example.choices[example.label]
        return found
    except (RationaleEvalError, ValueError, TypeError):
        return {}  # the scores can be compared without


def may_open(desk: Desk, data: str) -> bool:
    """Whether a page may open a data set: one of ours, or one under the operator's folders."""
    return roots.may_open(data, [*desk.access.roots, desk.workspace.path])


def slices(table: pd.DataFrame) -> dict[str, list[str]]:
    """Slices by name, with the ids of their examples; only those that part the examples.

    Args:
        table: What `facts` returns.
    """
    found: dict[str, list[str]] = {}
    labels = [label for label in dict.fromkeys(table["label"]) if isinstance(label, str)]
    if 1 < len(labels) <= MOST_LABELS:
        found |= {f"label: {label}": _ids(table, table["label"] == label) for label in sorted(labels)}
    for name, value in (("model is right", 1.0), ("model is wrong", 0.0)):
        found[name] = _ids(table, table["correct"] == value)
    known = table["words"].dropna()
    if len(known) >= len(THIRDS):
        low, high = np.quantile(known, [1 / 3, 2 / 3])
        parts = (table["words"] <= low, (table["words"] > low) & (table["words"] <= high), table["words"] > high)
        limits = (f"up to {low:.0f} words", f"{low:.0f} to {high:.0f} words", f"over {high:.0f} words")
        found |= {
            f"{name}: {limit}": _ids(table, part) for name, limit, part in zip(THIRDS, limits, parts, strict=True)
        }
    return {name: ids for name, ids in found.items() if 0 < len(ids) < len(table)}


def _ids(table: pd.DataFrame, part: pd.Series) -> list[str]:
    return [str(each) for each in table.index[part.fillna(False).to_numpy(dtype=bool)]]


def group_of(name: str) -> str:
    """The kind of a slice: "label", "model" or "length"."""
    if name.startswith("label: "):
        return "label"
    return "model" if name.startswith("model is ") else "length"


def same_examples(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The facts of several evaluations on the same data: of the first, filled from the others where it has none."""
    first, *others = tables.values()
    for other in others:
        first = first.combine_first(other.reindex(first.index))
    return first
