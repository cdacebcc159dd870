"""What an evaluation leaves behind: one row for each example, method, metric and variant, and what can be made of
it.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rationale_eval import durable
from rationale_eval.errors import InputError
from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.record import Score
from rationale_eval.verbs.predictions import FILE
from rationale_eval.verbs.predictions import SCHEMA as SCHEMA_OF_PREDICTIONS

if TYPE_CHECKING:
    import pandas as pd

EVALUATION: Final = "evaluation.json"
"""Beside the scores: what was evaluated and how."""

ROWS_IN_GROUP: Final = 20_000

SCHEMA: Final = pa.schema(
    [
        ("example_id", pa.string()),
        ("cluster", pa.string()),
        ("method", pa.string()),
        ("metric", pa.string()),
        ("variant", pa.string()),
        ("value", pa.float64()),
        ("reason", pa.string()),
        ("parts", pa.list_(pa.float64())),
        ("curve", pa.list_(pa.float64())),
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class ScoreRow:
    """One example's score by one metric for one method."""

    example_id: str
    cluster: str | None
    method: str
    metric: str
    variant: str
    score: Score

    def record(self) -> dict[str, Any]:
        """The row as Parquet columns; undefined values are null with a reason."""
        score = self.score
        return {
            "example_id": self.example_id,
            "cluster": self.cluster,
            "method": self.method,
            "metric": self.metric,
            "variant": self.variant,
            "value": None if math.isnan(score.value) else score.value,
            "reason": score.reason,
            "parts": None if score.parts is None else score.parts.tolist(),
            "curve": None if score.curve is None else score.curve.tolist(),
        }


def temporary_scores() -> Path:
    """A place for scores that nobody asked to keep."""
    return Path(tempfile.mkdtemp(prefix="rationale-eval-")) / "examples.parquet"


def write_scores(rows: Iterable[ScoreRow], path: Path | None = None) -> Path:
    """Streams score rows into a Parquet file, whole or not at all. Returns its path."""
    path = path or temporary_scores()
    with durable.whole_file(path) as temporary, pq.ParquetWriter(temporary, SCHEMA) as writer:
        held: list[dict[str, Any]] = []
        for row in rows:
            held.append(row.record())
            if len(held) == ROWS_IN_GROUP:
                writer.write_table(pa.Table.from_pylist(held, SCHEMA))
                held.clear()
        if held:
            writer.write_table(pa.Table.from_pylist(held, SCHEMA))
    return path


class Result:
    """The scores of an evaluation.

    Args:
        path: Parquet file with one row for each example, method, metric and variant.
        provenance: What was evaluated and how.
        only: Ids of the examples that count; all when None.
    """

    def __init__(self, path: Path, provenance: Mapping[str, Any], *, only: Collection[str] | None = None):
        self.path, self.provenance = Path(path), dict(provenance)
        self._only = None if only is None else frozenset(only)

    @classmethod
    def load(cls, folder: Path) -> Result:
        """Reads a result from a run folder.

        Raises:
            InputError: If the folder holds no result.
        """
        folder = Path(folder)
        path = folder / "examples.parquet" if folder.is_dir() else folder
        if not path.is_file():
            raise InputError("holds no examples.parquet; give the folder of a finished evaluation", file=str(folder))
        try:
            provenance = json.loads((path.parent / EVALUATION).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            provenance = {}
        return cls(path, provenance)

    def narrowed(self, ids: Collection[str]) -> Result:
        """The same result on some of its examples; values, intervals and tests are those of these examples alone.

        Args:
            ids: Ids of examples; those that are not in the result are passed over.
        """
        return Result(self.path, self.provenance, only=ids if self._only is None else self._only & frozenset(ids))

    def examples(
        self,
        metric: str | None = None,
        method: str | None = None,
        *,
        variant: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """One row for each example, method, metric and variant, in the data set's order.

        Args:
            metric: Only this metric.
            method: Only this method.
            variant: Only this variant.
            columns: Only these columns, which is quicker; `example_id` stands among them where the result is narrowed.
        """
        wanted = {"metric": metric, "method": method, "variant": variant}
        filters = [(name, "==", value) for name, value in wanted.items() if value is not None]
        if columns is not None and self._only is not None:
            columns = list(dict.fromkeys(["example_id", *columns]))
        table = pq.read_table(self.path, filters=filters or None, columns=None if columns is None else list(columns))
        if self._only is not None:
            table = table.filter(pc.is_in(table["example_id"], pa.array(sorted(self._only), pa.string())))
        return table.to_pandas()

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics that were computed, in order of appearance."""
        found: list[str] = pq.read_table(self.path, columns=["metric"])["metric"].unique().to_pylist()
        return found

    def predictions(self) -> pd.DataFrame:
        """Who answered what, in the data set's order; see `verbs/predictions.py` for the columns. Empty where no model
        or text took part, or the evaluation was made before answers were kept.
        """
        path = self.path.with_name(FILE)
        return pq.read_table(path).to_pandas() if path.is_file() else SCHEMA_OF_PREDICTIONS.empty_table().to_pandas()

    def summary(self, *, level: float = 0.95, resamples: int | None = None, seed: int = 0) -> pd.DataFrame:
        """Corpus values with bootstrap intervals.

        Args:
            level: Confidence level.
            resamples: Bootstrap resamples; None takes the usual number.
            seed: Seed of the resampling.

        Returns:
            Columns method, metric, variant, value, ci_low, ci_high, n, coverage, direction, interval, reasons.
        """
        import pandas as pd

        from rationale_eval.metrics.frames import COLUMNS
        from rationale_eval.metrics.statistics import RESAMPLES
        from rationale_eval.metrics.summary import SUMMARY_COLUMNS, summarize

        load_all()
        # One metric at a time: memory holds the rows of one metric, not of all.
        tables = [
            summarize(rows, level=level, resamples=resamples or RESAMPLES, seed=seed)
            for rows in (self.examples(name, columns=COLUMNS) for name in self.metrics)
            if len(rows)
        ]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(SUMMARY_COLUMNS))

    def records(self, **how: Any) -> list[dict[str, Any]]:
        """The summary as JSON records; what is not defined is None."""
        names = ("method", "metric", "variant", "value", "ci_low", "ci_high", "n", "coverage", "direction", "reasons")
        table = self.summary(**how)[list(names)].astype(object)
        return table.where(table.notna(), None).to_dict("records")

    def __repr__(self) -> str:
        return f"Result({str(self.path)!r})"
