"""Learning to write: a language model is shown a text and learns the text that is to follow.

    L = -1/n  sum_t  log p(w_t | x, w_1 ... w_{t-1})

over the n tokens of the target w, the one that ends it included; the tokens of x are read and never learned. An
encoder-decoder reads x by its encoder, a causal model reads x and w as one text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.errors import UsageError
from rationale_eval.models.choice_lm import decoder_start
from rationale_eval.models.decoding import Decoding
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.rationales.generation import Generation
from rationale_eval.rationales.template import Template
from rationale_eval.training.examples import by_length
from rationale_eval.training.learner import Learner, TrainingSet
from rationale_eval.training.objective import Term
from rationale_eval.training.randomness import Moment

Reduction = Literal["examples", "tokens"]
"""examples: the mean over an example's tokens, then over examples; tokens: the mean over all tokens of a batch."""

IGNORED: Final = -100
MARGIN: Final = 4
"""Tokens beyond the longest answer that a dev text may have before it is looked at."""

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """What is shown and what is to be written.

    Args:
        example: The example.
        source: Token ids of what is shown, int64 `[tokens]`.
        target: Token ids of what is to be written, with the one that ends it, int64 `[tokens]`.
    """

    example: Example
    source: Ids
    target: Ids


def prepare_pairs(model: TransformerModel, template: Template, data: RationaleDataset) -> TrainingSet[Pair]:
    """The examples of a data set as pairs of texts; those without a label, or without a rationale where one is needed,
    are left out. What is too long is cut: a target to half of the model's length, then the source.

    Raises:
        UsageError: If nothing is left.
    """
    pairs, cut = [], 0
    for example in data:
        if example.label is None or (template.needs_rationale and not example.rationales):
            continue
        pair, short = _pair(model, template, example)
        pairs.append(pair)
        cut += short
    if not pairs:
        what = "a label and a rationale" if template.needs_rationale else "a label"
        raise UsageError(f"no example of {data.name} ({data.split}) has {what}, which learning to write needs")
    lengths = np.array([len(pair.source) + len(pair.target) for pair in pairs], dtype=np.int64)
    return TrainingSet(pairs, [pair.example.id for pair in pairs], lengths, data.fingerprint(), cut)


