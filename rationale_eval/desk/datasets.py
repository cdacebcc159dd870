"""Data sets on the desk: which there are, what stands in them; taking in, giving out, deleting, bringing back."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from rationale_eval.data import keeping, own
from rationale_eval.data.eraser import eraser_splits, is_eraser_folder
from rationale_eval.data.folder import DEFAULT_ORDER, file_split, find_splits
from rationale_eval.data.guess import RESERVED, guess_columns
from rationale_eval.data.limited import ask_limited, convert_limited
from rationale_eval.data.load import BUNDLED
from rationale_eval.data.own import PREFIX, OwnSet
from rationale_eval.desk import choices, roots
from rationale_eval.desk.choices import Offer
from rationale_eval.desk.desk import Desk
from rationale_eval.errors import InputError, UsageError
from rationale_eval.verbs.export_set import SetFormat, export_set
from rationale_eval.verbs.import_run import ImportRun, Order, import_run
from rationale_eval.workspace.quotas import Quotas

REPORT_SECONDS: Final = 600.0
INPUT: Final = "input"
"""Role of a column that is an input field; the others are those of `guess.RESERVED`."""

SEVERAL: Final = ("choices", "rationale")
"""Roles that several columns may have."""


def offered(desk: Desk, value: str) -> Offer:
    """The offer of a value; nothing else is ever opened for a page.

    Raises:
        UsageError: If it is not offered, or holds links to elsewhere.
    """
    found = next((each for each in choices.data_sets(desk) if each.value == value), None)
    if found is None:
        raise UsageError("that data set is not offered here; the person who runs the dashboard can add its folder.")
    if os.path.isabs(value):
        roots.require_no_way_out(Path(value))
    return found


def splits(value: str) -> list[str]:
    """Names of the splits of an offered set, those most asked for first."""
    if value.startswith(PREFIX):
        names = list(own.find_own(value).splits)
    else:
        path = BUNDLED / value.removeprefix("bundled/") if value.startswith("bundled/") else Path(value)
        if path.is_file():
            return [file_split(path.stem)]
        names = eraser_splits(path) if is_eraser_folder(path) else list(find_splits(path))
    order = {name: place for place, name in enumerate(DEFAULT_ORDER)}
    return sorted(names, key=lambda name: (order.get(name, len(order)), name))


def state(value: str) -> str:
    """Changes whenever the files of an offered set do; what was computed from them is kept under it."""
    if value.startswith(PREFIX):
        return own.find_own(value).id
    path = BUNDLED / value.removeprefix("bundled/") if value.startswith("bundled/") else Path(value)
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return ";".join(f"{each.name}:{each.stat().st_size}:{each.stat().st_mtime_ns}" for each in files if each.is_file())


def size(value: str, split: str) -> int:
    """Bytes of a split on the disk."""
    if value.startswith(PREFIX):
        return (own.find_own(value).folder / f"{split}.jsonl").stat().st_size
    path = BUNDLED / value.removeprefix("bundled/") if value.startswith("bundled/") else Path(value)
    if path.is_file():
        return path.stat().st_size
    if is_eraser_folder(path):
        return sum(each.stat().st_size for each in path.glob("*.jsonl"))
    return sum(each.stat().st_size for each in find_splits(path)[split])


def preview(desk: Desk, value: str, split: str, examples: int) -> dict[str, Any]:
    """The first examples of an offered set; see `limited_work.look`.

    Raises:
        UsageError: If it is not offered.
        InputError: If it cannot be read.
    """
    offered(desk, value)
    return ask_limited("look", value, {"examples": examples, "split": split})


def report(desk: Desk, value: str, split: str, limit: int | None) -> dict[str, Any]:
    """The facts of an offered set, as `DataReport` names them; see `check_data`.

    Args:
        desk: Who asks.
        value: The set.
        split: Its split.
        limit: Read only the first so many examples; other splits are always compared whole.

    Raises:
        UsageError: If it is not offered.
        InputError: If it cannot be read, or takes too long.
    """
    offered(desk, value)
    order = {"split": split, "limit": limit}
    return ask_limited("report", value, order, wall_seconds=REPORT_SECONDS, cpu_seconds=REPORT_SECONDS)


def receive(desk: Desk, content: bytes) -> str:
    """Stores uploaded bytes; returns their SHA-256, which names them from now on.

    Raises:
        InputError: If they are too many or of a kind that is no table.
        UsageError: If the disk is nearly full.
        NotAllowed: In a read-only dashboard.
    """
    desk.access.require_change("upload a file")
    desk.workspace.prepare()
    Quotas.of(desk.workspace.path).require_free(desk.workspace.path)
    return keeping.receive(desk.workspace.path, content).name


def look(
    desk: Desk, upload: str, mapping: Mapping[str, str] | None = None, encoding: str | None = None
) -> dict[str, Any]:
    """How an upload would be read; see `limited_work.look`.

    Raises:
        UsageError: If the upload is gone.
        InputError: If it is refused.
    """
    with _called("the upload"):
        file = keeping.received(desk.workspace.path, upload)
        return keeping.look(file, mapping=mapping or None, encoding=encoding)


def guessed(columns: list[str]) -> dict[str, str]:
    """Column to the role its name suggests; input fields by `INPUT`."""
    found = guess_columns(columns, inputs=True)
    return {column: role if role in RESERVED else INPUT for role, column in found.items()}


def mapping_of(roles: Mapping[str, str]) -> dict[str, str]:
    """A mapping from what each column was said to be; what was said to be nothing is not guessed again.

    Args:
        roles: Column to role, "" for none.

    Raises:
        UsageError: If two columns have a role that only one may have.
    """
    names = {column: role for role, column in guess_columns(roles, inputs=True).items() if role not in RESERVED}
    found: dict[str, str] = {}
    for column, role in roles.items():
        if not role:
            continue
        left = names.get(column, _field(column)) if role == INPUT else role
        if left not in found:
            found[left] = column
        elif role in SEVERAL:
            found[left] += f",{column}"
        else:
            raise UsageError(f"two columns are said to be '{left}'; choose one.")
    return found | {role: "" for role in RESERVED if role not in found and role in guess_columns(roles, inputs=False)}


def _field(column: str) -> str:
    """A name for an input field, after its column."""
    plain = "".join(character if character.isalnum() else "_" for character in column).strip("_") or "text"
    return f"{plain}_text" if plain in RESERVED else plain


def keep(
    desk: Desk, name: str, uploads: Mapping[str, str], mapping: Mapping[str, str] | None, encoding: str | None = None
) -> keeping.Kept:
    """Makes an own set of uploads.

    Args:
        desk: Who asks.
        name: Its name.
        uploads: Split to SHA-256.
        mapping: As for `load_dataset`; None where the files are in our schema.
        encoding: Encoding of text files.

    Raises:
        UsageError: For an unfit name, an upload that is gone, or splits that do not belong together.
        InputError: If a file is refused.
        NotAllowed: In a read-only dashboard.
    """
    desk.access.require_change("keep a data set")
    place = desk.workspace.path
    files = {split: keeping.received(place, sha) for split, sha in uploads.items()}
    about = {"by": desk.access.user, "origin": "upload", "uploads": dict(uploads)}
    return keeping.keep_files(place, name, files, mapping=mapping, encoding=encoding, about=about)


def rejected(found: OwnSet, split: str) -> Path | None:
    """The list of rows that a split of an own set was made without, if there are any."""
    path = found.folder / f"{split}{keeping.REJECTED}"
    return path if split in found.splits and path.is_file() and path.stat().st_size else None


def exported(desk: Desk, value: str, split: str, as_format: SetFormat) -> bytes:
    """A split of an offered set as the bytes of a file; see `export_set`.

    Raises:
        UsageError: If it is not offered.
        InputError: If it cannot be read.
    """
    offered(desk, value)
    with tempfile.TemporaryDirectory(prefix="rationale-eval-") as folder:
        records = Path(folder) / "records.jsonl"
        convert_limited(Path(value), records, split=split)
        if as_format == "jsonl":
            return records.read_bytes()
        made = Path(folder) / f"set.{as_format}"
        with open(records, encoding="utf-8") as file:
            export_set(map(json.loads, file), made, as_format)
        return made.read_bytes()


def own_set(desk: Desk, value: str) -> OwnSet | None:
    """The record of an own set; None for any other."""
    return own.find_own(value, desk.workspace.path) if value.startswith(PREFIX) else None


def delete(desk: Desk, value: str) -> OwnSet:
    """Moves an own set aside; `restore` with its id brings it back.

    Raises:
        UsageError: If there is none.
        NotAllowed: In a read-only dashboard.
    """
    desk.access.require_change("delete a data set")
    return own.delete_own(desk.workspace.path, value)


def restore(desk: Desk, id: str) -> OwnSet:
    """Brings a deleted own set back.

    Raises:
        UsageError: If there is none, or its name is taken.
        NotAllowed: In a read-only dashboard.
    """
    desk.access.require_change("restore a data set")
    return own.restore_own(desk.workspace.path, id)


def import_outputs(desk: Desk, upload: str, order: Order) -> ImportRun:
    """Keeps another tool's outputs as a run, if every row fits.

    Raises:
        UsageError: If the data set is not offered, or the upload is gone.
        InputError: If the file cannot be read at all.
        NotAllowed: In a read-only dashboard.
    """
    desk.access.require_change("import outputs")
    offered(desk, order.data)
    with _called("the upload"):
        file = keeping.received(desk.workspace.path, upload)
        return import_run(file, order, desk.workspace, {"owner": desk.access.user})


@contextmanager
def _called(name: str) -> Iterator[None]:
    """Sentences about a stored upload call it so: where it lies says nothing to a reader."""
    try:
        yield
    except InputError as error:
        raise InputError(error.problem, file=name, row=error.row, field=error.field) from error
