"""Answers what metrics of free text ask of language models, each request once.

One round: collect the requests of every questioner in the window, drop duplicates, recall what is known, answer the
rest in batches, remember each batch as it comes, send the replies. Killing a process loses at most one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from rationale_eval.engine.ask_text import Choose, Embed, Filler, Reply, Request, TextAsks, Who, Write
from rationale_eval.engine.memory import DiskMemory, DiskTexts
from rationale_eval.engine.rounds import rounds
from rationale_eval.engine.score_choices import score_choices
from rationale_eval.engine.write_texts import write_texts
from rationale_eval.errors import UsageError
from rationale_eval.models.transformer import TransformerModel

R = TypeVar("R")

WINDOW: Final = 4096
"""Open requests, about."""

QUESTIONERS: Final = 64

VERSION: Final = b"1"
"""Part of every key; raised whenever the same request would be answered otherwise."""


@dataclass
class Asked:
    """What was asked so far, and how much of it was work.

    Args:
        requests: Requests of all metrics.
        distinct: Of these, different within their round.
        remembered: Of these, answered from memory.
        scored: Prompts whose choices were scored.
        written: Texts that were written.
    """

    requests: int = 0
    distinct: int = 0
    remembered: int = 0
    scored: int = 0
    written: int = 0


class TextEngine:
    """Answers requests.

    Args:
        lm: The explained language model.
        helper: The one that rewrites texts; the explained one by default.
        embed: Gives the vector of each text; None where no encoder takes part.
        memory: Folder of what is remembered between processes; None remembers in this process only.
        tick: Called after every batch, so that a long round shows life and can be stopped.

    Raises:
        UsageError: If a model is an encoder.

    Example:
        >>> with TextEngine(model) as engine:
        ...     for score in engine.run(metric(case) for case in cases): ...
    """

    def __init__(
        self,
        lm: TransformerModel,
        *,
        helper: TransformerModel | None = None,
        embed: Callable[[Sequence[str]], list[NDArray[np.float64]]] | None = None,
        memory: Path | None = None,
        tick: Callable[[], None] = lambda: None,
    ):
        self.models: dict[Who, TransformerModel] = {"lm": lm, "helper": helper or lm}
        for model in self.models.values():
            if model.kind not in ("causal", "seq2seq"):
                raise UsageError(f"{model.name} is an encoder and writes no text; name a language model")
        self.asked = Asked()
        self._embed, self._tick = embed, tick
        self._salt = {who: VERSION + model.fingerprint.encode() for who, model in self.models.items()}
        self._known: dict[bytes, Reply] = {}
        self._stack = ExitStack()
        self._scores = self._texts = None
        if memory is not None:
            self._scores = DiskMemory(memory / "choices.sqlite")
            self._stack.callback(self._scores.close)
            self._texts = DiskTexts(memory / "texts.sqlite")
            self._stack.callback(self._texts.close)

    def __enter__(self) -> TextEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, asks: Iterable[TextAsks[R]]) -> Iterator[R]:
        """Runs questioners to their end, pulling them as the window allows.

        Returns:
            What they return, in their order, as they end.
        """
        return rounds(asks, self.answer, lambda _: 1, window=WINDOW, questioners=QUESTIONERS)

    def answer(self, requests: Sequence[Request]) -> list[Reply]:
        """Answers requests, in their order."""
        keys = [self._key(request) for request in requests]
        distinct = dict(zip(keys, requests, strict=True))
        self.asked.requests += len(requests)
        self.asked.distinct += len(distinct)
        known = self._recall(distinct)
        self.asked.remembered += len(known)
        for who in ("lm", "helper"):
            known |= self._choose(who, _new(distinct, known, Choose, who))
            known |= self._write(who, _new(distinct, known, Write, who))
        for key, one in distinct.items():
            if key not in known and isinstance(one, Filler):
                known[key] = filler(self.models["lm"], one)
        known |= self._vectors({key: one for key, one in distinct.items() if isinstance(one, Embed)})
        self._known |= {key: known[key] for key, one in distinct.items() if not isinstance(one, Embed)}
        return [known[key] for key in keys]

    def _key(self, request: Request) -> bytes:
        # Which of the two models is asked matters only if they are two.
        salt = self._salt[request.who if isinstance(request, Choose | Write) else "lm"]
        content = asdict(request)
        content.pop("who", None)
        if isinstance(request, Write) and not request.temperature:
            content.pop("seed")
        text = f"{type(request).__name__}{sorted(content.items())!r}"
        return blake2b(salt + text.encode("utf-8", "surrogatepass"), digest_size=16).digest()

    def _recall(self, distinct: Mapping[bytes, Request]) -> dict[bytes, Reply]:
        known = {key: self._known[key] for key in distinct if key in self._known}
        if self._scores is not None:
            asked = [key for key, one in distinct.items() if isinstance(one, Choose) and key not in known]
            known |= {key: _softmax(found) for key, found in self._scores.recall(asked).items()}
        if self._texts is not None:
            asked = [key for key, one in distinct.items() if isinstance(one, Write) and key not in known]
            known |= self._texts.recall(asked)
        return known

    def _choose(self, who: Who, new: Mapping[bytes, Choose]) -> dict[bytes, Reply]:
        keys, found = list(new), dict[bytes, Reply]()
        for batch in score_choices(self.models[who], list(new.values())):
            scores = {keys[index]: one for index, one in batch.items() if one is not None}
            self.asked.scored += len(scores)
            found |= {keys[index]: None for index, one in batch.items() if one is None}
            found |= {key: _softmax(one) for key, one in scores.items()}
            if self._scores is not None:
                self._scores.keep(scores)
            self._tick()
        return found

    def _write(self, who: Who, new: Mapping[bytes, Write]) -> dict[bytes, Reply]:
        keys, found = list(new), dict[bytes, Reply]()
        for batch in write_texts(self.models[who], list(new.values())):
            texts = {keys[index]: text for index, text in batch.items() if text is not None}
            self.asked.written += len(texts)
            found |= {keys[index]: text for index, text in batch.items()}
            if self._texts is not None:
                self._texts.keep(texts)
            self._tick()
        return found

    def _vectors(self, new: Mapping[bytes, Embed]) -> dict[bytes, Reply]:
        if not new:
            return {}
        if self._embed is None:
            raise ValueError("a metric asks for vectors of texts, and there is no encoder")
        texts = list(dict.fromkeys(one.text for one in new.values()))
        vectors = dict(zip(texts, self._embed(texts), strict=True))
        return {key: vectors[one.text] for key, one in new.items()}


Kind = TypeVar("Kind", Choose, Write)


def _new(
    distinct: Mapping[bytes, Request], known: Mapping[bytes, Reply], kind: type[Kind], who: str
) -> dict[bytes, Kind]:
    return {key: one for key, one in distinct.items() if key not in known and isinstance(one, kind) and one.who == who}


def filler(model: TransformerModel, asked: Filler) -> str:
    """The mark repeated to as many tokens as the text has, or the most below that; nothing for an empty text."""

    def count(text: str) -> int:
        found: list[int] = model.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return len(found)

    wanted = count(asked.text)
    low, high = 0, max(wanted, 1)
    while count(asked.mark * high) <= wanted:
        high *= 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(asked.mark * middle) <= wanted else (low, middle)
    return asked.mark * low


def _softmax(scores: NDArray[Any]) -> NDArray[np.float64]:
    exponents = np.exp(scores.astype(np.float64) - float(scores.max()))
    found: NDArray[np.float64] = exponents / exponents.sum()
    return found
