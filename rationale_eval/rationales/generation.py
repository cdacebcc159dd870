"""Free-text rationales of a language model for a data set: prompts, batches by length, one record for every draw.

A text depends on the model, the prompt and its own seed, never on what shares its batch (up to the rounding of
products), so that a generation that was stopped goes on with what is missing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.engine.precision import quick_float32
from rationale_eval.errors import InputError, UsageError
from rationale_eval.models.decode import Continuation, Decoding, common_beginning, decode, end_tokens
from rationale_eval.models.steps import CausalSteps, Seq2SeqSteps, Steps
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.rationales.completion import Completion, Key, read_text
from rationale_eval.rationales.template import Template

WINDOW: Final = 512
"""Prompts that are sorted by length together."""

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """One text to be made.

    Args:
        example: The example.
        choice: Index of the given choice, or None.
        draw: Which draw.
        prompt: The case as text.
        ids: The whole prompt, int64 `[tokens]`.
    """

    example: Example
    choice: int | None
    draw: int
    prompt: str
    ids: Ids

    @property
    def key(self) -> Key:
        """As that of its completion."""
        return self.example.id, self.choice, self.draw


class Generation:
    """Makes texts.

    Args:
        model: A causal language model or an encoder-decoder.
        template: What it is shown.
        how: How it continues.
        shots: Solved examples that stand before every case.
        draws: Texts for each prompt; more than one only where tokens are drawn.
        seed: With example, choice and draw it fixes the drawn tokens.
        batch_size: Most texts at a time.
        share: Read what all prompts begin with once; without, every prompt is read whole.

    Raises:
        UsageError: If the model writes no text, or several draws would all be the same.
    """

    def __init__(
        self,
        model: TransformerModel,
        template: Template,
        how: Decoding,
        *,
        shots: Sequence[Example] = (),
        draws: int = 1,
        seed: int = 0,
        batch_size: int = 32,
        share: bool = True,
    ):
        if model.kind not in ("causal", "seq2seq"):
            raise UsageError(f"{model.name} is an encoder and writes no text; name a language model")
        if draws > 1 and how.temperature == 0:
            raise UsageError("without a temperature all draws are the same; set one, or draws=1")
        self.model, self.template, self.how, self.draws, self.seed = model, template, how, draws, seed
        self.batch_size, self._share = batch_size, share
        self.beginning = template.beginning(shots)
        self._ends = end_tokens(model)
        self._steps: dict[bool, Steps] = {}
        self._shared: Ids | None = None

    def run(self, examples: Iterable[Example], done: AbstractSet[Key] = frozenset()) -> Iterator[list[Completion]]:
        """Batches of completions of all that is not `done`; those whose prompt does not fit are told as such.

        Raises:
            InputError: If an example lacks the label that the template gives.
        """
        wanted = (one for example in examples for one in self._of(example) if one.key not in done)
        while window := list(islice(wanted, WINDOW)):
            fitting = [one for one in window if self._fits(one)]
            if skipped := [_skipped(one) for one in window if not self._fits(one)]:
                yield skipped
            fitting.sort(key=lambda one: len(one.ids), reverse=True)
            for start in range(0, len(fitting), self.batch_size):
                yield self._batch(fitting[start : start + self.batch_size])

    def count(self, data: RationaleDataset) -> int:
        """How many texts a data set asks for."""
        if self.template.given == "choice":
            return self.draws * sum(len(example.choices) for example in data)
        return self.draws * len(data)

    def _of(self, example: Example) -> Iterator[Wanted]:
        given = self.template.given
        if given == "label" and example.label is None:
            raise InputError(f"example '{example.id}' has no label, which the prompt '{self.template.name}' gives")
        choices: Iterable[int | None] = range(len(example.choices)) if given == "choice" else (None,)
        for choice in choices:
            place = example.label if given == "label" else choice
            prompt = self.template.prompt(example, None if place is None else example.choices[place])
            ids = np.array(self.model.tokenizer(self.beginning + prompt, verbose=False)["input_ids"], dtype=np.int64)
            for draw in range(self.draws):
                yield Wanted(example, choice, draw, prompt, ids)

    def _fits(self, one: Wanted) -> bool:
        new = self.how.max_tokens if self.model.kind == "causal" else 0
        return len(one.ids) + new <= self.model.max_length

    def _batch(self, wanted: Sequence[Wanted]) -> list[Completion]:
        prompts = [one.ids for one in wanted]
        if self._shared is None:
            self._shared = self._common(prompts)
        size = len(self._shared)
        # Tokens may merge where the shared text ends; a prompt for which they do is read whole, with its batch.
        begins = bool(size) and all(np.array_equal(prompt[:size], self._shared) for prompt in prompts)
        with torch.inference_mode(), quick_float32(self.model.device):
            found = decode(
                self._reader(begins),
                prompts,
                self.how,
                ends=self._ends,
                to_text=self._text,
                seeds=[_seed(self.seed, one.key) for one in wanted],
            )
        return [self._completion(one, said) for one, said in zip(wanted, found, strict=True)]

    def _common(self, prompts: Sequence[Ids]) -> Ids:
        """The tokens that the beginning and these prompts have in common; at least one token remains to be read."""
        if not self._share or self.model.kind != "causal":
            return np.zeros(0, dtype=np.int64)
        return common_beginning(self.model, self.beginning, prompts, [1] * len(prompts))

    def _reader(self, begins: bool) -> Steps:
        if begins not in self._steps:
            assert self._shared is not None
            shared = self._shared if begins else self._shared[:0]
            causal = self.model.kind == "causal"
            self._steps[begins] = CausalSteps(self.model, shared) if causal else Seq2SeqSteps(self.model)
        return self._steps[begins]

    def _text(self, ids: list[int]) -> str:
        said: str = self.model.tokenizer.decode(ids, skip_special_tokens=True)
        return said

    def _completion(self, one: Wanted, said: Continuation) -> Completion:
        read = read_text(self.template, one.example, said.text, one.choice)
        judged = one.example.label is not None and self.template.given == "input" and read["answer"] is not None
        return Completion(
            example_id=one.example.id,
            choice=one.choice,
            draw=one.draw,
            prompt=one.prompt,
            text=said.text,
            finish=said.finish,
            tokens=said.steps,
            log_likelihood=said.log_likelihood,
            complete=said.finish in ("end", "stop"),
            correct=read["answer"] == one.example.label if judged else None,
            **read,
        )


def draw_shots(data: RationaleDataset, count: int, seed: int, apart: AbstractSet[str] = frozenset()) -> list[Example]:
    """Solved examples drawn by seed from those with a label and a rationale.

    Args:
        data: Where from.
        count: How many.
        seed: Which.
        apart: Ids of examples that are to be explained, and must not be shown solved.

    Raises:
        UsageError: If there are too few.
    """
    if not count:
        return []

    def solved(example: Example) -> bool:
        return example.label is not None and bool(example.rationales) and example.id not in apart

    found = list(data.where(solved).sample(count, seed))
    if len(found) < count:
        raise UsageError(
            f"the prompt shows {count} solved examples, and {data.name} ({data.split}) has {len(found)} with a label "
            "and a rationale; ask for fewer, or name other data to draw them from"
        )
    # A sample comes in the data's order, in which equal labels may stand together.
    order = np.random.default_rng(_seed(seed, ("shots", None, count))).permutation(count)
    return [found[place] for place in order]


def best(completions: Iterable[Completion]) -> list[Completion]:
    """Of all draws for one example and choice the best: in the right form, then complete, then most likely a token."""
    found: dict[tuple[str, int | None], Completion] = {}
    for one in completions:
        key = (one.example_id, one.choice)
        if key not in found or _rank(one) > _rank(found[key]):
            found[key] = one
    return list(found.values())


def _rank(one: Completion) -> tuple[bool, bool, float]:
    return one.format_ok, one.complete, one.mean_log_likelihood


def _skipped(one: Wanted) -> Completion:
    return Completion(
        example_id=one.example.id,
        choice=one.choice,
        draw=one.draw,
        prompt=one.prompt,
        text="",
        finish="too_long",
        tokens=0,
        log_likelihood=None,
        answer=one.choice,
        rationale="",
        format_ok=False,
        complete=False,
        correct=None,
    )


def _seed(seed: int, key: Key) -> int:
    return int.from_bytes(hashlib.sha256(repr((seed, *key)).encode()).digest()[:8], "big") >> 1
