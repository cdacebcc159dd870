"""Making a slate: scores turned from long to wide, answers, and the words that methods rank first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rationale_eval import durable
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example, Task
from rationale_eval.data.schema import to_record
from rationale_eval.desk.slate import ROWS_IN_GROUP, About, Column, Progress, meta
from rationale_eval.desk.sources import Rationales, Source
from rationale_eval.desk.systems import is_control, system_name
from rationale_eval.errors import InputError, UsageError
from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.frames import direction_of
from rationale_eval.verbs.predictions import INPUT, OWN

START: Final = 200
"""Characters of a text that the table shows at most."""

TOP_PERCENT: Final = 20.0
"""Words that count as ranked first when methods are compared."""

Floats = NDArray[np.float64]

TEXTS: Final = ("example_id", "start", "search", "record")
"""Columns of texts that are all different."""

COMPRESSION: Final = "lz4"
"""Twice the size of the smallest, and several times as quick to read."""

FIXED: Final = (
    pa.field("place", pa.int32()),
    pa.field("example_id", pa.string()),
    pa.field("start", pa.string()),
    pa.field("search", pa.string()),
    pa.field("gold", pa.string()),
    pa.field("record", pa.string()),
    pa.field("differ", pa.float64()),
    pa.field("spread", pa.float64()),
    pa.field("words", pa.float64()),
)


def build(sources: Sequence[Source], path: Path, progress: Progress | None = None) -> None:
    """Writes the slate of some evaluations, whole or not at all.

    Args:
        sources: Evaluations of the same data.
        path: The Parquet file.
        progress: Shows how far it is.

    Raises:
        UsageError: If they are of different data.
    """
    prints = {each.fingerprint for each in sources}
    if len(prints) > 1:
        raise UsageError("these runs were made on different data; choose runs of the same data set and split.")
    load_all()
    ids = _ids(sources[0])
    if progress is not None:
        progress(0, len(ids))
    parts = _Parts(ids)
    for source in sources:
        parts.add(source, alone=len(sources) == 1)
    data, missing = None, ""
    try:
        data = sources[0].open_data()
    except InputError as error:
        missing = error.problem
    about = sources[0].about.get("data") or {}
    named = f"{about.get('name') or sources[0].job.data} {about.get('split') or ''}".strip()
    parts.write(path, data, missing, named, progress)


def _ids(source: Source) -> pa.Array:
    table = pq.read_table(source.run.examples, columns=["example_id"], memory_map=True)
    found: pa.Array = pc.unique(table["example_id"])
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


class _Parts:
    """Columns as they come together: all arrays have one value for each example, in the order of `ids`."""

    def __init__(self, ids: pa.Array):
        self.ids = ids
        self.scores: dict[tuple[str, str, str], Floats] = {}
        self.choices: dict[str, NDArray[np.int32]] = {}
        self.sure: dict[str, Floats] = {}
        self.rows: dict[str, NDArray[np.int32]] = {}
        self.files: dict[str, str] = {}
        self.systems: list[str] = []
        self.said: dict[str, list[str | None]] = {}
        self.words = np.full(len(ids), np.nan)
        self.tops: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]] = []

    def add(self, source: Source, *, alone: bool) -> None:
        """Takes in one evaluation."""

        def name(method: str) -> str:
            return system_name(source.run.id, method, alone=alone)

        scored = self._scores(source)
        for (method, metric, variant), values in scored.items():
            self.scores[name(method), metric, variant] = values
        self.systems += list(dict.fromkeys(name(method) for method, *_ in scored))
        found = source.rationales()
        for each in found:
            self._rationales(each, name(each.method))
        if source.predictions is not None:
            self._answers(source.predictions, name)
        else:
            self._targets(found, name("model"))

    def _scores(self, source: Source) -> dict[tuple[str, str, str], Floats]:
        names = ["method", "metric", "variant"]
        table = pq.read_table(
            source.run.examples, columns=["example_id", *names, "value"], read_dictionary=names, memory_map=True
        )
        place = self._places(table["example_id"])
        coded = [_coded(table[name]) for name in names]
        sizes = [len(words) for _, words in coded]
        code = np.ravel_multi_index([numbers for numbers, _ in coded], [max(1, size) for size in sizes])
        value = table["value"].to_numpy()
        found: dict[tuple[str, str, str], Floats] = {}
        kinds, first = np.unique(code, return_index=True)
        for kind in kinds[np.argsort(first)]:
            rows = np.flatnonzero((code == kind) & (place >= 0))
            values = np.full(len(self.ids), np.nan)
            values[place[rows]] = value[rows]
            at = np.unravel_index(kind, [max(1, size) for size in sizes])
            method, metric, variant = (words[int(number)] for (_, words), number in zip(coded, at, strict=True))
            found[method, metric, variant] = values
        return found

    def _places(self, ids: pa.ChunkedArray) -> NDArray[np.int64]:
        """Where each id stands among the examples; -1 for one that does not."""
        return pc.fill_null(pc.index_in(ids, value_set=self.ids), -1).to_numpy().astype(np.int64)

    def _answers(self, path: Path, name: Any) -> None:
        table = pq.read_table(
            path,
            columns=["example_id", "system", "seen", "choice", "probabilities", "text"],
            filters=pc.field("seen").isin([INPUT, OWN]),
        )
        for system in pc.unique(table["system"]).to_pylist():
            rows = table.filter(pc.equal(table["system"], system))
            place = self._places(rows["example_id"])
            keep = place >= 0
            choice = pc.fill_null(rows["choice"], -1).to_numpy()
            choices = np.full(len(self.ids), -1, dtype=np.int32)
            choices[place[keep]] = choice[keep]
            self.choices[name(system)] = choices
            lists = rows["probabilities"].combine_chunks()
            if lists.null_count < len(lists):
                sure = np.full(len(self.ids), np.nan)
                sure[place[keep]] = _chosen(lists, choice)[keep]
                self.sure[name(system)] = sure
            if rows["text"].null_count < len(rows):
                texts: list[str | None] = [None] * len(self.ids)
                for at, text in zip(place.tolist(), rows["text"].to_pylist(), strict=True):
                    if at >= 0:
                        texts[at] = text
                self.said[name(system)] = texts

    def _targets(self, found: Sequence[Rationales], name: str) -> None:
        """Evaluations made before answers were kept: methods that explain the predicted choice name it."""
        made = next((each for each in found if each.target == "predicted"), None)
        if made is None:
            return
        table = pq.read_table(made.path, columns=["example_id", "target"])
        place = self._places(table["example_id"])
        choices = np.full(len(self.ids), -1, dtype=np.int32)
        target = pc.fill_null(table["target"], -1).to_numpy()
        choices[place[place >= 0]] = target[place >= 0]
        self.choices[name] = choices

    def _rationales(self, each: Rationales, name: str) -> None:
        table = pq.read_table(each.path, columns=["example_id", "scores"], memory_map=True)
        place = self._places(table["example_id"])
        rows = np.full(len(self.ids), -1, dtype=np.int32)
        rows[place[place >= 0]] = np.flatnonzero(place >= 0)
        self.rows[name], self.files[name] = rows, str(each.path)
        sizes, there = pc.list_value_length(table["scores"]).to_numpy().astype(np.float64), rows >= 0
        self.words[there] = sizes[rows[there]]
        if not is_control(name):
            self.tops.append(_top(table["scores"].combine_chunks(), rows))

    def write(
        self, path: Path, data: RationaleDataset | None, missing: str, named: str, progress: Progress | None
    ) -> None:
        """Streams the rows; texts never stand in memory all at once."""
        real = [system for system in self.systems if not is_control(system)]
        ordered = [*real, *(system for system in self.systems if is_control(system))]
        columns, plain = self._columns(ordered)
        answering = tuple(self.choices)
        spread = self._spread()
        total, gold = len(self.ids), dict[str, None]()
        answers = dict[str, None]()
        extra = [pa.field(each.name, _TYPES[each.role]) for each in columns]
        schema = pa.schema([*FIXED, *extra])
        held: list[dict[str, Any]] = []
        place = 0
        named_often = [each.name for each in schema if each.name not in TEXTS]
        with (
            durable.whole_file(path) as temporary,
            pq.ParquetWriter(temporary, schema, compression=COMPRESSION, use_dictionary=named_often) as writer,
        ):
            for row in self._rows(data, answering, spread):
                gold.update({row["gold"]: None} if row["gold"] is not None else {})
                answers.update(dict.fromkeys(each for each in row["answers"] if each is not None))
                held.append(row)
                place += 1
                if len(held) == ROWS_IN_GROUP or place == total:
                    writer.write_table(_table(held, columns, plain, place - len(held), schema), ROWS_IN_GROUP)
                    held.clear()
                    if progress is not None:
                        progress(place, total)
            about = About(
                total,
                tuple(columns),
                tuple(s for s in ordered if s.rpartition("/")[2] not in ("model", "human")),
                answering,
                tuple(sorted(gold)),
                tuple(sorted(answers)),
                bool(self.said),
                self.files,
                missing,
                named,
            )
            writer.add_key_value_metadata(meta(about))

    def _columns(self, ordered: Sequence[str]) -> tuple[list[Column], dict[str, Floats | NDArray[np.int32]]]:
        columns: list[Column] = []
        plain: dict[str, Any] = {}

        def add(role: Any, system: str, values: Any = None, metric: str = "", variant: str = "") -> None:
            direction = direction_of(metric) if metric else "none"
            columns.append(Column(f"c{len(columns)}", role, system, metric, variant, direction))
            if values is not None:
                plain[columns[-1].name] = values

        for system in self.choices:
            add("answer", system)
            add("right", system)
        for system, sure in self.sure.items():
            add("sure", system, sure)
        for system, rows in self.rows.items():
            add("row", system, rows)
        place = {system: at for at, system in enumerate(ordered)}
        for (system, metric, variant), values in sorted(self.scores.items(), key=lambda each: place[each[0][0]]):
            add("score", system, values, metric, variant)
        return columns, plain

    def _spread(self) -> Floats:
        """1 minus the mean Jaccard overlap of what methods rank first; NaN with fewer than two."""
        total, pairs = np.zeros(len(self.ids)), 0
        for at, (starts, sizes, first) in enumerate(self.tops):
            for other_starts, other_sizes, second in self.tops[at + 1 :]:
                total += _overlap(starts, sizes, first, other_starts, other_sizes, second)
                pairs += 1
        return 1 - total / pairs if pairs else np.full(len(self.ids), np.nan)

    def _rows(
        self, data: RationaleDataset | None, answering: Sequence[str], spread: Floats
    ) -> Iterator[dict[str, Any]]:
        task = None if data is None else data.task
        examples: Iterator[Example | None] = iter(data) if data is not None else iter(lambda: None, 0)
        for place, (id, example) in enumerate(zip(self.ids.to_pylist(), examples, strict=False)):
            if example is not None and example.id != id:
                raise InputError("the scores are not in the data set's order; evaluate again")
            chosen = [int(self.choices[system][place]) for system in answering]
            names = [None if one < 0 else _name(task, example, one) for one in chosen]
            label = None if example is None else example.label
            texts = [text for said in self.said.values() if (text := said[place])]
            read = [] if example is None else list(example.inputs.values())
            yield {
                "place": place,
                "example_id": id,
                "start": " · ".join(" ".join(text[: 2 * START].split()) for text in read)[:START],
                "search": "\n".join([id, *read, *texts]).lower(),
                "gold": None if label is None else _name(task, example, label),
                "record": None if example is None else json.dumps(to_record(example), ensure_ascii=False),
                "differ": _differ(chosen),
                "spread": None if np.isnan(spread[place]) else float(spread[place]),
                "words": None if np.isnan(self.words[place]) else float(self.words[place]),
                "answers": names,
                "rights": [None if label is None or one < 0 else one == label for one in chosen],
            }


_TYPES: Final = {
    "score": pa.float64(),
    "sure": pa.float64(),
    "row": pa.int32(),
    "answer": pa.string(),
    "right": pa.bool_(),
}


def _table(
    held: list[dict[str, Any]], columns: Sequence[Column], plain: dict[str, Any], start: int, schema: pa.Schema
) -> pa.Table:
    arrays: dict[str, Any] = {field.name: pa.array([row[field.name] for row in held], field.type) for field in FIXED}
    answers = iter(range(len(held[0]["answers"])))
    at = -1
    for each in columns:
        if each.role == "answer":
            at = next(answers)
            arrays[each.name] = pa.array([row["answers"][at] for row in held], pa.string())
        elif each.role == "right":
            arrays[each.name] = pa.array([row["rights"][at] for row in held], pa.bool_())
        else:
            values = plain[each.name][start : start + len(held)]
            arrays[each.name] = pa.array(values, _TYPES[each.role], from_pandas=True)
    return pa.table(arrays, schema=schema)


def _coded(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], list[str]]:
    found = column.unify_dictionaries().combine_chunks()
    return found.indices.to_numpy(zero_copy_only=False).astype(np.int64), found.dictionary.to_pylist()


def _chosen(lists: pa.ListArray, choice: NDArray[np.int32]) -> Floats:
    """The probability of each row's choice; NaN where it has none."""
    values, starts = lists.flatten().to_numpy(zero_copy_only=False), _starts(lists)
    sizes = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    found = np.full(len(lists), np.nan)
    there = (choice >= 0) & (choice < sizes)
    found[there] = values[(starts + choice)[there]]
    return found


