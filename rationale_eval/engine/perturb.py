"""From a question to the token sequences that answer it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from rationale_eval.engine.case import Question
from rationale_eval.errors import UsageError
from rationale_eval.models.base import NO_WORD, Row, TaskModel


@dataclass(frozen=True, slots=True, eq=False)
class TokenSequence:
    """One row as it goes through the network, and the key under which its scores are remembered.

    Args:
        row: Tokens, after deletion or replacement.
        attention: int64 `[tokens]`, or None when every token is attended.
        retain: Probability that an element of each token's input embedding survives, float32 `[tokens]`; None for
            untouched embeddings.
        seed: Seed of the draw that `retain` governs (probabilities 0 and 1 need no luck).
        key: 16 bytes that name the content: equal keys, equal scores.
    """

    row: Row
    attention: NDArray[np.int64] | None
    retain: NDArray[np.float32] | None
    seed: int
    key: bytes

    def __len__(self) -> int:
        return len(self.row.ids)


def sequences(question: Question, model: TaskModel) -> list[TokenSequence]:
    """The rows of a question: one for a classifier, one for each choice for a scorer of choices.

    Special tokens, prompt text and choices always stay. An input with every word removed is thus the special tokens
    alone, and one with no word removed is the whole input whatever the operator.

    Raises:
        UsageError: If the model's tokenizer has no mask token and the operator needs one.
    """
    return [_sequence(row, question, model) for row in question.encoding.rows]


def _sequence(row: Row, question: Question, model: TaskModel) -> TokenSequence:
    if question.retain is not None:
        return _soft(row, question.retain, question.seed)
    kept = question.keep[row.word] | (row.word == NO_WORD) if len(question.keep) else np.ones(len(row.ids), dtype=bool)
    if kept.all() and question.removal != "retokenize":
        return _named(row)
    match question.removal:
        case "delete":
            return _named(replace(row, ids=row.ids[kept], types=row.types[kept], word=row.word[kept]))
        case "mask":
            if model.mask_id is None:
                raise UsageError(f"{model.name} has no mask token; choose --removal delete, pad, attention or zero")
            return _named(replace(row, ids=np.where(kept, row.ids, model.mask_id)))
        case "pad":
            return _named(replace(row, ids=np.where(kept, row.ids, model.pad_id)))
        case "attention":
            return _named(row, attention=kept.astype(np.int64))
        case "zero":
            return _named(row, retain=kept.astype(np.float32))
        case "retokenize":
            ids = model.retokenize(row, kept)
            return _named(Row(ids, np.zeros_like(ids), np.full(len(ids), NO_WORD), row.target))


def _soft(row: Row, retain: NDArray[np.float64], seed: int) -> TokenSequence:
    probabilities = np.ones(len(row.ids), dtype=np.float32)
    inside = row.word != NO_WORD
    probabilities[inside] = retain[row.word[inside]]
    return _named(row, retain=probabilities, seed=seed)


def _named(
    row: Row,
    attention: NDArray[np.int64] | None = None,
    retain: NDArray[np.float32] | None = None,
    seed: int = 0,
) -> TokenSequence:
    digest = blake2b(row.ids.tobytes(), digest_size=16)
    digest.update(b"types" + row.types.tobytes() + b"target" + row.target.tobytes())
    if attention is not None:
        digest.update(b"attention" + attention.tobytes())
    if retain is not None:
        digest.update(b"retain" + retain.tobytes() + str(seed).encode())
    return TokenSequence(row, attention, retain, seed, digest.digest())
