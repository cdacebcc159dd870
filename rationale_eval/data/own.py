"""Own sets: data that a workspace keeps in our schema, found by a name.

`WORKSPACE/sets/ID/` holds `set.json` (name, task, how it was read), `SPLIT.jsonl` for each split and a manifest of
checksums; ID is the beginning of the SHA-256 of what the set holds. A name is compared and shown, and never part of a
path. `own/NAME` is the set of that name in the workspace in use, everywhere a data set can be named.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from rationale_eval import durable
from rationale_eval.data.example import Example, Task
from rationale_eval.data.folder import split_name
from rationale_eval.data.schema import to_record
from rationale_eval.errors import InputError, UsageError

PREFIX: Final = "own/"
ENVIRONMENT: Final = "RATIONALE_EVAL_WORKSPACE"
DEFAULT_PATH: Final = "workspace"
FOLDER: Final = "sets"
TRASH: Final = "deleted"
"""Inside `FOLDER`: sets that can be brought back."""

LONGEST_NAME: Final = 60
_ABOUT: Final = "set.json"
_DIGITS: Final = 16
_ABANDONED: Final = 3600.0
_FORBIDDEN: Final = '/\\:*?"<>|'


@dataclass(frozen=True, slots=True)
class OwnSet:
    """A set of a workspace.

    Args:
        id: Its folder: the beginning of the SHA-256 of its content.
        name: For people; unique among the sets of a workspace that are not deleted.
        task: What its examples ask for.
        splits: Split to number of examples.
        folder: Where it lies.
        word_rule: How its texts are split into words.
        cluster_field: Input field that makes examples dependent when they share it, or None.
        about: Where it comes from: `by`, `origin`, `mapping`, `rejected`.
    """

    id: str
    name: str
    task: Task
    splits: Mapping[str, int]
    folder: Path
    word_rule: str = "unicode"
    cluster_field: str | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """What to pass to `load_dataset`."""
        return PREFIX + self.name


def checked_name(name: str) -> str:
    """A name that can be typed, shown and told apart.

    Raises:
        UsageError: With the rule it breaks.
    """
    if not name or name != name.strip() or len(name) > LONGEST_NAME:
        raise UsageError(
            f"a set needs a name of 1 to {LONGEST_NAME} characters that neither begins nor ends with a space."
        )
    if not name.isprintable() or any(character in _FORBIDDEN for character in name) or name in (".", ".."):
        raise UsageError(f"a set's name holds neither control characters nor any of {_FORBIDDEN}")
    return name


def in_use() -> Path:
    """The workspace in use, as every part of the program finds it when it is not handed one."""
    return Path(os.environ.get(ENVIRONMENT) or DEFAULT_PATH)


def own_sets(workspace: Path, *, deleted: bool = False) -> list[OwnSet]:
    """Sets of a workspace by name; those that are damaged are left out."""
    folder = workspace / FOLDER / TRASH if deleted else workspace / FOLDER
    if not folder.is_dir():
        return []
    found = [_read(entry) for entry in folder.iterdir() if len(entry.name) == _DIGITS and not entry.is_symlink()]
    return sorted((each for each in found if each is not None), key=lambda each: (each.name.lower(), each.id))


def find_own(name: str, workspace: Path | None = None, *, deleted: bool = False) -> OwnSet:
    """A set by its name or id, with or without "own/".

    Args:
        name: Of the set.
        workspace: Where to look; by default the workspace in use.
        deleted: Look among the deleted ones.

    Raises:
        UsageError: If there is none.
    """
    place = workspace or in_use()
    key = name.removeprefix(PREFIX)
    listed = own_sets(place, deleted=deleted)
    for each in listed:
        if key in (each.name, each.id):
            return each
    known = ", ".join(each.source for each in listed[:10]) or "none yet"
    kind = "deleted set" if deleted else "set"
    raise UsageError(f"there is no {kind} '{PREFIX}{key[:80]}' in the workspace {place}; there are: {known}.")


@dataclass(frozen=True, slots=True)
class Filled:
    """What was written into the folder of a new set.

    Args:
        task: What its examples ask for.
        splits: Split to number of examples.
        about: Where it comes from.
        word_rule: How its texts are split into words.
        cluster_field: Input field that makes examples dependent when they share it, or None.
    """

    task: Task
    splits: Mapping[str, int]
    about: Mapping[str, Any] = field(default_factory=dict)
    word_rule: str = "unicode"
    cluster_field: str | None = None


def keep(workspace: Path, name: str, fill: Callable[[Path], Filled]) -> OwnSet:
    """Keeps a set, whole or not at all.

    Args:
        workspace: A workspace that exists.
        name: Its name.
        fill: Writes `SPLIT.jsonl` in our schema into the folder it is given, and says what it wrote.

    Returns:
        The set; the old one where the same content is kept under this name already.

    Raises:
        UsageError: If the name is taken or unfit, or the content is kept under another name.
    """
    root = workspace / FOLDER
    checked_name(name)
    durable.make_folder(root, 0o700)
    made: list[str] = []

    def write(folder: Path) -> None:
        filled = fill(folder)
        content = {split: durable.sha256(folder / f"{split}.jsonl") for split in sorted(filled.splits)}
        made.append(durable.digest([content, asdict(filled.task), filled.word_rule])[:_DIGITS])
        durable.write_json(folder / _ABOUT, {"name": name, **asdict(filled)})

    # Written under a name of its own first: the id is known only afterwards.
    temporary = root / f".new-{os.urandom(6).hex()}"
    try:
        durable.write_folder(temporary, write)
        with _alone(root):
            for each in own_sets(workspace):
                if each.id == made[0]:
                    if each.name == name:
                        return each
                    raise UsageError(f"the same data are kept already, as {each.source}.")
            require_free_name(workspace, name)
            shutil.rmtree(root / TRASH / made[0], ignore_errors=True)
            os.rename(temporary, root / made[0])
            durable.sync_folder(root)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return find_own(made[0], workspace)


def require_free_name(workspace: Path, name: str) -> None:
    """Refuses a name that is unfit or taken.

    Raises:
        UsageError: Which it is.
    """
    checked_name(name)
    if any(each.name == name for each in own_sets(workspace)):
        raise UsageError(f"there is a set '{PREFIX}{name}' already; choose another name, or delete it first.")


def keep_examples(
    workspace: Path,
    name: str,
    task: Task,
    examples: Mapping[str, Iterable[Example]],
    *,
    word_rule: str = "unicode",
    cluster_field: str | None = None,
    about: Mapping[str, Any] | None = None,
) -> OwnSet:
    """Keeps examples as a set.

    Args:
        workspace: A workspace that exists.
        name: Its name.
        task: What the examples ask for.
        examples: Split to its examples.
        word_rule: How its texts are split into words.
        cluster_field: Input field that makes examples dependent when they share it, or None.
        about: Where they come from.

    Raises:
        UsageError: As `keep`; and for a split without examples.
    """

    def fill(folder: Path) -> Filled:
        counts: dict[str, int] = {}
        for split, each in examples.items():
            plain = checked_split(split)
            with open(folder / f"{plain}.jsonl", "w", encoding="utf-8", newline="\n") as file:
                for example in each:
                    file.write(json.dumps(to_record(example), ensure_ascii=False, allow_nan=False) + "\n")
                    counts[plain] = counts.get(plain, 0) + 1
            if plain not in counts:
                raise UsageError(f"the split '{split}' has no examples.")
        return Filled(task, counts, about or {}, word_rule, cluster_field)

    return keep(workspace, name, fill)


def checked_split(name: str) -> str:
    """A split's name in the form it is stored under.

    Raises:
        UsageError: If it is no word of letters, digits, - and _.
    """
    plain = split_name(name)
    if not plain.replace("-", "a").replace("_", "a").isalnum() or not plain.isascii() or len(plain) > 40:
        raise UsageError(
            f"'{name[:40]}' cannot be the name of a split; use train, validation, test or a word like them."
        )
    return plain


def delete_own(workspace: Path, name: str) -> OwnSet:
    """Moves a set aside, from where `restore_own` brings it back.

    Raises:
        UsageError: If there is none.
    """
    find_own(name, workspace)
    trash = workspace / FOLDER / TRASH
    durable.make_folder(trash, 0o700)
    with _alone(workspace / FOLDER):
        found = find_own(name, workspace)
        shutil.rmtree(trash / found.id, ignore_errors=True)
        _move(found.folder, trash / found.id)
    return found


def restore_own(workspace: Path, id: str) -> OwnSet:
    """Brings a deleted set back.

    Raises:
        UsageError: If there is none, or its name is taken by now.
    """
    find_own(id, workspace, deleted=True)
    with _alone(workspace / FOLDER):
        found = find_own(id, workspace, deleted=True)
        if any(each.name == found.name or each.id == found.id for each in own_sets(workspace)):
            raise UsageError(f"there is a set '{found.source}' already; delete that one first.")
        _move(found.folder, workspace / FOLDER / found.id)
    return find_own(found.id, workspace)


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Nobody else names, deletes or restores a set meanwhile; what killed writers left long ago is swept."""
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        for leftover in root.glob(".new-*"):
            if time.time() - leftover.stat().st_mtime > _ABANDONED:
                shutil.rmtree(leftover, ignore_errors=True)
        yield
    finally:
        os.close(handle)


def _move(source: Path, target: Path) -> None:
    os.rename(source, target)
    for folder in {source.parent, target.parent}:
        durable.sync_folder(folder)


def _read(folder: Path) -> OwnSet | None:
    try:
        record = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        task = record["task"]
        return OwnSet(
            folder.name,
            str(record["name"]),
            Task(task["name"], task["kind"], tuple(task["fields"]), tuple(task["choices"])),
            {str(split): int(count) for split, count in record["splits"].items()},
            folder,
            record["word_rule"],
            record["cluster_field"],
            record["about"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def require_sound(own: OwnSet) -> None:
    """Refuses a set whose files are not those that were kept.

    Raises:
        InputError: What is wrong.
    """
    if problem := durable.damage(own.folder):
        raise InputError(f"is damaged: {problem}", file=own.source)