def _starts(lists: pa.ListArray) -> NDArray[np.int64]:
    """Where each row's values begin among the flattened ones."""
    sizes = pc.fill_null(pc.list_value_length(lists), 0).to_numpy().astype(np.int64)
    return np.cumsum(sizes) - sizes


def _top(
    lists: pa.ListArray, rows: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Which words each example ranks first, as `selection.top_k_percent` selects them, for all examples at once.

    Returns:
        For each example (by `rows`, -1 for none) where its words begin, and how many there are; and for all words of
        the file whether they are among the first.
    """
    values = lists.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    sizes = pc.fill_null(pc.list_value_length(lists), 0).to_numpy().astype(np.int64)
    starts = np.cumsum(sizes) - sizes
    example = np.repeat(np.arange(len(sizes)), sizes)
    order = np.lexsort((-values, example))  # stable: equal scores in reading order; NaN last
    rank = np.empty(len(values), dtype=np.int64)
    rank[order] = np.arange(len(values)) - np.repeat(starts, sizes)
    scored = np.bincount(example[~np.isnan(values)], minlength=len(sizes)) if len(sizes) else sizes
    wanted = np.minimum(scored, np.maximum(1, np.round(scored * TOP_PERCENT / 100).astype(np.int64)))
    first = (rank < np.repeat(wanted, sizes)) & ~np.isnan(values)
    there = rows >= 0
    return np.where(there, starts[rows], 0), np.where(there, sizes[rows], 0), first


def _overlap(
    starts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    first: NDArray[np.bool_],
    other_starts: NDArray[np.int64],
    other_sizes: NDArray[np.int64],
    second: NDArray[np.bool_],
) -> Floats:
    """Jaccard overlap `[examples]` of two methods' first words; NaN where one has none, or they have other words."""
    same = (sizes == other_sizes) & (sizes > 0)
    counts = np.where(same, sizes, 0)
    example = np.repeat(np.arange(len(sizes)), counts)
    within = np.arange(len(example)) - np.repeat(np.cumsum(counts) - counts, counts)
    one, two = first[starts[example] + within], second[other_starts[example] + within]
    both, either, some, others = (
        np.bincount(example[mask], minlength=len(sizes)) for mask in (one & two, one | two, one, two)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(same & (some > 0) & (others > 0), both / either, np.nan)


def _differ(chosen: Sequence[int]) -> float | None:
    """The share of pairs of answers that differ; no answer is an answer of its own."""
    if len(chosen) < 2:
        return None
    pairs = [(one, other) for at, one in enumerate(chosen) for other in chosen[at + 1 :]]
    return sum(one != other for one, other in pairs) / len(pairs)


def _name(task: Task | None, example: Example | None, choice: int) -> str:
    """The label; for options of an example's own their letter, so that they can be filtered by."""
    if task is None or example is None or not 0 <= choice < len(example.choices):
        return f"choice {choice + 1}"
    return example.choices[choice] if task.kind == "classification" else chr(ord("A") + choice % 26)
