"""Select, then predict: the model answers from the words its extractor selects and never reads the others.

The selection is made once, on the whole input. What evaluation then takes away, it takes from the selected words; a
word that was not selected can be ranked, but taking it away changes nothing. So with a share of 20 %, comprehensiveness
at 20 % and more asks about special tokens alone (the released code of UNIREX asks about padding alone), and sufficiency
at 20 % and more is 0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from rationale_eval.errors import UsageError
from rationale_eval.models.base import NO_WORD, Encoding, Row
from rationale_eval.models.narrowing import NARROWINGS
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.rationales.attribution import merge_words
from rationale_eval.rationales.extractors import Extractor
from rationale_eval.rationales.extractors.apply import token_scores
from rationale_eval.rationales.extractors.stored import extractor_of
from rationale_eval.rationales.selection import count, top_n

Form = Literal["top", "span"]
Counting = Literal["floor", "half_even", "ceil"]

KIND: Final = "select_first"
REMEMBERED: Final = 20_000
"""Most rows whose selection is remembered."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Which words are selected.

    Args:
        share: How many, in per cent of the words that the model can see; at least one.
        form: `top`: those with the highest scores. `span`: the run of words with the highest sum of scores.
        counting: How a share becomes a number; see `selection.COUNTING`.

    Source: Jain et al. 2020 (FRESH), top-k and contiguous rationales; floor as in the released code of UNIREX.
    """

    share: float = 20.0
    form: Form = "top"
    counting: Counting = "floor"

    def __post_init__(self) -> None:
        if not 0 < self.share <= 100:
            raise UsageError(f"the share of words that are kept lies above 0 and at most at 100, not at {self.share}")
        if self.form not in get_args(Form) or self.counting not in get_args(Counting):
            raise UsageError(f"there is no selection '{self.form}' counted by '{self.counting}'")

    def select(self, scores: NDArray[np.float64]) -> NDArray[np.bool_]:
        """The selected words.

        Args:
            scores: float64 `[words]`; NaN for words that cannot be selected.

        Returns:
            Booleans `[words]`; of equal choices the first.
        """
        there = np.flatnonzero(~np.isnan(scores))
        size = max(1, count(len(there), self.share, self.counting))
        if self.form == "top" or not len(there):
            return top_n(scores, size)
        sums = np.convolve(scores[there], np.ones(size), "valid")
        kept = np.zeros(len(scores), dtype=bool)
        kept[there[int(np.argmax(sums)) :][:size]] = True
        return kept


class SelectFirst:
    """What a model that selects first reads.

    Each row of an example is selected from by itself: a scorer of choices reads every choice's own rationale.

    Args:
        rule: Which words are selected.
        extractor: What scores them; by default the one that was saved with the model.
    """

    def __init__(self, rule: Rule, extractor: Extractor | None = None):
        self.rule, self._extractor = rule, extractor
        self._digest: str | None = None
        # Extraction and evaluation both encode an example, and attributions take long.
        self._kept: dict[bytes, NDArray[np.bool_]] = {}

    def extractor(self, model: TransformerModel) -> Extractor:
        """What scores the words.

        Raises:
            UsageError: If there is none.
        """
        return extractor_of(model) if self._extractor is None else self._extractor

    def narrow(self, model: TransformerModel, encodings: Sequence[Encoding]) -> list[Encoding]:
        """The encodings with the selected words' tokens only, and all tokens that belong to no word."""
        pairs = [(encoding, row) for encoding in encodings for row in encoding.rows]
        keys = [_content(encoding, row) for encoding, row in pairs]
        missing = {key: pair for key, pair in zip(keys, pairs, strict=True) if key not in self._kept}
        scores = token_scores(model, self.extractor(model), [row for _, row in missing.values()])
        fresh = {
            key: select(encoding, row, tokens, self.rule)
            for (key, (encoding, row)), tokens in zip(missing.items(), scores, strict=True)
        }
        found = iter([fresh[key] if key in fresh else self._kept[key] for key in keys])
        if len(self._kept) + len(fresh) > REMEMBERED:
            self._kept.clear()
        self._kept |= dict(list(fresh.items())[:REMEMBERED])
        return [narrowed(encoding, [next(found) for _ in encoding.rows]) for encoding in encodings]

    def fingerprint(self, model: TransformerModel) -> str:
        """SHA-256 over the rule and the extractor, which is not trained any more."""
        if self._digest is None:
            made = self.extractor(model)
            digest = hashlib.sha256(repr((self.card(), made.kind, made.settings())).encode())
            for name, tensor in sorted(made.state_dict().items()):
                digest.update(f"{name}{tuple(tensor.shape)}".encode() + b"\0")
                digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
            self._digest = digest.hexdigest()
        return self._digest

    def card(self) -> dict[str, Any]:
        """The rule."""
        return {"kind": KIND, **asdict(self.rule)}


def _from_card(settings: Mapping[str, Any]) -> SelectFirst:
    try:
        return SelectFirst(Rule(float(settings["share"]), settings["form"], settings["counting"]))
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError("the model's card does not say how it selects words; save the model again") from error


NARROWINGS.add(KIND, _from_card)


def _content(encoding: Encoding, row: Row) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for part in (row.ids, row.types, row.word, encoding.seen):
        digest.update(part.tobytes() + b"/")
    return digest.digest()


def select(encoding: Encoding, row: Row, tokens: NDArray[np.float64], rule: Rule) -> NDArray[np.bool_]:
    """The selected words of one row, booleans `[words]`; a word's score is the mean of its tokens' scores."""
    scores = merge_words(encoding, [row], [tokens], "mean")
    scores[~np.isin(np.arange(encoding.words), row.word)] = np.nan
    return rule.select(scores)


def narrowed(encoding: Encoding, kept: Sequence[NDArray[np.bool_]]) -> Encoding:
    """An encoding of which only some words are read.

    Args:
        encoding: The whole example.
        kept: For each row booleans `[words]`.
    """
    rows = tuple(_only(row, words) for row, words in zip(encoding.rows, kept, strict=True))
    return replace(encoding, rows=rows, whole=encoding.rows)


def _only(row: Row, kept: NDArray[np.bool_]) -> Row:
    stays = row.word == NO_WORD
    stays[~stays] = kept[row.word[~stays]]
    return Row(row.ids[stays], row.types[stays], row.word[stays], row.target)


def selected(encoding: Encoding, row: int) -> NDArray[np.bool_]:
    """The words that a row of a narrowed example still has, booleans `[words]`."""
    return np.isin(np.arange(encoding.words), encoding.rows[row].word)
