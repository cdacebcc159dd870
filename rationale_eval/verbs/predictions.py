"""Who answered what: kept beside the scores of an evaluation, so that every example can be looked at afterwards.

`predictions.parquet`, one row for each example, system and view, in the data set's order:

| column | type | |
|---|---|---|
| `example_id` | text | |
| `system` | text | `model` for the explained model, else the system whose free text it is |
| `seen` | text | `input` by the model; for free text `own` (its own answer) or a simulator as `np both` |
| `choice` | whole number or null | index into the example's choices; null where no answer can be read |
| `probabilities` | list of float64, or null | one for each of the example's choices |
| `text` | text or null | the free-text rationale, in the rows of `own` |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rationale_eval import durable

FILE: Final = "predictions.parquet"
INPUT: Final = "input"
"""The explained model saw the whole input."""

OWN: Final = "own"
"""The answer that a system gave together with its text."""

GROUP_ROWS: Final = 8192
SCHEMA: Final = pa.schema(
    [
        pa.field("example_id", pa.string(), nullable=False),
        pa.field("system", pa.string(), nullable=False),
        pa.field("seen", pa.string(), nullable=False),
        pa.field("choice", pa.int32()),
        pa.field("probabilities", pa.list_(pa.float64())),
        pa.field("text", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """One answer to one example.

    Args:
        example_id: The example.
        system: See the top of this file.
        seen: See the top of this file.
        choice: Index into the example's choices, or None.
        probabilities: float64 `[choices]`, in the example's order, or None where only the choice is known.
        text: The free-text rationale, or None.
    """

    example_id: str
    system: str
    seen: str
    choice: int | None
    probabilities: NDArray[np.float64] | None = None
    text: str | None = None

    def record(self) -> dict[str, Any]:
        """The row as Parquet columns."""
        return {
            "example_id": self.example_id,
            "system": self.system,
            "seen": self.seen,
            "choice": self.choice,
            "probabilities": None if self.probabilities is None else self.probabilities.tolist(),
            "text": self.text,
        }


def simulator(weights: str, view: str) -> str:
    """What stands in `seen` for a simulator.

    Args:
        weights: "pt" or "np".
        view: A name in `simulators/view.py`.
    """
    return f"{weights} {view}"


@contextmanager
def predictions_file(path: Path) -> Iterator[Callable[[Answered], None]]:
    """Yields a function that adds one answer; the file is there, whole, once the block ends well."""
    held: list[dict[str, Any]] = []
    with durable.whole_file(path) as temporary, pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as writer:

        def flush() -> None:
            writer.write_table(pa.Table.from_pylist(held, schema=SCHEMA))
            held.clear()

        def add(one: Answered) -> None:
            held.append(one.record())
            if len(held) == GROUP_ROWS:
                flush()

        yield add
        if held:
            flush()
