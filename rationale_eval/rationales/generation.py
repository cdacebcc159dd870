"""Free-text rationales of a language model for a data set: prompts, batches by length, one record for every draw.

A text depends on the model, the prompt and its own seed, never on what shares its batch (up to the rounding of
products), so that a generation that was stopped goes on with what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from rationale_eval.data.example import Example
from rationale_eval.engine.precision import quick_float32
from rationale_eval.errors import UsageError
from rationale_eval.models.decode import Continuation, common_beginning, decode, end_tokens
from rationale_eval.models.decoding import Decoding
from rationale_eval.models.steps import CausalSteps, Seq2SeqSteps, Steps
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.rationales.asking import Asking, Wanted
from rationale_eval.rationales.completion import Completion, Key
from rationale_eval.rationales.template import Template

WINDOW: Final = 512
"""Prompts that are sorted by length together."""

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """One text to be made.

    Args:
        wanted: What is asked.
        ids: The whole prompt, int64 `[tokens]`.
    """

    wanted: Wanted
    ids: Ids


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
        self.asking = Asking(template, how, shots=shots, draws=draws, seed=seed)
        self.model, self.how, self.beginning = model, how, self.asking.beginning
        self.batch_size, self._share = batch_size, share
        self._ends = end_tokens(model)
        self._steps: dict[bool, Steps] = {}
        self._shared: Ids | None = None
        self._last: tuple[str, Ids] | None = None  # several draws have one prompt

    def run(self, examples: Iterable[Example], done: AbstractSet[Key] = frozenset()) -> Iterator[list[Completion]]:
        """Batches of completions of all that is not `done`; those whose prompt does not fit are told as such.

        Raises:
            InputError: If an example lacks the label that the template gives.
        """
        wanted = map(self.encoded, self.asking.missing(examples, done))
        while window := list(islice(wanted, WINDOW)):
            fitting = [one for one in window if self._fits(one)]
            if skipped := [self.asking.nothing(one.wanted, "too_long") for one in window if not self._fits(one)]:
                yield skipped
            fitting.sort(key=lambda one: len(one.ids), reverse=True)
            for start in range(0, len(fitting), self.batch_size):
                yield self._batch(fitting[start : start + self.batch_size])

    def encoded(self, one: Wanted) -> Encoded:
        """A text to be made with the whole prompt as tokens."""
        if self._last is None or self._last[0] != one.prompt:
            said = self.model.tokenizer(self.beginning + one.prompt, verbose=False)["input_ids"]
            self._last = one.prompt, np.array(said, dtype=np.int64)
        return Encoded(one, self._last[1])

    def about(self) -> dict[str, Any]:
        """What identifies the texts beside example, choice and draw."""
        return {**self.asking.about(), "model": self.model.source, "fingerprint": self.model.fingerprint}

    def _fits(self, one: Encoded) -> bool:
        new = self.how.max_tokens if self.model.kind == "causal" else 0
        return len(one.ids) + new <= self.model.max_length

    def _batch(self, wanted: Sequence[Encoded]) -> list[Completion]:
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
                seeds=[self.asking.seed_of(one.wanted) for one in wanted],
            )
        return [self._completion(one.wanted, said) for one, said in zip(wanted, found, strict=True)]

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
        return self.asking.completion(
            one, said.text, said.finish, tokens=said.steps, log_likelihood=said.log_likelihood
        )
