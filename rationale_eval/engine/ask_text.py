"""What a metric of free text may ask of language models: requests that cost nothing until they are answered.

A metric yields lists of requests, is sent the list of replies and returns its result. Requests are plain values: equal
requests are asked once, and remembered by their content.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

R = TypeVar("R")

Who = Literal["lm", "helper"]
"""The explained language model, or the one that rewrites texts for a test."""


@dataclass(frozen=True, slots=True)
class Choose:
    """Asks how likely each choice is to follow a prompt.

    The reply is float64 `[choices]`: the softmax of the choices' length-normalised log-likelihoods; None where prompt
    and choices do not fit the model.

    Args:
        beginning: What many prompts begin with (instruction and solved examples); it is read once for all of them.
        prompt: What comes after it.
        choices: Each as it is written after the prompt, with the blank before it.
        who: Which model.
    """

    beginning: str
    prompt: str
    choices: tuple[str, ...]
    who: Who = "lm"


@dataclass(frozen=True, slots=True)
class Write:
    """Asks for the continuation of a prompt.

    The reply is the text; None where the prompt does not fit the model with the tokens to be written.

    Args:
        beginning: What many prompts begin with; it is read once for all of them.
        prompt: What comes after it.
        max_tokens: Most new tokens.
        stop: Strings that end the text and are not part of it.
        temperature: 0 writes the most probable token; more draws more freely.
        seed: With the content of the request it fixes the drawn tokens.
        who: Which model.
    """

    beginning: str
    prompt: str
    max_tokens: int
    stop: tuple[str, ...] = ("\n",)
    temperature: float = 0.0
    seed: int = 0
    who: Who = "lm"


@dataclass(frozen=True, slots=True)
class Filler:
    """Asks for a mark repeated until it takes as many of the model's tokens as a text does, or just fewer.

    The reply is the text.

    Args:
        text: What it stands in for.
        mark: What is repeated, with the blank before it.
    """

    text: str
    mark: str = " ..."


@dataclass(frozen=True, slots=True)
class Embed:
    """Asks for a text as a vector: the mean of an encoder's token states, float64 `[hidden]`.

    Args:
        text: The text.
    """

    text: str


Request = Choose | Write | Filler | Embed
Reply = NDArray[np.float64] | str | None

TextAsks = Generator[Sequence[Request], list[Reply], R]
"""A metric that asks language models: yields requests, is sent the replies in the same order, returns R."""
