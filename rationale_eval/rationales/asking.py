"""What a language model is asked for a data set: which prompts and draws there are, and the record of each.

Knows nothing of who answers: a model in this process (`rationales/generation.py`) or an endpoint
(`rationales/remote.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Protocol

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.errors import InputError, UsageError
from rationale_eval.models.decoding import Decoding, Finish
from rationale_eval.rationales.completion import Completion, Key, read_text
from rationale_eval.rationales.template import TEMPLATES, Template


class Writer(Protocol):
    """Who writes texts."""

    @property
    def asking(self) -> Asking:
        """What is asked."""

    def run(self, examples: Iterable[Example], done: AbstractSet[Key] = frozenset()) -> Iterator[list[Completion]]:
        """Completions of all that is not `done`, as they are made.

        Raises:
            InputError: If an example lacks the label that the template gives.
            Resumable: If it cannot go on now.
        """

    def about(self) -> dict[str, Any]:
        """What identifies the texts beside example, choice and draw."""


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """One text to be made.

    Args:
        example: The example.
        choice: Index of the given choice, or None.
        draw: Which draw.
        prompt: The case as text.
    """

    example: Example
    choice: int | None
    draw: int
    prompt: str

    @property
    def key(self) -> Key:
        """As that of its completion."""
        return self.example.id, self.choice, self.draw


class Asking:
    """Prompts and draws.

    Args:
        template: What the model is shown.
        how: How it continues.
        shots: Solved examples that stand before every case.
        draws: Texts for each prompt; more than one only where tokens are drawn.
        seed: With example, choice and draw it fixes the drawn tokens.

    Raises:
        UsageError: If several draws would all be the same.
    """

    def __init__(
        self, template: Template, how: Decoding, *, shots: Sequence[Example] = (), draws: int = 1, seed: int = 0
    ):
        if draws > 1 and how.temperature == 0:
            raise UsageError("without a temperature all draws are the same; set one, or draws=1")
        self.template, self.how, self.draws, self.seed = template, how, draws, seed
        self.beginning = template.beginning(shots)

    def count(self, data: RationaleDataset) -> int:
        """How many texts a data set asks for."""
        if self.template.given == "choice":
            return self.draws * sum(len(example.choices) for example in data)
        return self.draws * len(data)

    def of(self, example: Example) -> Iterator[Wanted]:
        """The texts that one example asks for.

        Raises:
            InputError: If it lacks the label or the rationale that the template gives.
        """
        given = self.template.given
        if given == "label" and example.label is None:
            raise InputError(f"example '{example.id}' has no label, which the prompt '{self.template.name}' gives")
        if given == "rationale" and not example.rationales:
            raise InputError(f"example '{example.id}' has no rationale, which the prompt '{self.template.name}' gives")
        choices: Iterable[int | None] = range(len(example.choices)) if given == "choice" else (None,)
        for choice in choices:
            place = example.label if given == "label" else choice
            prompt = self.template.prompt(example, None if place is None else example.choices[place])
            for draw in range(self.draws):
                yield Wanted(example, choice, draw, prompt)

    def missing(self, examples: Iterable[Example], done: AbstractSet[Key]) -> Iterator[Wanted]:
        """The texts that examples ask for and that are not `done`."""
        return (one for example in examples for one in self.of(example) if one.key not in done)

    def completion(
        self,
        one: Wanted,
        text: str,
        finish: Finish,
        *,
        tokens: int,
        log_likelihood: float | None,
        answered_by: str | None = None,
    ) -> Completion:
        """The record of a text that was written."""
        read = read_text(self.template, one.example, text, one.choice)
        judged = one.example.label is not None and self.template.own_answer and read["answer"] is not None
        return Completion(
            example_id=one.example.id,
            choice=one.choice,
            draw=one.draw,
            prompt=one.prompt,
            text=text,
            finish=finish,
            tokens=tokens,
            log_likelihood=log_likelihood,
            complete=finish in ("end", "stop"),
            correct=read["answer"] == one.example.label if judged else None,
            answered_by=answered_by,
            **read,
        )

    def nothing(self, one: Wanted, finish: Finish) -> Completion:
        """The record of a text that there is none of, and why."""
        return Completion(
            example_id=one.example.id,
            choice=one.choice,
            draw=one.draw,
            prompt=one.prompt,
            text="",
            finish=finish,
            tokens=0,
            log_likelihood=None,
            answer=one.choice,
            rationale="",
            format_ok=False,
            complete=False,
            correct=None,
        )

    def seed_of(self, one: Wanted) -> int:
        """The seed of one text, 63 bits."""
        return seed_of(self.seed, one.key)

    def about(self) -> dict[str, Any]:
        """What identifies the texts beside example, choice, draw, and who answers."""
        return {
            "prompt": self.template.name,
            "version": self.template.version,
            "beginning": self.beginning,
            "max_tokens": self.how.max_tokens,
            "temperature": self.how.temperature,
            "top_p": self.how.top_p,
            "seed": self.seed if self.how.temperature else None,
            **({} if self.template.name in TEMPLATES else {"template": self.template.record()}),
        }


def seed_of(seed: int, key: Key) -> int:
    """A seed that follows from another one and a key."""
    return int.from_bytes(hashlib.sha256(repr((seed, *key)).encode()).digest()[:8], "big") >> 1