def _pair(model: TransformerModel, template: Template, example: Example) -> tuple[Pair, bool]:
    causal = model.kind == "causal"
    given = None
    if template.given == "label" and example.label is not None:
        given = example.choices[example.label]
    source = _tokens(model, template.prompt(example, given), special=True)
    said = template.says_of(example)
    target = ended(model, _tokens(model, said if causal else said.strip(), special=not causal))
    longest = model.max_length
    short = target[: max(1, longest // 2)]
    room = longest - len(short) if causal else longest
    # A causal model goes on from the end of what it reads; an encoder expects the token that closes a text.
    shown = source[len(source) - min(room, len(source)) :] if causal else np.r_[source[: room - 1], source[-1:]]
    if len(source) <= room:
        shown = source
    return Pair(example, shown, short), len(shown) < len(source) or len(short) < len(target)


def _tokens(model: TransformerModel, text: str, *, special: bool) -> Ids:
    return np.array(model.tokenizer(text, add_special_tokens=special, verbose=False)["input_ids"], dtype=np.int64)


def ended(model: TransformerModel, ids: Ids) -> Ids:
    """Token ids with the one that ends a text, where the model knows one."""
    end = model.tokenizer.eos_token_id
    return ids if end is None or (len(ids) and ids[-1] == end) else np.append(ids, end)


class PairLearner(Learner[Pair]):
    """Learns to write targets.

    Args:
        model: A causal language model or an encoder-decoder, trained in place.
        dev: What the loss is evaluated on, or None.
        reduction: How the losses of tokens become one.
    """

    def __init__(self, model: TransformerModel, dev: TrainingSet[Any] | None, *, reduction: Reduction = "examples"):
        self.model, self.dev, self.reduction = model, dev, reduction
        self.terms = (Term("text", reduction="examples" if reduction == "examples" else "batch"),)

    @property
    def device(self) -> torch.device:
        """Where the model lives."""
        return self.model.device

    def modules(self) -> Mapping[str, nn.Module]:
        """The network."""
        return {"network": self.model.network}

    def losses(self, batch: Sequence[Pair], moment: Moment) -> Mapping[str, Tensor]:
        """`text`: `[examples]`, or the mean over all tokens of the batch, as `reduction` says."""
        nats, counted = token_losses(self.model, batch)
        if self.reduction == "tokens":
            return {"text": nats.sum() / counted.sum()}
        return {"text": nats.sum(dim=1) / counted.sum(dim=1)}

    def evaluate(self) -> Mapping[str, float]:
        """`loss`, the mean over the examples of the dev set."""
        if self.dev is None:
            return {}
        losses = [self.losses_of(batch) for batch in by_length(self.dev)]
        return {"loss": float(np.concatenate(losses).mean())}

    def losses_of(self, batch: Sequence[Pair]) -> NDArray[np.float64]:
        """-log p of each target, per token; float64 `[examples]`."""
        nats, counted = token_losses(self.model, batch)
        found: NDArray[np.float64] = (nats.double().sum(dim=1) / counted.sum(dim=1)).cpu().numpy()
        return found


class TextLearner(PairLearner):
    """Learns to write targets in which an answer stands.

    Args:
        model: A causal language model or an encoder-decoder, trained in place.
        template: How examples are shown, and how what was written is read back.
        dev: What the loss is evaluated on, or None.
        judged: Examples that are decoded greedily for the accuracy.
        reduction: How the losses of tokens become one.
        max_tokens: Most tokens of a dev text that has to be read to its end, since its answer stands last.
    """

    def __init__(
        self,
        model: TransformerModel,
        template: Template,
        dev: TrainingSet[Pair] | None,
        *,
        judged: Sequence[Example] = (),
        reduction: Reduction = "examples",
        max_tokens: int = 64,
    ):
        super().__init__(model, dev, reduction=reduction)
        self.template, self.judged, self.max_tokens = template, list(judged), max_tokens

    def evaluate(self) -> Mapping[str, float]:
        """`loss` (mean over examples), `accuracy` (an answer that cannot be read is wrong) and `answered`, the share of
        answers that could be read, on the dev set.
        """
        return {} if self.dev is None else {**super().evaluate(), **self._judge()}

    def _judge(self) -> dict[str, float]:
        judged = [example for example in self.judged if example.label is not None]
        if not judged:
            return {}
        how = Decoding(self._enough(judged), stop=self.template.stop)
        # A new one each time: it remembers what the weights made of the prompts' beginning.
        made = [one for found in Generation(self.model, self.template, how).run(judged) for one in found]
        return {
            "accuracy": float(np.mean([one.correct is True for one in made])),
            "answered": float(np.mean([one.answer is not None for one in made])),
        }

    def _enough(self, examples: Sequence[Example]) -> int:
        """Tokens until the answer has been said."""
        if self.template.order == "rationale_first":
            return self.max_tokens
        said = {choice for example in examples for choice in self.template.written(example)}
        longest = max(len(_tokens(self.model, f"{choice}{self.template.joint}", special=False)) for choice in said)
        return longest + MARGIN


def token_losses(model: TransformerModel, batch: Sequence[Pair]) -> tuple[Tensor, Tensor]:
    """-log p of every target token in nats, float32 `[examples, target]`, and which count, booleans of the same shape;
    those that do not are 0.
    """
    targets = padded([pair.target for pair in batch], IGNORED, model.device)
    network: Any = model.network
    if model.kind == "causal":
        whole = [np.r_[pair.source, pair.target[:-1]] for pair in batch]
        ids = padded(whole, model.pad_id, model.device)
        # What stands after a text cannot be seen by it, so padding needs no mask.
        states = network.base_model(input_ids=ids, use_cache=False).last_hidden_state
        first = torch.tensor([len(pair.source) - 1 for pair in batch], device=model.device)
        place = (first[:, None] + torch.arange(targets.shape[1], device=model.device)).clamp(max=ids.shape[1] - 1)
        picked = states.gather(1, place[:, :, None].expand(-1, -1, states.shape[2]))
        logits = network.get_output_embeddings()(picked)
    else:
        ids = padded([pair.source for pair in batch], model.pad_id, model.device)
        mask = padded([np.ones(len(pair.source), dtype=np.int64) for pair in batch], 0, model.device)
        before = torch.full_like(targets, decoder_start(network.config))
        before[:, 1:] = targets[:, :-1].clamp(min=0)
        logits = network(input_ids=ids, attention_mask=mask, decoder_input_ids=before, use_cache=False).logits
    flat = cross_entropy(logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="none")
    return flat.view_as(targets), targets != IGNORED


def padded(rows: Sequence[Ids], value: int, device: torch.device) -> Tensor:
    """Rows of token ids side by side, filled up with a value; int64 `[rows, longest]`."""
    found = np.full((len(rows), max(map(len, rows))), value, dtype=np.int64)
    for place, row in enumerate(rows):
        found[place, : len(row)] = row
    return torch.from_numpy(found).to(device)
