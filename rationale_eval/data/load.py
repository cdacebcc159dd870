"""`load_dataset`: from what a user names to a `RationaleDataset`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

from rationale_eval.data.catalogue import CATALOGUE, Entry
from rationale_eval.data.dataset import OnError, Origin, RationaleDataset
from rationale_eval.data.example import Example, Task
from rationale_eval.data.folder import LOCAL_ROOTS_VARIABLE, choose_split, file_split, find_named, find_splits
from rationale_eval.data.limits import DEFAULT_LIMITS, Limits
from rationale_eval.data.mapping import resolve
from rationale_eval.data.own import PREFIX, find_own
from rationale_eval.data.readers.row import RawRow
from rationale_eval.data.reading import Rows, file_format, read_rows
from rationale_eval.data.rejections import Rejection
from rationale_eval.data.schema import in_schema, to_example
from rationale_eval.data.source import FileSource
from rationale_eval.errors import InputError, UsageError

BUNDLED: Final = Path(__file__).parent / "bundled"
CLUSTERED: Final = {"bundled/nli": "premise"}
"""Bundled sets whose examples share an input, and which."""
LONGEST_NAME: Final = 4000
"""Characters; file systems take no longer paths."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a user may say beside the source and the split.

    Args:
        mapping: Our names to the file's columns, for own files (see `data/mapping.py`).
        word_rule: Overrides the set's word rule.
        task: A task, or the name of a catalogue entry whose task, word rule and clusters to use.
        encoding: Encoding of text files.
        on_error: "raise" or "collect".
        limits: Caps on size.
    """

    mapping: Mapping[str, str] | None = None
    word_rule: str | None = None
    task: Task | str | None = None
    encoding: str | None = None
    on_error: OnError = "raise"
    limits: Limits = DEFAULT_LIMITS


def load_dataset(  # noqa: PLR0913 -- the public verb; all but the name have defaults
    source: str | os.PathLike[str],
    split: str | None = None,
    limit: int | None = None,
    mapping: Mapping[str, str] | None = None,
    word_rule: str | None = None,
    task: Task | str | None = None,
    *,
    sample: int | None = None,
    sample_seed: int = 0,
    encoding: str | None = None,
    on_error: OnError = "raise",
) -> RationaleDataset:
    """Opens a data set. Nothing is held in memory; rows are checked as they are read.

    Args:
        source: A catalogue name ("esnli") found in a local folder, a folder of splits, a .jsonl, .csv, .tsv or
            .parquet file, "bundled/nli", "generated/<task>", "own/<name>" for a set that the workspace keeps, or
            "hub:<name or owner/repository[/config][@commit]>" for a public Parquet copy.
        split: Its split; by default test, else validation, else train.
        limit: At most so many examples, from the first.
        sample: At most so many examples, drawn at random from all; see `RationaleDataset.sample`.
        sample_seed: Which are drawn.
        mapping: For own files: our names to their columns, such as {"premise": "sentence1", "label": "gold_label"};
            what is not named is guessed and shown in `data.origin.mapping`.
        word_rule: "unicode" or "whitespace"; by default that of the set.
        task: The task, or the name of a catalogue entry the file follows; by default found out from the content.
        encoding: Encoding of a text file that is not UTF-8 and has no byte order mark.
        on_error: "raise" stops at the first bad row; "collect" passes over them and counts them in `data.rejections`.

    Raises:
        UsageError: For an unknown name or split, or a limit and a sample at once.
        InputError: For a file that cannot be read, now or while iterating.
    """
    if limit is not None and sample is not None:
        raise UsageError("a limit takes the first examples and a sample draws from all; give one of them")
    options = Options(mapping, word_rule, task, encoding, on_error)
    name = os.fspath(source)
    data = _generated(name, split, limit) if name.startswith("generated/") else _open(name, split, options).limit(limit)
    return data.sample(sample, sample_seed)


def _generated(name: str, split: str | None, limit: int | None) -> RationaleDataset:
    from rationale_eval.data.generated import generate

    data: RationaleDataset = generate(name.removeprefix("generated/"), split or "test", limit, 0)
    return data


def _open(name: str, split: str | None, options: Options) -> RationaleDataset:
    if name.startswith("hub:"):
        from rationale_eval.data.hub import hub_splits

        copy = hub_splits(name.removeprefix("hub:"))
        chosen = choose_split(copy.splits, split, name)
        entry = CATALOGUE[options.task] if isinstance(options.task, str) else copy.entry
        return open_files(copy.files(chosen), chosen, options, entry=entry, origin=Origin(name, commit=copy.commit))
    if name.startswith("bundled/"):
        folder = BUNDLED / name.removeprefix("bundled/")
        if not folder.is_dir():
            have = ", ".join(f"bundled/{path.name}" for path in sorted(BUNDLED.glob("*")) if path.is_dir())
            raise UsageError(f"there is no bundled set '{name}'; there are: {have}")
        return _folder(folder, split, options, label=name)
    if name.startswith(PREFIX):
        return _own(name, split, options)
    path = Path(name)
    if len(name) > LONGEST_NAME or "\0" in name:
        raise UsageError(f"'{name[:40]}...' is not the name of a data set or a file")
    if path.is_dir():
        return _folder(path, split, options)
    if path.exists() or path.suffix:
        return open_files((path,), split or file_split(path.stem), options, entry=_entry(path.parent, options))
    if name in CATALOGUE:
        found = find_named(name)
        if found is not None:
            return _folder(found, split, options)
        raise UsageError(
            f"'{name}' is known but no copy lies at hand; name its folder, set {LOCAL_ROOTS_VARIABLE} to the folder "
            "that holds it" + (f", or use hub:{name}" if CATALOGUE[name].hub else "")
        )
    if os.sep in name:
        raise InputError("there is no such file or folder", file=name)
    CATALOGUE[name]  # raises the sentence with the closest names
    raise AssertionError


def _own(name: str, split: str | None, options: Options) -> RationaleDataset:
    own = find_own(name)
    chosen = choose_split(dict.fromkeys(own.splits), split, own.source)
    told = replace(
        options, task=own.task if options.task is None else options.task, word_rule=options.word_rule or own.word_rule
    )
    data = open_files((own.folder / f"{chosen}.jsonl",), chosen, told, origin=Origin(own.source))
    data.cluster_field = own.cluster_field
    return data


def _folder(folder: Path, split: str | None, options: Options, label: str | None = None) -> RationaleDataset:
    from rationale_eval.data.eraser import is_eraser_folder, load_eraser

    if is_eraser_folder(folder):
        return load_eraser(folder, split, options.on_error)
    splits = find_splits(folder)
    chosen = choose_split(splits, split, str(label or folder))
    beside = [path for name, paths in splits.items() if name != chosen for path in paths]
    origin = Origin(label or str(folder))
    return open_files(splits[chosen], chosen, options, entry=_entry(folder, options), origin=origin, beside=beside)


def _entry(folder: Path, options: Options) -> Entry | None:
    if isinstance(options.task, str):
        return CATALOGUE[options.task]
    name = folder.resolve().name
    return CATALOGUE[name] if name in CATALOGUE else None  # noqa: SIM401 (its lookup raises a sentence)


def open_files(
    paths: Iterable[Path],
    split: str,
    options: Options,
    *,
    entry: Entry | None = None,
    origin: Origin | None = None,
    beside: Iterable[Path] = (),
) -> RationaleDataset:
    """A data set over files of one form: our schema, or a table that a column mapping explains.

    Args:
        paths: The files, read one after the other.
        split: The split they hold.
        options: What the user said.
        entry: The catalogue entry they follow, if any.
        origin: What the user named, if not the file itself.
        beside: Files of the other splits; label names found in any split get the same index in all of them.
    """
    sources = [FileSource(Path(path)) for path in paths]
    where = origin.path if origin else sources[0].name
    rows = _rows(sources, options)
    convert: Convert = to_example
    lines: tuple[str, ...] = ()
    known = options.task if isinstance(options.task, Task) else entry.task if entry else None
    first = next((row for row in rows() if isinstance(row, RawRow)), None)
    if first is not None and (options.mapping or not in_schema(first.values)):
        others = _rows([FileSource(Path(path)) for path in beside], options)
        given = options.task if isinstance(options.task, Task) else None
        try:
            resolved = resolve(rows, options.mapping, entry, given, lambda: chain(rows(), others()))
        except InputError as error:
            raise InputError(error.problem, file=error.file or where, row=error.row, field=error.field) from error
        convert, lines, known = resolved.to_example, resolved.describe(), resolved.task

    def examples() -> Iterator[Example | Rejection]:
        return _examples(rows, convert, sources[0].name if len(sources) == 1 else where)

    task = known or infer_task(examples(), where)
    return RationaleDataset(
        entry.name if entry else _display_name(where),
        split,
        task,
        (lambda: _held_to(task, examples(), where)) if task.kind == "classification" else examples,
        word_rule=options.word_rule or (entry.word_rule if entry else "unicode"),
        cluster_field=entry.cluster_field if entry else CLUSTERED.get(where),
        on_error=options.on_error,
        origin=Origin(where, tuple(source.name for source in sources), lines, origin.commit if origin else None),
    )


def _rows(sources: list[FileSource], options: Options) -> Rows:
    kinds = [file_format(source, options.encoding) for source in sources]

    def rows() -> Iterator[RawRow | Rejection]:
        for source, kind in zip(sources, kinds, strict=True):
            yield from read_rows(source, kind, options.limits, options.encoding)

    return rows


Convert = Callable[[Mapping[str, Any], int], Example]


def _display_name(where: str) -> str:
    return where if where.startswith(("bundled/", "hub:", PREFIX)) else Path(where).stem or where


def _examples(rows: Rows, convert: Convert, file: str) -> Iterator[Example | Rejection]:
    for row in rows():
        if isinstance(row, Rejection):
            yield row
            continue
        try:
            yield convert(row.values, row.number)
        except InputError as error:
            yield Rejection(row.number, error.field, error.problem, file)


def _held_to(task: Task, examples: Iterable[Example | Rejection], file: str) -> Iterator[Example | Rejection]:
    for place, item in enumerate(examples, start=1):
        if isinstance(item, Example) and item.choices != task.choices:
            reason = f"are not those of the task '{task.name}' ({', '.join(task.choices)})"
            yield Rejection(place, "choices", reason, file)
        else:
            yield item


def infer_task(examples: Iterable[Example | Rejection], where: str) -> Task:
    """The task that a set of examples has: one choice list for all is a classification, several are multiple choice.

    Raises:
        InputError: If there is no usable example; the first rejected row says why.
    """
    names: set[str] = set()
    fields: dict[str, None] = {}
    choices: set[tuple[str, ...]] = set()
    first_bad: Rejection | None = None
    for item in examples:
        if isinstance(item, Rejection):
            first_bad = first_bad or item
            continue
        names.add(item.task)
        fields.update(dict.fromkeys(item.inputs))
        if len(choices) < 2:
            choices.add(item.choices)
    if not choices:
        raise first_bad.error() if first_bad else InputError("holds no rows", file=where)
    name = names.pop() if len(names) == 1 else ""
    only = choices.pop() if len(choices) == 1 else None
    if only == ():
        return Task(name or "open", "open", tuple(fields))
    if only is not None:
        return Task(name or "classification", "classification", tuple(fields), only)
    return Task(name or "multiple_choice", "multiple_choice", tuple(fields))


def other_splits(source: str | os.PathLike[str], split: str) -> list[str]:
    """The other splits that lie beside a split in the same folder; none for a single file or a hub copy."""
    name = os.fspath(source)
    if name.startswith(PREFIX):
        return [other for other in find_own(name).splits if other != split]
    folder: Path | None = Path(name)
    if name.startswith("bundled/"):
        folder = BUNDLED / name.removeprefix("bundled/")
    elif not Path(name).exists() and name in CATALOGUE:
        folder = find_named(name)
    if folder is None or not folder.is_dir():
        return []
    from rationale_eval.data.eraser import eraser_splits, is_eraser_folder

    names = eraser_splits(folder) if is_eraser_folder(folder) else find_splits(folder)
    return [other for other in names if other != split]
