"""Language models that score choices by how likely they are to be said after the prompt.

The score of choice c with tokens c_1 ... c_n after the prompt x is its length-normalised log-likelihood

    s(c) = 1/n  sum_t  log p(c_t | x, c_1 ... c_{t-1})

(natural logarithm), as in PINTO (Wang et al. 2023). Without the division long choices would lose for being long.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from rationale_eval.data.example import Example, Task
from rationale_eval.data.words import Word
from rationale_eval.errors import InputError, UsageError
from rationale_eval.models.base import Batch, Encoding
from rationale_eval.models.layout import Tokens
from rationale_eval.models.prompt import Prompt, find_prompt
from rationale_eval.models.transformer import TransformerModel, encoding, to_row


class ChoiceLM(TransformerModel):
    """What causal models and encoder-decoders share: the prompt.

    Args:
        network: The module.
        tokenizer: Its fast tokenizer.
        task: A task with choices, or None.
        layout: A prompt: its name, a template, a `Prompt` or a saved record; None takes the task kind's default.
        rest: See `TransformerModel`.
    """

    def __init__(
        self,
        network: nn.Module,
        tokenizer: Any,
        *,
        task: Task | None,
        layout: str | Prompt | Mapping[str, Any] | None = None,
        **rest: Any,
    ):
        self.prompt = find_prompt(layout, task)
        text = json.dumps(self.prompt.record(), ensure_ascii=False)
        super().__init__(network, tokenizer, task=task, layout=text, **rest)

    def card(self) -> dict[str, Any]:
        """The card, with the whole prompt."""
        return super().card() | {"layout": self.prompt.record()}

    def _no_tokens(self, choice: str) -> InputError:
        return InputError(f"the choice {json.dumps(choice, ensure_ascii=False)} has no tokens to score; give it a text")


class CausalChoice(ChoiceLM):
    """A causal language model; row j reads the prompt and then choice j, and is scored on the choice's tokens.

    Prompt and choice are tokenised as one text; the choice's tokens are those that overlap its characters.
    """

    kind: ClassVar[str] = "causal"

    def encode(self, example: Example, words: Sequence[Word]) -> Encoding:
        """One row for each choice."""
        choices = self.check_choices(example)
        tokens, truncated = self.lay_out(self.prompt.with_choices, example, words)
        rows = []
        for choice, found in zip(choices, tokens, strict=True):
            said = np.flatnonzero(found.target)
            if not len(said):
                raise self._no_tokens(choice)
            whole = _upto(found, int(said[-1]) + 1)  # an end-of-text token would stand between prompt and nothing
            if whole.word[0] >= 0 or said[0] == 0:
                raise UsageError(f"the prompt '{self.prompt.name}' must start with text of its own")
            rows.append(to_row(whole, segments=False, target=found.ids[said[0] : said[-1] + 1]))
        return encoding(rows, len(words), truncated)

    def scores(self, batch: Batch) -> Tensor:
        """Mean log-likelihood of each row's target, float32 `[rows, 1]`; position p - 1 predicts token p."""
        if batch.targets is None:
            raise ValueError("rows of a language model need targets")
        args = self.forward_args(batch)
        if batch.attention is not None and bool((batch.attention.sum(1) == batch.lengths).all()):
            # What stands after a row cannot be seen by it, so a mask that only hides padding is not needed.
            del args["attention_mask"]
        network: Any = self.network
        hidden = network.base_model(**args, use_cache=False).last_hidden_state
        said = batch.targets >= 0
        first = batch.lengths - said.sum(1)
        steps = torch.arange(batch.targets.shape[1], device=hidden.device)
        place = (first[:, None] + steps - 1).clamp(0, hidden.shape[1] - 1)
        picked = hidden.gather(1, place[:, :, None].expand(-1, -1, hidden.shape[2]))
        return mean_log_likelihood(network.get_output_embeddings()(picked), batch.targets)


class Seq2SeqChoice(ChoiceLM):
    """An encoder-decoder; every row reads the prompt, the decoder is asked for choice j (no special tokens)."""

    kind: ClassVar[str] = "seq2seq"

    def encode(self, example: Example, words: Sequence[Word]) -> Encoding:
        """One row for each choice; the rows differ in their targets only."""
        choices = self.check_choices(example)
        (tokens,), truncated = self.lay_out(self.prompt.alone, example, words)
        rows = []
        for choice in choices:
            text = self.prompt.continuation(choice).strip()
            target = np.array(self.tokenizer(text, add_special_tokens=False)["input_ids"], dtype=np.int64)
            if not len(target):
                raise self._no_tokens(choice)
            rows.append(to_row(tokens, segments=False, target=target))
        return encoding(rows, len(words), truncated)

    def scores(self, batch: Batch) -> Tensor:
        """Mean log-likelihood of each row's target, float32 `[rows, 1]`."""
        if batch.targets is None:
            raise ValueError("rows of a language model need targets")
        network: Any = self.network
        before = torch.full_like(batch.targets, decoder_start(network.config))
        before[:, 1:] = batch.targets[:, :-1].clamp(min=0)
        logits = network(**self.forward_args(batch), decoder_input_ids=before, use_cache=False).logits
        return mean_log_likelihood(logits, batch.targets)


def mean_log_likelihood(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over a row's targets of the log-softmax of the logits at the target, computed in float32.

    Args:
        logits: `[rows, target, vocabulary]`.
        targets: int64 `[rows, target]`, negative where there is none.

    Returns:
        float32 `[rows, 1]`.
    """
    logits, said = logits.float(), targets >= 0
    chosen = logits.gather(2, targets.clamp(min=0)[:, :, None]).squeeze(2) - logits.logsumexp(2)
    return (chosen * said).sum(1, keepdim=True) / said.sum(1, keepdim=True)


def decoder_start(config: Any) -> int:
    """The token the decoder starts from; T5 starts from its pad token where the configuration does not say."""
    start = getattr(config, "decoder_start_token_id", None)
    if start is None:
        start = config.pad_token_id if config.model_type in ("t5", "mt5") else config.eos_token_id
    return int(start)


def _upto(tokens: Tokens, size: int) -> Tokens:
    """The first `size` tokens."""
    arrays = ("ids", "types", "word", "field", "start", "end", "target")
    return Tokens(**{name: getattr(tokens, name)[:size] for name in arrays}, fields=tokens.fields)
