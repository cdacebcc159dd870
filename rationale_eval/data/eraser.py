"""The ERASER benchmark's files (DeYoung et al. 2020): documents, annotations and predictions, as typed records.

```
DIR/docs/<docid>  or  DIR/docs.jsonl     documents: white-space tokens, one sentence a line
DIR/<split>.jsonl                        annotations: annotation_id, query, classification, evidences, docids
```

All spans are token offsets into a document, start included, end excluded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from rationale_eval.data.dataset import OnError, Origin, RationaleDataset
from rationale_eval.data.example import Example, Span, Task
from rationale_eval.data.folder import choose_split, split_name
from rationale_eval.data.gate import text_problem
from rationale_eval.data.limits import DEFAULT_LIMITS
from rationale_eval.data.readers.text import read_text
from rationale_eval.data.reading import read_rows
from rationale_eval.data.rejections import Rejection
from rationale_eval.data.source import FileSource, confined
from rationale_eval.data.words import WORD_RULES
from rationale_eval.errors import InputError

DOCUMENTS_KEPT: Final = 64


@dataclass(frozen=True, slots=True)
class EraserEvidence:
    """One marked passage: tokens `start` to `end` (excluded) of document `docid`."""

    docid: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class EraserAnnotation:
    """One annotated instance.

    Args:
        id: Its annotation id.
        query: The question or claim; may be empty.
        classification: The gold label, as a name.
        evidences: Groups of passages; each group alone supports the label. The scorer flattens them into one gold set.
        docids: The documents it is about, evidence documents included, in order.
    """

    id: str
    query: str
    classification: str
    evidences: tuple[tuple[EraserEvidence, ...], ...]
    docids: tuple[str, ...]

    def gold(self) -> dict[str, tuple[Span, ...]]:
        """Docid to its marked passages: all groups together, in order, duplicates once, overlaps left as they are."""
        spans: dict[str, set[Span]] = {}
        for group in self.evidences:
            for one in group:
                spans.setdefault(one.docid, set()).add((one.start, one.end))
        return {docid: tuple(sorted(found)) for docid, found in spans.items()}


class EraserBenchmark:
    """One split of a benchmark folder. Documents are read on demand and a few of them kept.

    Args:
        folder: The folder that holds `docs` (or `docs.jsonl`) and the split files.
        split: The split; by default test, else validation, else train.

    Raises:
        InputError: If the folder has not this form. UsageError for an unknown split.
    """

    def __init__(self, folder: Path | str, split: str | None = None):
        self.folder = Path(folder)
        if not is_eraser_folder(self.folder):
            raise InputError("holds no ERASER benchmark (docs/ or docs.jsonl, and <split>.jsonl)", file=str(folder))
        splits = {split_name(path.stem): path for path in _annotation_files(self.folder)}
        self.split = choose_split(splits, split, str(folder))
        self.source = FileSource(splits[self.split])
        self._read = self._reader()
        self.document = lru_cache(DOCUMENTS_KEPT)(self._document)

    def annotations(self) -> Iterator[EraserAnnotation]:
        """Yields the annotations, checked; raises at the first bad one."""
        for item in self.checked():
            if isinstance(item, Rejection):
                raise item.error()
            yield item

    def checked(self) -> Iterator[EraserAnnotation | Rejection]:
        """Yields the annotations, with a rejection for every bad one."""
        for row in read_rows(self.source, "jsonl"):
            if isinstance(row, Rejection):
                yield row
                continue
            try:
                yield read_annotation(row.values)
            except InputError as error:
                yield Rejection(row.number, error.field, error.problem, self.source.name)

    def tokens(self, docid: str) -> tuple[str, ...]:
        """The tokens of a document.

        Raises:
            InputError: If there is no such document.
        """
        return tuple(self.document(docid).split())

    def _document(self, docid: str) -> str:
        text = self._read(docid)
        if problem := text_problem(text, DEFAULT_LIMITS):
            raise InputError(f"the document '{docid[:80]}' {problem}", file=str(self.folder))
        return text

    def _reader(self) -> Callable[[str], str]:
        docs = self.folder / "docs"
        if docs.is_dir():

            def read(docid: str) -> str:
                confined(docs / docid, [docs])
                try:
                    source = FileSource(docs / docid)
                except InputError as error:
                    raise InputError(f"there is no document '{docid[:80]}'", file=str(docs)) from error
                with source.open() as file:
                    return "".join(read_text(file, source.name, DEFAULT_LIMITS))

            return read
        source = FileSource(self.folder / "docs.jsonl")
        held = dict(_stored_documents(source))

        def look(docid: str) -> str:
            if docid not in held:
                raise InputError(f"there is no document '{docid[:80]}'", file=source.name)
            return held[docid]

        return look


def is_eraser_folder(folder: Path) -> bool:
    """Whether a folder has documents and annotations in the benchmark's layout."""
    return ((folder / "docs").is_dir() or (folder / "docs.jsonl").is_file()) and bool(_annotation_files(folder))


