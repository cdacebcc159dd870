"""What a recipe learns from: which splits of which data set, and which part is kept for development."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.data.load import load_dataset
from rationale_eval.errors import InputError, UsageError
from rationale_eval.training.held_out import DEV_FRACTION, hold_out
from rationale_eval.verbs.job import DEV_LIMIT


@dataclass(frozen=True, slots=True)
class TrainingData:
    """A named data set, cut into training and development data in a way that can be written down.

    Args:
        name: As for `load_dataset`.
        split: The training split, or several joined by "+", such as "train+validation".
        dev_split: The development split; None: validation if there is one that is not trained on, else a held-out part.
        dev_fraction: Hold out this share of the training data for development, whatever splits there are.
        limit: At most so many training examples, before holding out.
        dev_limit: At most so many development examples, drawn at random.
        mapping: Column mapping for own files.
        sample: At most so many training examples, drawn at random, before holding out.
    """

    name: str
    split: str = "train"
    dev_split: str | None = None
    dev_fraction: float | None = None
    limit: int | None = None
    dev_limit: int | None = DEV_LIMIT
    mapping: Mapping[str, str] | None = None
    sample: int | None = None

    def open(self) -> tuple[RationaleDataset, RationaleDataset]:
        """Training and development data.

        Raises:
            UsageError: If a split does not exist, is trained on and developed on at once, or is the test split.
        """
        splits = self.split.split("+")
        if self.dev_fraction is not None and self.dev_split is not None:
            raise UsageError("give --dev-split or --dev-fraction, not both.")
        if self.dev_split == "test":
            raise UsageError("the test split is for the final evaluation; develop on validation or use --dev-fraction.")
        if self.dev_split in splits:
            raise UsageError(f"the split '{self.dev_split}' cannot be both trained on and developed on.")
        train = joined([self._load(split) for split in splits]).limit(self.limit).sample(self.sample)
        dev = None if self.dev_fraction is not None else self._dev(splits)
        if dev is None:
            train, dev = hold_out(train, self.dev_fraction or DEV_FRACTION)
        return train, dev.sample(self.dev_limit)

    def _load(self, split: str) -> RationaleDataset:
        return load_dataset(self.name, split or None, mapping=self.mapping)

    def _dev(self, splits: list[str]) -> RationaleDataset | None:
        if self.dev_split is not None:
            return self._load(self.dev_split)
        if "validation" in splits or Path(self.name).is_file():
            return None
        try:
            return self._load("validation")
        except (UsageError, InputError):
            return None

    def options(self) -> list[str]:
        """The command-line options that say the same."""
        words = ["--data", self.name, "--split", self.split]
        for option, value in (
            ("--dev-split", self.dev_split),
            ("--dev-fraction", self.dev_fraction),
            ("--limit", self.limit),
            ("--sample", self.sample),
            ("--dev-limit", self.dev_limit),
        ):
            words += [] if value is None else [option, str(value)]
        for meaning, column in (self.mapping or {}).items():
            words += ["--map", f"{meaning}={column}"]
        return words

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> TrainingData:
        """Reads back what `dataclasses.asdict` gave."""
        return cls(**{one.name: value[one.name] for one in fields(cls) if one.name in value})


def joined(parts: list[RationaleDataset]) -> RationaleDataset:
    """Several splits one after the other; ids get the split's name in front, so that they stay unique.

    Raises:
        UsageError: If they are not of one task.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    for part in parts[1:]:
        if part.task != first.task:
            raise UsageError(
                f"{first.name} {first.split} and {part.split} are of different tasks and cannot be joined."
            )

    def examples() -> Iterator[Example]:
        for part in parts:
            for example in part:
                yield replace(example, id=f"{part.split}/{example.id}")

    return RationaleDataset(
        first.name,
        "+".join(part.split for part in parts),
        first.task,
        examples,
        word_rule=first.word_rule,
        cluster_field=first.cluster_field,
        origin=first.origin,
    )
