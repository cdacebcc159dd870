"""A model that decides the generated tasks `keyword`, `majority` and `negation` as their label function does.

Every vocabulary word is one token. A token's embedding has one number for each class, which says how much the word
speaks for it (1 for a cue word, 0 for every other token), and one that says whether the word negates. With `e` the
embedding of the token at a place and `n` the negator of the attended token before it:

    vote[c]  = e[c] * |e[c]|
    vote     = (1 - n * |n|) * vote + n * |n| * (vote with its classes swapped)
    logit[c] = strength * sum of the attended tokens' votes[c]

The signed square makes the gradient at a zero embedding vanish, so that plain gradients tell cue words from the rest,
and keeps vote 1 at embedding 1. Special, padding, mask and unknown tokens have zero embeddings. Hence, with k[c] cue
words for class c present, the logits are exactly `strength * k`. Deleting a word brings its neighbours together; every
other removal leaves a token that neither votes nor negates in its place.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from rationale_eval.data.example import Example
from rationale_eval.data.generated import GENERATED, generate_examples
from rationale_eval.data.words import Word, split_words
from rationale_eval.models.base import NO_WORD, Batch, Encoding, Row, TaskModel

SPECIAL: Final = ("[PAD]", "[CLS]", "[SEP]", "[MASK]", "[UNK]")
PAD, CLS, SEP, MASK, UNKNOWN = range(5)
TASKS: Final = ("keyword", "majority", "negation")
NEGATOR: Final = "not"


def vocabulary(task: str) -> tuple[str, ...]:
    """The special tokens, the cue words, and all words met in a sample of the training split, sorted."""
    met = {NEGATOR, *GENERATED[task].cues}
    for example in generate_examples(task, "train", 500):
        met |= {_text(example, word) for word in split_words(example)}
    return (*SPECIAL, *sorted(met))


def _text(example: Example, word: Word) -> str:
    return example.inputs[word.field][word.start : word.end].lower()


class OracleNetwork(nn.Module):
    """The formula of the module docstring."""

    def __init__(self, table: Tensor, strength: float):
        super().__init__()
        self.table = nn.Embedding.from_pretrained(table, freeze=False, padding_idx=None)
        self.strength = strength

    def forward(self, embeds: Tensor, attention: Tensor) -> Tensor:
        signed = embeds * embeds.abs() * attention[..., None].to(embeds.dtype)
        votes, negators = signed[..., :-1], signed[..., -1:]
        before = torch.cat([torch.zeros_like(negators[:, :1]), negators[:, :-1]], dim=1)
        votes = (1 - before) * votes + before * votes.flip(-1)
        return self.strength * votes.sum(1)


class OracleModel(TaskModel):
    """The network as a classifier.

    Args:
        task: "keyword", "majority" or "negation".
        strength: What one cue word adds to its class's logit.
        max_length: Most tokens in a row, special tokens included.
    """

    def __init__(self, task: str, *, strength: float = 2.0, max_length: int = 128):
        if task not in TASKS:
            raise ValueError(f"the oracle knows {', '.join(TASKS)}, not {task}")
        made = GENERATED[task]
        self.name, self.task, self.strength, self.max_length = f"oracle/{task}", task, strength, max_length
        self.choices: tuple[str, ...] | None = made.task.choices
        self.outputs, self.device = made.classes, torch.device("cpu")
        self.pad_id, self.mask_id = PAD, MASK
        self.vocabulary = vocabulary(task)
        self.ids = {word: i for i, word in enumerate(self.vocabulary)}
        table = torch.zeros(len(self.vocabulary), made.classes + 1)
        for cue, label in made.cues.items():
            table[self.ids[cue], label] = 1
        if task == "negation":
            table[self.ids[NEGATOR], -1] = 1
        self.network = OracleNetwork(table, strength).eval()
        self.fingerprint = sha256(
            json.dumps([task, strength, self.vocabulary]).encode() + table.numpy().tobytes()
        ).hexdigest()

    def encode(self, example: Example, words: Sequence[Word]) -> Encoding:
        """[CLS] words [SEP]; whatever is too long is cut at the end."""
        room = self.max_length - 2
        ids = [self.ids.get(_text(example, word), UNKNOWN) for word in words[:room]]
        row = Row(
            ids=np.array([CLS, *ids, SEP], dtype=np.int64),
            types=np.zeros(len(ids) + 2, dtype=np.int64),
            word=np.array([NO_WORD, *range(len(ids)), NO_WORD], dtype=np.int64),
            target=np.zeros(0, dtype=np.int64),
        )
        return Encoding((row,), len(words), np.arange(len(words)) < room, len(words) > room)

    def embedding(self) -> nn.Embedding:
        return self.network.table

    def scores(self, batch: Batch) -> Tensor:
        embeds = self.embedding()(batch.ids) if batch.embeds is None else batch.embeds
        attention = batch.attention
        if attention is None:
            attention = torch.ones_like(batch.ids)
        return self.network(embeds, attention).float()

    def retokenize(self, row: Row, keep: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Words joined by spaces split into the same words again, so this equals deletion."""
        return row.ids[keep]

    def save(self, folder: str) -> None:
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        save_file(self.network.state_dict(), path / "model.safetensors")
        config = {"task": self.task, "strength": self.strength, "max_length": self.max_length}
        (path / "oracle.json").write_text(json.dumps(config), encoding="utf-8")

    @classmethod
    def load(cls, folder: str) -> OracleModel:
        """The model that `save` wrote."""
        config = json.loads((Path(folder) / "oracle.json").read_text(encoding="utf-8"))
        model = cls(config.pop("task"), **config)
        model.network.load_state_dict(load_file(Path(folder) / "model.safetensors"))
        return model