def _annotation_files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.jsonl")) if path.name != "docs.jsonl"]


def _stored_documents(source: FileSource) -> Iterator[tuple[str, str]]:
    for row in read_rows(source, "jsonl"):
        if isinstance(row, Rejection):
            raise row.error()
        docid, text = row.values.get("docid"), row.values.get("document")
        if not isinstance(docid, str) or not isinstance(text, str):
            raise InputError("needs the texts 'docid' and 'document'", file=source.name, row=row.number)
        yield docid, text


def read_annotation(values: Mapping[str, Any]) -> EraserAnnotation:
    """Checks one annotation record.

    Raises:
        InputError: Naming the field at fault.
    """
    groups = values.get("evidences")
    if groups is not None and not (isinstance(groups, list) and all(isinstance(group, list) for group in groups)):
        raise InputError("is not a list of groups of passages", field="evidences")
    evidences = tuple(tuple(_evidence(one) for one in group) for group in groups or [])
    named = values.get("docids") or []
    if not isinstance(named, list) or not all(isinstance(docid, str) for docid in named):
        raise InputError("is not a list of document ids", field="docids")
    identity = read_string(values, "annotation_id")
    marked = [one.docid for group in evidences for one in group]
    docids = tuple(dict.fromkeys([*named, *marked])) or (identity,)
    query = values.get("query") or ""
    if not isinstance(query, str):
        raise InputError("is not text", field="query")
    return EraserAnnotation(identity, query, read_string(values, "classification"), evidences, docids)


def read_string(values: Mapping[str, Any], key: str) -> str:
    """The text under `key`, which must be there."""
    value = values.get(key)
    if not isinstance(value, str) or not value:
        raise InputError("must be a text", field=key)
    return value


def read_token_span(value: Any, field: str) -> Span:
    """A token span from an object with `start_token` and `end_token`."""
    start, end = (value.get("start_token"), value.get("end_token")) if isinstance(value, dict) else (None, None)
    if type(start) is not int or type(end) is not int or not 0 <= start <= end:
        raise InputError("needs whole numbers 0 <= start_token <= end_token", field=field)
    return start, end


def _evidence(value: Any) -> EraserEvidence:
    if not isinstance(value, dict):
        raise InputError("holds something that is not a passage", field="evidences")
    return EraserEvidence(read_string(value, "docid"), *read_token_span(value, "evidences"))


def eraser_splits(folder: Path) -> list[str]:
    """The splits of a benchmark folder."""
    return [split_name(path.stem) for path in _annotation_files(folder)]


def load_eraser(folder: Path | str, split: str | None = None, on_error: OnError = "raise") -> RationaleDataset:
    """A benchmark split as a data set: `document` (and `query` where there is one) with the passages as highlights.

    Raises:
        InputError: If the folder has not this form; while iterating, for bad annotations.
        UsageError: For an unknown split.
    """
    benchmark = EraserBenchmark(folder, split)
    labels = tuple(sorted({item.classification for item in benchmark.checked() if isinstance(item, EraserAnnotation)}))
    task = Task(benchmark.folder.resolve().name, "classification", ("document", "query"), labels)

    def examples() -> Iterator[Example | Rejection]:
        for place, item in enumerate(benchmark.checked(), start=1):
            try:
                yield item if isinstance(item, Rejection) else _example(item, benchmark, task)
            except InputError as error:
                yield Rejection(place, error.field, error.problem, benchmark.source.name)

    return RationaleDataset(
        task.name,
        benchmark.split,
        task,
        examples,
        word_rule="whitespace",
        cluster_field="document",
        on_error=on_error,
        origin=Origin(str(folder), (benchmark.source.name,)),
    )


def _example(item: EraserAnnotation, benchmark: EraserBenchmark, task: Task) -> Example:
    several = len(item.docids) > 1
    names = {docid: f"document_{i}" if several else "document" for i, docid in enumerate(item.docids, start=1)}
    inputs = {name: benchmark.document(docid) for docid, name in names.items()}
    evidence = {names[docid]: _characters(inputs[names[docid]], spans) for docid, spans in item.gold().items()}
    if item.query.strip():
        inputs["query"] = item.query
    label = task.choices.index(item.classification)
    return Example(
        item.id, task.name, inputs, task.choices, label, evidence=evidence, meta={"docids": list(item.docids)}
    )


def _characters(text: str, spans: tuple[Span, ...]) -> tuple[Span, ...]:
    """Token spans as character spans, joined where they overlap."""
    tokens = WORD_RULES["whitespace"](text)
    joined: list[Span] = []
    for start, end in spans:
        if end > len(tokens):
            raise InputError(f"token {end} lies outside the document of {len(tokens)} tokens", field="evidences")
        if start == end:
            continue
        first, last = tokens[start][0], tokens[end - 1][1]
        if joined and first < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return tuple(joined)
