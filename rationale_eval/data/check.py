"""What stands in a data set: the facts to know before trusting a number that was computed on it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from unicodedata import normalize

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.data.rejections import Group
from rationale_eval.data.words import gold_mask

SHARES: Final = 20
"""Steps in which the share of marked words is counted: 0 to 5 %, 5 to 10 % and so on; all marked is in the last."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Least, median and greatest of a list of whole numbers, and their mean. All 0 for an empty list."""

    least: int = 0
    median: float = 0.0
    most: int = 0
    mean: float = 0.0

    @classmethod
    def of(cls, counts: Counter[int]) -> Spread:
        """From how often each number occurs."""
        total = counts.total()
        if not total:
            return cls()
        middle: list[int] = []
        seen = 0
        for value in sorted(counts):
            before, seen = seen, seen + counts[value]
            middle += [value for place in ((total - 1) // 2, total // 2) if before <= place < seen]
        mean = sum(value * times for value, times in counts.items()) / total
        return cls(min(counts), sum(middle) / 2, max(counts), mean)


@dataclass(frozen=True, slots=True)
class DataReport:
    """The result of `check_data`.

    Args:
        name, split, task, word_rule: Of the data set.
        rows: Examples that can be used.
        rejected: Rows that cannot.
        groups: For each reason the number of rows and the first three.
        mapping: Lines that say which column became what.
        labels: Label name (or, for multiple choice, place of the right option) to examples.
        unlabelled: Examples without a label or answer.
        words: Words in an example.
        with_text: Examples with a free-text rationale.
        text_words: White-space words in the first free-text rationale.
        with_evidence: Examples whose highlights are annotated.
        nothing_marked: Of these, those in which nothing is marked.
        marked_share: Mean share of the words that are marked, over annotated examples.
        several_annotators: Examples with the highlights of two or more annotators.
        duplicates: Examples whose inputs (and options) stood there before.
        conflicting: Of these, those with another label than the first.
        overlap: Other split to examples of this split whose inputs stand there too.
        near_duplicates: As `duplicates`, where case, spaces and punctuation are passed over; those are counted too.
        near_overlap: As `overlap`, where case, spaces and punctuation are passed over; those are counted too.
        lengths: Number of words to examples.
        text_lengths: Number of white-space words of the first free-text rationale to examples.
        marked_shares: Annotated examples by the share of words that are marked, in `SHARES` steps from 0 to 1.
        annotators: Number of annotators whose highlights are known to examples.
    """

    name: str
    split: str
    task: str
    word_rule: str
    rows: int
    rejected: int
    groups: tuple[Group, ...]
    mapping: tuple[str, ...]
    labels: Mapping[str, int]
    unlabelled: int
    words: Spread
    with_text: int
    text_words: Spread
    with_evidence: int
    nothing_marked: int
    marked_share: float | None
    several_annotators: int
    duplicates: int
    conflicting: int
    overlap: Mapping[str, int] = field(default_factory=dict)
    near_duplicates: int = 0
    near_overlap: Mapping[str, int] = field(default_factory=dict)
    lengths: Mapping[int, int] = field(default_factory=dict)
    text_lengths: Mapping[int, int] = field(default_factory=dict)
    marked_shares: tuple[int, ...] = ()
    annotators: Mapping[int, int] = field(default_factory=dict)

    def warnings(self) -> list[str]:
        """Sentences about what deserves a look."""
        said = []
        if self.rejected:
            said.append(f"{self.rejected:,} rows cannot be used")
        if self.rows and self.rows == self.unlabelled:
            said.append("no example has a label, so nothing that compares with the truth can be computed")
        if len(self.labels) == 1 and self.rows > 1:
            said.append(f"every labelled example has the label '{next(iter(self.labels))}'")
        if self.conflicting:
            said.append(f"{self.conflicting:,} duplicates carry another label than the first of their kind")
        if self.duplicates:
            said.append(f"{self.duplicates:,} examples repeat the inputs of an earlier one")
        said += [
            f"{count:,} examples also stand in the split '{split}'" for split, count in self.overlap.items() if count
        ]
        said += [
            f"{count - self.overlap[split]:,} more stand in the split '{split}' but for case, spaces and punctuation"
            for split, count in self.near_overlap.items()
            if count > self.overlap[split]
        ]
        return said


def input_key(example: Example) -> bytes:
    """16 bytes that are equal for equal inputs and options, whatever the label."""
    return _key((*example.inputs, *example.inputs.values(), "\0", *sorted(example.choices)))


def near_key(example: Example) -> bytes:
    """As `input_key`, but the same for texts that differ in case, spaces, punctuation or forms of one letter only."""
    texts = ("".join(filter(str.isalnum, normalize("NFKC", text).casefold())) for text in example.inputs.values())
    return _key((*example.inputs, *texts, "\0", *sorted(example.choices)))


def _key(parts: Iterable[str]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part.encode() + b"\0")
    return digest.digest()


def check_data(data: RationaleDataset, others: Iterable[RationaleDataset] = ()) -> DataReport:
    """Reads a data set once and reports on it.

    Args:
        data: The data set; with `on_error="collect"` bad rows are counted, otherwise the first one raises.
        others: Other splits, searched for the same inputs.

    Raises:
        InputError: For a bad row, in a data set that raises.
    """
    tally = _Tally(data)
    for example in data:
        tally.add(example)
    exact, near = {}, {}
    for other in others:
        exact[other.split], near[other.split] = tally.shared(other)
    counts, annotated = tally.counts, tally.counts["with_evidence"]
    return DataReport(
        name=data.name,
        split=data.split,
        task=f"{data.task.name} ({data.task.kind.replace('_', ' ')})",
        word_rule=data.word_rule,
        rows=counts["rows"],
        rejected=len(data.rejections),
        groups=tuple(data.rejections),
        mapping=data.origin.mapping,
        labels=_in_order(tally.labels, data.task.choices),
        unlabelled=counts["unlabelled"],
        words=Spread.of(tally.words),
        with_text=counts["with_text"],
        text_words=Spread.of(tally.text_words),
        with_evidence=annotated,
        nothing_marked=counts["nothing_marked"],
        marked_share=tally.share / annotated if annotated else None,
        several_annotators=sum(count for known, count in tally.annotators.items() if known > 1),
        duplicates=counts["duplicates"],
        conflicting=counts["conflicting"],
        overlap=exact,
        near_duplicates=counts["near_duplicates"],
        near_overlap=near,
        lengths=dict(sorted(tally.words.items())),
        text_lengths=dict(sorted(tally.text_words.items())),
        marked_shares=tuple(tally.shares[step] for step in range(SHARES)) if annotated else (),
        annotators=dict(sorted(tally.annotators.items())),
    )


class _Tally:
    """What is counted while a data set is read once."""

    def __init__(self, data: RationaleDataset):
        self.data = data
        self.first_label: dict[bytes, str | None] = {}
        self.near: set[bytes] = set()
        self.labels: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.words: Counter[int] = Counter()
        self.text_words: Counter[int] = Counter()
        self.annotators: Counter[int] = Counter()
        self.shares: Counter[int] = Counter()
        self.share = 0.0

    def add(self, example: Example) -> None:
        """Counts one example."""
        counts, task = self.counts, self.data.task
        counts["rows"] += 1
        label = _label(example, task.kind == "multiple_choice")
        counts["unlabelled" if label is None else "labelled"] += 1
        if label is not None and task.kind != "open":
            self.labels[label] += 1
        found = self.data.words(example)
        self.words[len(found)] += 1
        if example.rationales:
            counts["with_text"] += 1
            self.text_words[len(example.rationales[0].split())] += 1
        if example.evidence is not None:
            counts["with_evidence"] += 1
            marked = gold_mask(found, example.evidence)
            counts["nothing_marked"] += not marked.any()
            share = float(marked.mean()) if len(found) else 0.0
            self.share += share
            self.shares[min(int(share * SHARES), SHARES - 1)] += 1
            self.annotators[max(1, len(example.annotators))] += 1
        key, near, truth = input_key(example), near_key(example), _truth(example)
        if key in self.first_label:
            counts["duplicates"] += 1
            counts["conflicting"] += self.first_label[key] != truth
        else:
            self.first_label[key] = truth
        counts["near_duplicates"] += near in self.near
        self.near.add(near)

    def shared(self, other: RationaleDataset) -> tuple[int, int]:
        """Examples of this split that also stand in another one: exactly, and but for case, spaces and punctuation."""
        exact: set[bytes] = set()
        near: set[bytes] = set()
        for example in other:
            exact.add(input_key(example))
            near.add(near_key(example))
        return len(exact & self.first_label.keys()), len(near & self.near)


def _label(example: Example, by_place: bool) -> str | None:
    if example.label is None:
        return example.answer
    return f"option {example.label + 1}" if by_place else example.choices[example.label]


def _truth(example: Example) -> str | None:
    # The text of the right option, since the same options may come in another order.
    return example.answer if example.label is None else example.choices[example.label]


def _in_order(labels: Counter[str], choices: tuple[str, ...]) -> dict[str, int]:
    names = choices or tuple(sorted(labels))
    return {name: labels[name] for name in names if labels[name]}
