"""Parts of a data set on which systems may differ: by label, by whether the model is right, by length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rationale_eval.desk.desk import Desk
from rationale_eval.desk.slate import known, slate_of
from rationale_eval.desk.sources import Source
from rationale_eval.errors import InputError
from rationale_eval.verbs.result import Result

if TYPE_CHECKING:
    import pandas as pd

THIRDS: Final = ("short", "middle", "long")
MOST_READ: Final = 2_000
"""Examples whose labels are read from the data themselves while somebody waits for the page."""

MOST_LABELS: Final = 12
"""Labels that become slices; with more of them a slice each helps nobody."""


def facts(desk: Desk, *ids: str) -> pd.DataFrame:
    """What is known of each example of some evaluations on the same data, beside their scores.

    Args:
        desk: The desk.
        ids: The evaluations; what the model answered is that of the first.

    Returns:
        One row an example, by `example_id`: label (text or None), correct (1.0 or 0.0: whether the model was right,
        else NaN), words (their number or NaN).
    """
    import pandas as pd

    sources = [Source(desk.run(id), desk) for id in ids]
    result = Result.load(sources[0].run.folder)
    there = result.examples(columns=["example_id"])["example_id"].drop_duplicates()
    table = pd.DataFrame(index=pd.Index(there, name="example_id"))
    right = result.examples("accuracy", "model", columns=["example_id", "value"]).drop_duplicates("example_id")
    table["correct"] = right.set_index("example_id")["value"].reindex(table.index)
    table["words"] = pd.Series(_words(sources[0]), dtype="float64").reindex(table.index)
    table["label"] = pd.Series(_labels(sources, len(table)), dtype="object").reindex(table.index)
    return table


def _words(source: Source) -> dict[str, float]:
    """Words of each example, from the first set of rationales that the run knows."""
    for each in source.rationales():
        table = pq.read_table(each.path, columns=["example_id", "word_start"])
        counts = pc.list_value_length(table["word_start"]).to_pylist()
        return dict(zip(table["example_id"].to_pylist(), counts, strict=True))
    return {}


def _labels(sources: Sequence[Source], examples: int) -> dict[str, str]:
    """Gold labels by example: from the slate where it was made already, else from data that are not large."""
    if known(sources):
        table = slate_of(sources).read(["example_id", "gold"])
        return {
            id: gold for id, gold in zip(*(table[name].to_pylist() for name in table.column_names), strict=True) if gold
        }
    if examples > MOST_READ:
        return {}
    try:
        data = sources[0].open_data()
        return {each.id: each.choices[each.label] for each in data if each.label is not None}
    except InputError:
        return {}  # the scores can be compared without


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
    lengths = table["words"].dropna()
    if len(lengths) >= len(THIRDS):
        low, high = np.quantile(lengths, [1 / 3, 2 / 3])
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
