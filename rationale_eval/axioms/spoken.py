"""What a task model says of a data set: for every example its answer, and the rationale of that answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from rationale_eval import durable
from rationale_eval.data.dataset import RationaleDataset


@dataclass(frozen=True, slots=True)
class Spoken:
    """Answers and rationales.

    Args:
        answers: Example id to the index of the answer; None where none can be read.
        texts: Example id to rationale.
    """

    answers: Mapping[str, int | None]
    texts: Mapping[str, str]

    @property
    def read(self) -> dict[str, int]:
        """The answers that can be read."""
        return {key: answer for key, answer in self.answers.items() if answer is not None}

    def accuracy(self, data: RationaleDataset) -> float:
        """Share of the examples with a label whose answer is that label; an answer that cannot be read is wrong."""
        judged = [self.answers.get(one.id) == one.label for one in data if one.label is not None]
        return sum(judged) / len(judged) if judged else float("nan")

    def save(self, path: Path) -> None:
        """Writes it, whole or not at all."""
        durable.write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> Spoken:
        """Reads what `save` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))
