"""The conditions a task model is trained under: all data, wrong labels among them, or fewer of them (Axiom 3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.training.randomness import derive


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition.

    Args:
        kind: "whole": all training data as they are; "noise": a share has a wrong label; "data": only a share is used.
        share: The share, 0 to 1.
    """

    kind: Literal["whole", "noise", "data"] = "whole"
    share: float = 0.0

    @property
    def name(self) -> str:
        """Short name: whole, noise_20, data_10."""
        return self.kind if self.kind == "whole" else f"{self.kind}_{self.share * 100:g}"

    def apply(self, train: RationaleDataset, seed: int) -> RationaleDataset:
        """The training data under this condition.

        Wrong labels are drawn uniformly from the other choices, and the examples of a smaller share are among those of
        a larger one, for wrong labels and for fewer data alike.
        """
        if self.kind == "whole":
            return train
        if self.kind == "data":
            return train.sample(max(1, round(self.share * len(train))), derive(seed, "less data"))
        wrong = {one.id for one in train.sample(round(self.share * len(train)), derive(seed, "noise"))}

        def examples() -> Iterator[Example]:
            for example in train:
                if example.id in wrong and example.label is not None and len(example.choices) > 1:
                    draw = np.random.default_rng(derive(seed, "wrong label", example.id))
                    step = 1 + int(draw.integers(len(example.choices) - 1))
                    example = replace(example, label=(example.label + step) % len(example.choices))
                yield example

        return train.with_task(train.task, examples)


def conditions(noise: Sequence[float], data: Sequence[float]) -> list[Condition]:
    """The undisturbed condition, then those with noise, then those with less data; shares in percent."""
    noisy = [Condition("noise", each / 100) for each in noise if each > 0]
    fewer = [Condition("data", each / 100) for each in data if each < 100]
    return [Condition(), *noisy, *fewer]
