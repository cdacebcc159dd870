"""How a text is continued and why it ends: records that know nothing of what continues it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Finish = Literal["end", "stop", "length", "too_long", "filtered", "malformed", "unknown"]
"""Why a text ends: the model ended it; a stop string came; the most tokens were reached; the prompt did not fit.

Of an endpoint also: its filter withheld the text; it answered, but with no answer; it gives a reason we do not know.
Endpoints tell "stop" for the model's own end too.
"""


@dataclass(frozen=True, slots=True)
class Decoding:
    """How a text is continued.

    Args:
        max_tokens: Most new tokens.
        temperature: 0 takes the most probable token; otherwise logits are divided by it and a token is drawn.
        top_p: Draw only from the most probable tokens that together have at least this probability.
        stop: Strings that end the text; they are not part of it.
    """

    max_tokens: int = 64
    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
