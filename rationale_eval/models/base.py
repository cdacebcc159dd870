"""What predicts: one interface over encoder classifiers and multiple-choice scorers.

An example becomes an `Encoding` of one row (a classifier reads the whole input once) or of one row for each choice
(a scorer gives each choice a number). A row's tokens know which word they belong to, so that the engine can remove
words without knowing the model. Probabilities are the softmax over the concatenated row scores.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rationale_eval.data.example import Example
from rationale_eval.data.words import Word
from rationale_eval.errors import UsageError

NO_WORD = -1
"""Word index of tokens that belong to no word: special tokens, prompt text, the choices."""


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One token sequence as the network reads it.

    Args:
        ids: Token ids, int64 `[tokens]`.
        types: Segment ids, int64 `[tokens]` (zeros where the model has none).
        word: Index of the word each token belongs to, int64 `[tokens]`; `NO_WORD` for the rest.
        target: Tokens whose likelihood is the row's score, int64 `[target]`: the choice, for language models. For a
            causal model
            the target also stands at the end of `ids`; for an encoder-decoder it is what the decoder must write.
            Empty for encoders.
    """

    ids: NDArray[np.int64]
    types: NDArray[np.int64]
    word: NDArray[np.int64]
    target: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """One example as rows.

    Args:
        rows: One row, or one for each choice.
        words: How many words the example has.
        seen: Booleans `[words]`: whether the model sees the word, that is, whether the word has a token of its own in
            the rows after truncation.
        truncated: Whether any text was cut off to fit the model.
        whole: For a model that selects words and then predicts, the rows it selected from, word for word in `seen`;
            `rows` are then what it predicts from. None for all others.
    """

    rows: tuple[Row, ...]
    words: int
    seen: NDArray[np.bool_]
    truncated: bool
    whole: tuple[Row, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Rows padded on the right, on the model's device.

    Args:
        ids: int64 `[rows, tokens]`; padding holds the pad id.
        attention: int64 `[rows, tokens]`: 1 where attended. None when every token of every row is attended.
        types: int64 `[rows, tokens]`.
        targets: int64 `[rows, target]`, padded with -100; None for encoders.
        lengths: int64 `[rows]`: number of tokens of each row before padding.
        embeds: float `[rows, tokens, hidden]`: input embeddings to use in place of those of `ids`, or None.
        places: int64 `[rows, tokens]`: where each token stood in its text, from 0, for rows with tokens left out; None
            where nothing was left out. Only for models that say so (`keeps_places`).
    """

    ids: Tensor
    attention: Tensor | None
    types: Tensor
    targets: Tensor | None
    lengths: Tensor
    embeds: Tensor | None = None
    places: Tensor | None = None


class TaskModel(ABC):
    """A model that chooses.

    Attributes:
        name: How the user named it.
        fingerprint: SHA-256 over weights, configuration, tokenizer, prompt and dtype: equal fingerprints, equal
            answers.
        network: The module, in eval mode.
        device: Where it lives.
        choices: Label names of a classifier; None when every example brings its own choices.
        pad_id: Id used for padding and by the `pad` removal operator.
        mask_id: Id of the mask token, or None if the tokenizer has none.
        max_length: Most tokens in a row.
        outputs: Numbers a row yields: the number of classes for a classifier, 1 for a scorer of choices.
        keeps_places: Whether `Batch.places` is understood: leaving tokens out is then the same as hiding them from
            attention.
        extractor: Folder of the rationale extractor that was trained with the model, or None.
    """

    name: str
    fingerprint: str
    network: nn.Module
    device: torch.device
    choices: tuple[str, ...] | None
    pad_id: int
    mask_id: int | None
    max_length: int
    outputs: int
    keeps_places: bool = False
    extractor: Path | None = None

    @abstractmethod
    def encode(self, example: Example, words: Sequence[Word]) -> Encoding:
        """Tokenises the example and says which word every token belongs to.

        A token belongs to the first word it overlaps. If the text is too long, the longest field is cut at its end
        first.
        """

    @abstractmethod
    def embedding(self) -> nn.Embedding:
        """The input (token) embedding table."""

    @abstractmethod
    def scores(self, batch: Batch) -> Tensor:
        """Float32 scores `[rows, outputs]`: class logits, or the length-normalised log-likelihood (or logit) of one
        choice.

        Gradients flow to `batch.embeds` when given and gradients are enabled.
        """

    def joint_scores(self, batches: Sequence[Batch]) -> Tensor:
        """The scores of several batches, one after another, `[rows of all, outputs]`; in one pass where that is known
        to be quicker.
        """
        return torch.cat([self.scores(batch) for batch in batches])

    def scores_and_states(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The scores, and the last layer's states of all tokens `[rows, tokens, hidden]`, from one pass.

        Raises:
            UsageError: Where the model has no state for each token of the input.
        """
        raise UsageError(f"{self.name} is not an encoder; its tokens have no states that know the whole input")

    @abstractmethod
    def save(self, folder: str) -> None:
        """Writes what `load_model` needs to load the model again: safetensors and JSON only."""

    def retokenize(self, row: Row, keep: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Ids after deleting the tokens outside `keep`, decoding to text and tokenising again (ferret's removal).

        Raises:
            UsageError: Where the model has no text form for a row.
        """
        raise UsageError(f"{self.name} cannot decode and tokenise again; choose another removal operator")

    def pad(self, rows: Sequence[Row], attention: Sequence[NDArray[np.int64]] | None = None) -> Batch:
        """Puts rows side by side, padded on the right.

        Args:
            rows: The rows.
            attention: For each row its attention mask; None attends to every token.
        """
        longest = max(len(row.ids) for row in rows)
        shape = (len(rows), longest)
        ids = np.full(shape, self.pad_id, dtype=np.int64)
        types = np.zeros(shape, dtype=np.int64)
        mask = np.zeros(shape, dtype=np.int64)
        for i, row in enumerate(rows):
            size = len(row.ids)
            ids[i, :size], types[i, :size] = row.ids, row.types
            mask[i, :size] = 1 if attention is None else attention[i]
        targets = None
        if any(len(row.target) for row in rows):
            target = np.full((len(rows), max(len(row.target) for row in rows)), -100, dtype=np.int64)
            for i, row in enumerate(rows):
                target[i, : len(row.target)] = row.target
            targets = torch.from_numpy(target).to(self.device)
        lengths = torch.tensor([len(row.ids) for row in rows])
        return Batch(
            ids=torch.from_numpy(ids).to(self.device),
            attention=None if mask.all() else torch.from_numpy(mask).to(self.device),
            types=torch.from_numpy(types).to(self.device),
            targets=targets,
            lengths=lengths.to(self.device),
        )
