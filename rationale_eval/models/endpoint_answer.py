"""What an endpoint answers, read without trusting it: a text, a reason to try again, or a reason to stop."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from rationale_eval.errors import Resumable
from rationale_eval.models.decoding import Finish

if TYPE_CHECKING:
    from rationale_eval.models.endpoint import Endpoint

SHOWN: Final = 200
"""Characters of an endpoint's own words that are shown."""

LATER: Final = (408, 409, 425, 429)
"""Status codes that may pass, beside 500 and above."""

_FINISH: Final[dict[str, Finish]] = {
    "stop": "stop",
    "eos": "end",
    "eos_token": "end",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "content_filter": "filtered",
    "refusal": "filtered",
}
_TOO_LONG: Final = re.compile(
    r"context[ _](length|size|window)|maximum context|exceeds? the (available )?context", re.I
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A text of an endpoint.

    Args:
        text: The text, cut before a stop string.
        finish: Why it ends.
        tokens: Tokens it wrote; None where it does not say.
        all_tokens: Tokens read and written; None where it does not say.
        log_likelihood: Sum of the tokens' log-probabilities (nats) as the endpoint gives them; None where it gives
            none, or where the text was cut here.
        model: The model's name as the endpoint gives it.
    """

    text: str
    finish: Finish
    tokens: int | None
    all_tokens: int | None
    log_likelihood: float | None
    model: str | None


class Fault(Resumable):
    """Why an endpoint is asked nothing more for now."""


class Withheld(Exception):
    """This prompt will get no text, whenever it is asked.

    Args:
        finish: Why.
    """

    def __init__(self, finish: Finish):
        super().__init__(finish)
        self.finish: Finish = finish


class TryAgain(Exception):
    """The same request may be answered later.

    Args:
        message: What went wrong.
        after: Seconds that the endpoint asks to wait, or None.
        answered: Whether the endpoint answered, though with no answer: then this prompt may be what it stumbles over.
    """

    def __init__(self, message: str, *, after: float | None = None, answered: bool = False):
        super().__init__(message)
        self.after, self.answered = after, answered


def read_answer(body: str, stop: Sequence[str], *, chat: bool) -> Answer:
    """Reads an answer of status 200.

    Args:
        body: As it came.
        stop: Strings that end the text.
        chat: Whether it is one of a chat.

    Raises:
        TryAgain: If it is none.
    """
    record = _parsed(body)
    choices = record.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise _odd("it holds no choice", body)
    choice: dict[str, Any] = choices[0]
    reason = choice.get("finish_reason")
    finish = _FINISH.get(reason, "unknown") if isinstance(reason, str) else "unknown"
    text: Any = choice.get("text")
    if chat:
        message = choice.get("message")
        message = message if isinstance(message, dict) else {}
        text = message.get("content")
        if isinstance(message.get("refusal"), str) and message["refusal"]:
            text, finish = message["refusal"], "filtered"
        if text is None and finish in ("length", "filtered"):  # a model that was still thinking, or was stopped
            text = ""
    if not isinstance(text, str):
        raise _odd("its choice holds no text", body)
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    shown = text.lstrip("\n") if chat else text
    cut = min((place for place in map(shown.find, stop) if place >= 0), default=None)
    likelihoods = _log_probabilities(choice.get("logprobs"))
    usage = record["usage"] if isinstance(record.get("usage"), dict) else {}
    tokens, model = _count(usage.get("completion_tokens")), record.get("model")
    if tokens is None and likelihoods:
        tokens = len(likelihoods)
    if cut is not None:
        # Of a text that is cut here the sum would be of other words too.
        likelihoods = None if shown[cut:].strip() else likelihoods
        shown, finish = shown[:cut], "stop"
    return Answer(
        text=shown,
        finish=finish,
        tokens=tokens,
        all_tokens=_count(usage.get("total_tokens")),
        log_likelihood=math.fsum(likelihoods) if likelihoods else None,
        model=model if isinstance(model, str) and model else None,
    )


def fault_of(status: int, headers: Mapping[str, str], body: str, endpoint: Endpoint) -> Exception:
    """What an answer of another status means.

    Args:
        status: HTTP status.
        headers: Its headers.
        body: As it came, without the key.
        endpoint: Who answered.

    Returns:
        `TryAgain`, `Withheld`, or a `Fault`.
    """
    url, config = endpoint.url, endpoint.config
    said, code = _complaint(body)
    told = f" ({said})" if said else ""
    if status == 429 and code in ("insufficient_quota", "billing_hard_limit_reached"):
        return Fault("quota", f"{url} says that the quota of this key is used up{told}")
    if status in LATER or status >= 500:
        return TryAgain(f"{url} answers with status {status}{told}", after=_retry_after(headers))
    if status in (400, 413, 422):
        if code == "content_filter" or "content management policy" in said:
            return Withheld("filtered")
        if code in ("context_length_exceeded", "exceed_context_size_error") or _TOO_LONG.search(said):
            return Withheld("too_long")
        hint = ""
        if "max_completion_tokens" in said and config.length_field == "max_tokens":
            hint = "; it may want --request length_field=max_completion_tokens"
        elif "logprob" in said:
            hint = "; leave that out with --request log_probs=no"
        elif "seed" in said:
            hint = "; leave that out with --request seeds=no"
        return Fault("refused", f"{url} refuses the request with status {status}{told}{hint}")
    if status in (401, 403):
        has = "refuses the key in" if endpoint.has_key else "wants a key, and there is none in"
        name = config.key if config.key != "none" else "OPENAI_API_KEY"
        return Fault(
            "key", f"{url} {has} ${name} (status {status}); set that variable, or name another with --request key=NAME"
        )
    if status == 404:
        other = "chat" if config.style == "completions" else "completions"
        return Fault(
            "not found",
            f"{url} has no model '{endpoint.name}' or no {config.style}{told}; addresses often end in /v1, "
            f"and --request style={other} asks the other way",
        )
    if 300 <= status < 400:
        return Fault(
            "redirect", f"{url} sends on to another address, which is not followed; name that one in --endpoint"
        )
    return Fault("refused", f"{url} answers with status {status}{told}")


def _parsed(body: str) -> dict[str, Any]:
    try:
        record = json.loads(body)
    except (ValueError, RecursionError):
        kind = "a web page" if body.lstrip()[:1] == "<" else "no JSON"
        raise _odd(f"it is {kind}", body) from None
    if not isinstance(record, dict):
        raise _odd("it is no record", body)
    return record


def _odd(what: str, body: str) -> TryAgain:
    return TryAgain(f"its answer cannot be read: {what} ({_short(body) or 'it is empty'})", answered=True)


def _short(text: str) -> str:
    line = "".join(sign if sign.isprintable() else " " for sign in " ".join(text.split()))
    return line if len(line) <= SHOWN else line[:SHOWN] + " ..."


def _complaint(body: str) -> tuple[str, str]:
    """What an error says and its code; servers nest both differently."""
    try:
        record = json.loads(body)
    except (ValueError, RecursionError):
        return ("" if body.lstrip()[:1] == "<" else _short(body)), ""
    inner = record.get("error", record) if isinstance(record, dict) else record
    if not isinstance(inner, dict):
        return _short(inner if isinstance(inner, str) else ""), ""
    said = inner.get("message") or inner.get("detail") or ""
    code = inner.get("code") if isinstance(inner.get("code"), str) else inner.get("type")
    return _short(said if isinstance(said, str) else json.dumps(said)), code if isinstance(code, str) else ""


def _retry_after(headers: Mapping[str, str]) -> float | None:
    text = headers.get("retry-after")
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _log_probabilities(record: Any) -> list[float] | None:
    """Those of the tokens written, in either of the two forms; None if one is missing or none of a probability."""
    if not isinstance(record, dict):
        return None
    found = record.get("token_logprobs")
    if isinstance(record.get("content"), list):
        found = [each.get("logprob") if isinstance(each, dict) else None for each in record["content"]]
    if not isinstance(found, list) or not found:
        return None
    if any(type(each) not in (int, float) or not math.isfinite(each) or each > 1e-6 for each in found):
        return None
    return [float(each) for each in found]
