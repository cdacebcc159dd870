"""Simulators that write: an encoder-decoder reads a view and is asked how likely it is to write each choice.

    s(c) = sum_t  log p(c_t | x, c_1 ... c_{t-1})

over the tokens of the choice and the one that ends it; the guesses are the softmax over the choices, which is what the
model holds of them when it writes one of them. The sum is not divided by the number of tokens, for the model learned
just these texts (Hase et al. 2020 choose by the loss over a padded length, which is the sum as well). It learns to
write the answer as it would any text (`training/text_to_text.py`), so the other choices are never named as wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.models.choice_lm import decoder_start
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.training.examples import by_length, prepare
from rationale_eval.training.learner import TrainingSet
from rationale_eval.training.text_to_text import IGNORED, Ids, Pair, PairLearner, ended, padded

PROMPT: Final = "inputs_options_answer"
"""What a writing simulator reads: the inputs by name and then all choices, also of questions with options."""

VERSION: Final = 1
"""Raised whenever a writing simulator would learn or answer otherwise."""


@dataclass(frozen=True, slots=True, eq=False)
class Answer(Pair):
    """What is shown, the answer that is to be written, and all that might be written.

    Args:
        said: Token ids of every choice, with the one that ends it.
        label: Which of them is the answer.
    """

    said: tuple[Ids, ...]
    label: int


def prepare_answers(model: TransformerModel, data: RationaleDataset) -> TrainingSet[Answer]:
    """The labelled examples of a view as texts; what is too long is cut as for every other model."""
    read = prepare(model, data)
    items = []
    for one in read.items:
        rows = one.encoding.rows
        said = tuple(ended(model, row.target) for row in rows if row.target is not None)
        items.append(Answer(one.example, rows[0].ids, said[one.label], said, one.label))
    return TrainingSet(items, read.ids, read.lengths, read.fingerprint, read.truncated)


def likelihoods(model: TransformerModel, batch: Sequence[Answer]) -> Tensor:
    """Log-likelihood of every choice as a text, in nats; float32 `[examples, choices]`, -inf where there are fewer.

    An example is read once, whatever the number of its choices.
    """
    network: Any = model.network
    ids = padded([item.source for item in batch], model.pad_id, model.device)
    mask = padded([np.ones(len(item.source), dtype=np.int64) for item in batch], 0, model.device)
    states = network.get_encoder()(input_ids=ids, attention_mask=mask).last_hidden_state
    counts = torch.tensor([len(item.said) for item in batch], device=model.device)
    targets = padded([said for item in batch for said in item.said], IGNORED, model.device)
    before = torch.full_like(targets, decoder_start(network.config))
    before[:, 1:] = targets[:, :-1].clamp(min=0)
    logits = network(
        encoder_outputs=(states.repeat_interleave(counts, dim=0),),
        attention_mask=mask.repeat_interleave(counts, dim=0),
        decoder_input_ids=before,
        use_cache=False,
    ).logits
    nats = cross_entropy(logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="none")
    whole = -nats.view_as(targets).sum(dim=1)
    return pad_sequence(list(whole.split(counts.tolist())), batch_first=True, padding_value=-torch.inf)


class AnswerLearner(PairLearner):
    """Learns to write the answer.

    Args:
        model: The encoder-decoder, trained in place.
        dev: Answers that it is evaluated on.
    """

    def __init__(self, model: TransformerModel, dev: TrainingSet[Answer] | None):
        super().__init__(model, dev)

    def evaluate(self) -> Mapping[str, float]:
        """`accuracy` and `loss` of the guesses among the choices."""
        if self.dev is None:
            return {}
        right, losses = [], []
        for batch in by_length(self.dev):
            scores = likelihoods(self.model, batch).double()
            labels = torch.tensor([item.label for item in batch], device=scores.device)
            right.append((scores.argmax(dim=1) == labels).cpu().numpy())
            losses.append(cross_entropy(scores, labels, reduction="none").cpu().numpy())
        return {"accuracy": float(np.concatenate(right).mean()), "loss": float(np.concatenate(losses).mean())}
