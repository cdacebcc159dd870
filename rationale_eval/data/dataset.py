"""A data set: examples that can be read again and again, one at a time."""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Any, Literal

from rationale_eval.data.example import Example, Task
from rationale_eval.data.rejections import Rejection, Rejections
from rationale_eval.data.schema import to_record
from rationale_eval.data.words import WORD_RULES, Word, split_words
from rationale_eval.errors import UsageError

OnError = Literal["raise", "collect"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a data set came from.

    Args:
        path: File, folder or name as the user gave it; empty for examples made in memory.
        files: The files read.
        mapping: Lines that say which column became what, for files in another form than ours.
        commit: The pinned commit of a hub copy.
        details: Further facts worth showing, such as a delimiter that was recognised.
    """

    path: str = ""
    files: tuple[str, ...] = ()
    mapping: tuple[str, ...] = ()
    commit: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)


class RationaleDataset:
    """Examples of one task and split, read lazily; memory does not grow with their number.

    Args:
        name: Name shown in tables.
        split: "train", "validation", "test" or another.
        task: What the examples ask for.
        source: Called for every pass; yields the examples, and a `Rejection` for every row that cannot be used.
        word_rule: How texts are split into words (a name in `WORD_RULES`).
        cluster_field: Input field that makes examples dependent when they share it (premise, document), or None.
        on_error: "raise" stops at the first rejected row; "collect" passes over it and counts it in `rejections`.
        origin: Where it came from.

    Attributes:
        rejections: Rows passed over in the latest pass (with "collect").
        is_part: Whether `limit` or `where` made it from a larger data set.

    Raises:
        UsageError: If the word rule is unknown.
        InputError: While iterating, for bad rows (with "raise") and for a file that changed between two passes.
    """

    def __init__(
        self,
        name: str,
        split: str,
        task: Task,
        source: Callable[[], Iterable[Example | Rejection]],
        *,
        word_rule: str = "unicode",
        cluster_field: str | None = None,
        on_error: OnError = "raise",
        origin: Origin | None = None,
    ):
        if word_rule not in WORD_RULES:
            raise UsageError(f"there is no word rule '{word_rule}'; choose one of {', '.join(WORD_RULES)}")
        self.name, self.split, self.task = name, split, task
        self.word_rule, self.cluster_field, self.on_error = word_rule, cluster_field, on_error
        self.origin = origin or Origin()
        self.rejections = Rejections()
        self.is_part = False
        self._source = source
        self._size: int | None = None
        self._fingerprint: str | None = None

    @classmethod
    def from_examples(
        cls,
        examples: Iterable[Example],
        task: Task,
        *,
        name: str = "examples",
        split: str = "test",
        word_rule: str = "unicode",
        cluster_field: str | None = None,
    ) -> RationaleDataset:
        """A data set of examples held in memory.

        Raises:
            InputError: If two examples have the same id.
        """
        held = tuple(examples)
        data = cls(name, split, task, lambda: held, word_rule=word_rule, cluster_field=cluster_field)
        data._size = sum(1 for _ in data)
        return data

    def __iter__(self) -> Iterator[Example]:
        self.rejections.clear()
        # Ids are compared once: later passes read the same content, since a changed file is refused.
        seen: set[int] | None = set() if self._size is None else None
        size = 0
        for row, found in enumerate(self._source(), start=1):
            item = found
            if seen is not None and isinstance(item, Example):
                key = hash(item.id)
                if key in seen:
                    item = Rejection(row, "id", f"'{item.id[:80]}' stands there twice; make ids unique", self._file())
                seen.add(key)
            if isinstance(item, Example):
                size += 1
                yield item
            elif self.on_error == "raise":
                raise item.error()
            else:
                self.rejections.add(item)
        self._size = size

    def __len__(self) -> int:
        if self._size is None:
            self._size = sum(1 for _ in self)
        return self._size

    def __repr__(self) -> str:
        return f"RationaleDataset({self.name!r}, split={self.split!r}, task={self.task.name!r})"

    def words(self, example: Example) -> tuple[Word, ...]:
        """The words of an example under the data set's word rule, in reading order."""
        return split_words(example, self.word_rule)

    def cluster(self, example: Example) -> str | None:
        """What dependent examples share (the text of `cluster_field`), or None where all are independent."""
        return None if self.cluster_field is None else example.inputs.get(self.cluster_field)

    def limit(self, n: int | None) -> RationaleDataset:
        """The first `n` examples; all of them for None."""
        if n is None:
            return self
        if n < 0:
            raise UsageError(f"a limit cannot be negative, as {n} is")
        return self._derived(lambda: islice(iter(self), n))

    def sample(self, n: int | None, seed: int = 0) -> RationaleDataset:
        """`n` examples drawn at random without replacement, in their order; all of them for None.

        Files are often sorted by label, so that the first examples are of one class. Which examples are drawn depends
        on their ids and the seed alone, and a smaller sample is a part of a larger one.

        Args:
            n: How many; all where there are fewer.
            seed: Another seed draws others.
        """
        if n is None:
            return self
        if n < 0:
            raise UsageError(f"a sample cannot have {n} examples")

        @cache  # later passes read the same content, since a changed file is refused
        def chosen() -> frozenset[int]:
            keys = ((_draw(example.id, seed), place) for place, example in enumerate(self))
            return frozenset(place for _, place in heapq.nsmallest(n, keys))

        def drawn() -> Iterator[Example]:
            places = chosen()
            return (example for place, example in enumerate(self) if place in places)

        return self._derived(drawn)

    def where(self, predicate: Callable[[Example], bool]) -> RationaleDataset:
        """The examples for which `predicate` holds."""
        return self._derived(lambda: (example for example in self if predicate(example)))

    def fingerprint(self) -> str:
        """SHA-256 (hex) of task, word rule and the content of every example: equal fingerprints, equal data."""
        if self._fingerprint is None:
            digest = hashlib.sha256()
            task = self.task
            digest.update(_canonical([task.name, task.kind, task.fields, task.choices, self.word_rule]))
            for example in self:
                digest.update(_canonical(to_record(example)))
            self._fingerprint = digest.hexdigest()
        return self._fingerprint

    def with_task(self, task: Task, examples: Callable[[], Iterable[Example]]) -> RationaleDataset:
        """The same data read as another task.

        Args:
            task: The task.
            examples: Makes the examples anew, each time in the same order.
        """
        return self._derived(examples, task)

    def _derived(self, source: Callable[[], Iterable[Example]], task: Task | None = None) -> RationaleDataset:
        data = RationaleDataset(
            self.name,
            self.split,
            task or self.task,
            source,
            word_rule=self.word_rule,
            cluster_field=self.cluster_field,
            on_error=self.on_error,
            origin=self.origin,
        )
        data.is_part = True
        # Only the whole meets bad rows; a part shows the same list.
        data.rejections = self.rejections
        return data

    def _file(self) -> str | None:
        return self.origin.files[0] if len(self.origin.files) == 1 else self.origin.path or None


def _canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _draw(example_id: str, seed: int) -> bytes:
    return hashlib.blake2b(f"{seed}/{example_id}".encode(), digest_size=16).digest()
