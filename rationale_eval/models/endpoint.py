"""A language model behind an address that speaks the OpenAI protocol: vLLM, Ollama, llama.cpp, hosted services.

One request is one text. The key comes from an environment variable and goes to this address alone: redirects are not
followed, the library's own headers are dropped, and what an endpoint says is shown without it. Retries are not the
library's, since each of them counts against a budget (`rationales/remote.py`).
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from importlib.util import find_spec
from ipaddress import ip_address
from typing import Any, Final, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rationale_eval.errors import UsageError
from rationale_eval.models.decoding import Decoding
from rationale_eval.models.endpoint_answer import Answer, Fault, TryAgain, fault_of, read_answer

PREFIX: Final = "endpoint:"
"""How the name of such a model begins."""

KEY_NAMES: Final = r"^[A-Z][A-Z0-9_]*API_KEY$"
"""Variables that may hold a key: a job of someone else's cannot name another secret of the environment."""

SHORTEST_KEY: Final = 8
"""Shorter keys are placeholders of local servers, and taking them out of texts would change the texts."""


class EndpointConfig(BaseModel):
    """How an endpoint is asked."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    style: Literal["completions", "chat"] = Field("completions", description="What is continued: a text or a chat.")
    concurrency: int = Field(4, ge=1, le=256, description="Most requests at a time.")
    timeout: float = Field(60.0, gt=0, le=3600, description="Seconds that one request may take in all.")
    retries: int = Field(5, ge=0, le=20, description="How often a request is tried again.")
    max_requests: int | None = Field(None, ge=1, description="Most requests, tries again among them.")
    max_all_tokens: int | None = Field(None, ge=1, description="Most tokens, read and written, over all requests.")
    key: str = Field("OPENAI_API_KEY", description="Environment variable with the key; `none` sends none.")
    log_probs: bool = Field(True, description="Ask for log-probabilities, by which the best draw is chosen.")
    seeds: bool = Field(True, description="Send a seed with every drawn text.")
    same_model: bool = Field(True, description="End when another model answers than the one that was named.")
    length_field: Literal["max_tokens", "max_completion_tokens"] = Field(
        "max_tokens", description="What the endpoint calls the most tokens of a text."
    )


def read_config(settings: Mapping[str, Any]) -> EndpointConfig:
    """Checks the knobs of requests.

    Raises:
        UsageError: For a knob that does not exist or a value that it cannot have.
    """
    plain = {name: None if value == "none" and name != "key" else value for name, value in settings.items()}
    try:
        found = EndpointConfig(**plain)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"request {name}: {first['msg'].lower()} (there are: {', '.join(EndpointConfig.model_fields)})"
        ) from None
    if found.key != "none" and not re.match(KEY_NAMES, found.key):
        raise UsageError(
            f"request key: '{found.key}' is no name of a variable that holds a key; it is in capitals and ends in "
            "API_KEY, as in OPENAI_API_KEY (the key itself is never given as an option)"
        )
    return found


def check_address(url: str) -> SplitResult:
    """Refuses addresses that cannot be one of an endpoint.

    Raises:
        UsageError: One sentence that says what to write.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host or not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError("the address of an endpoint is like http://127.0.0.1:8000/v1 or https://HOST/v1")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise UsageError("the address of an endpoint holds no user, key or query; the key comes from the environment")
    return parts


def read_key(url: str, config: EndpointConfig) -> str | None:
    """The key from the environment, or None.

    Raises:
        UsageError: If it cannot be one, or would cross the network in the clear.
    """
    key = None if config.key == "none" else os.environ.get(config.key, "").strip()
    if not key:
        return None
    if not key.isascii() or not key.isprintable() or " " in key:
        raise UsageError(f"what ${config.key} holds cannot be a key: it has blanks or characters beyond ASCII")
    if urlsplit(url).scheme == "http" and not _is_here(url):
        raise UsageError(
            f"the key in ${config.key} would cross the network in the clear; use https, or --request key=none"
        )
    return key


def check_endpoint(model: str, url: str | None, settings: Mapping[str, Any]) -> None:
    """Checks what is known before anything is sent.

    Args:
        model: `endpoint:NAME`.
        url: The address.
        settings: Knobs of requests.

    Raises:
        UsageError: One sentence that says what to do.
    """
    if not model.removeprefix(PREFIX).strip():
        raise UsageError("say which model of the endpoint writes: --model endpoint:NAME")
    if url is None:
        raise UsageError(f"say where {model} is: --endpoint http://127.0.0.1:8000/v1")
    check_address(url)
    read_key(url, read_config(settings))
    if find_spec("openai") is None:
        raise UsageError(
            "endpoints need a package that is not installed; install it with: pip install 'rationale_eval[endpoint]'"
        )


class Endpoint:
    """A model behind an address; to be opened and closed within one event loop.

    Args:
        model: `endpoint:NAME`.
        url: The address, up to `/v1`.
        config: How it is asked.

    Raises:
        UsageError: See `check_endpoint`.
    """

    def __init__(self, model: str, url: str, config: EndpointConfig):
        check_endpoint(model, url, config.model_dump())
        self.name, self.url, self.config = model.removeprefix(PREFIX), url.rstrip("/"), config
        self._key = read_key(url, config)
        self._client: Any = None

    @property
    def has_key(self) -> bool:
        """Whether a key is sent."""
        return self._key is not None

    async def __aenter__(self) -> Endpoint:
        from openai import AsyncOpenAI

        from rationale_eval.models.endpoint_transport import open_client

        # The key is put on by the transport, so that no error of the library can tell it.
        web = open_client(self._key, proxies=not _is_here(self.url), timeout=self.config.timeout)
        self._client = AsyncOpenAI(base_url=self.url, api_key="unused", max_retries=0, http_client=web)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def ask(self, prompt: str, how: Decoding, seed: int) -> Answer:
        """Has one prompt continued.

        Args:
            prompt: The whole prompt.
            how: How it continues.
            seed: Of the drawn tokens.

        Raises:
            TryAgain: If the same request may be answered later.
            Fault: If it will not be.
        """
        import httpx2
        import openai

        chat = self.config.style == "chat"
        path = "/chat/completions" if chat else "/completions"
        try:
            async with asyncio.timeout(self.config.timeout):
                # As it came: the library would take an answer of any shape for a good one.
                raw = await self._client.post(path, cast_to=httpx2.Response, body=self._body(prompt, how, seed))
        except (TimeoutError, openai.APITimeoutError):
            raise TryAgain(f"{self.url} did not answer within {self.config.timeout:g} s") from None
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            raise TryAgain(
                f"{self.url} cannot be reached ({self._hidden(str(cause) or type(cause).__name__)})"
            ) from None
        except openai.APIStatusError as error:
            body = error.response.content
            raise fault_of(
                error.status_code, error.response.headers, self._hidden(body.decode("utf-8", "replace")), self
            ) from None
        answer = read_answer(self._hidden(raw.content.decode("utf-8", "replace")), how.stop, chat=chat)
        if self.config.same_model and answer.model is not None and not _alike(self.name, answer.model):
            raise Fault(
                "other model",
                f"{self.url} was asked for the model '{self.name}' and answers as '{answer.model}'; name that one, or "
                "take it as it is with --request same_model=no",
            )
        return answer

    def _body(self, prompt: str, how: Decoding, seed: int) -> dict[str, Any]:
        config = self.config
        body: dict[str, Any] = {"model": self.name, "temperature": how.temperature}
        if config.style == "chat":
            # A chat begins with a line end as likely as not: what stands behind the first line is cut off here.
            body["messages"] = [{"role": "user", "content": prompt}]
        else:
            body["prompt"] = prompt
            if how.stop:
                body["stop"] = list(how.stop)
        if how.temperature and config.seeds:
            body["seed"] = seed & 0x7FFFFFFF
        if how.top_p < 1:
            body["top_p"] = how.top_p
        if config.log_probs:
            body["logprobs"] = True if config.style == "chat" else 1
        return body | {config.length_field: how.max_tokens}

    def _hidden(self, text: str) -> str:
        """A text of the endpoint without the key, should it send it back."""
        known = self._key is not None and len(self._key) >= SHORTEST_KEY
        return text.replace(str(self._key), "[key]") if known else text

    def about(self) -> dict[str, Any]:
        """What identifies it; the key has no part in that, and weights behind an address have no fingerprint."""
        return {
            "model": PREFIX + self.name,
            "fingerprint": None,
            "endpoint": self.url,
            "style": self.config.style,
        }


def _is_here(url: str) -> bool:
    """Whether an address is one of this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _alike(asked: str, answered: str) -> bool:
    """Whether an endpoint's name for a model can mean the one that was asked for: the same, without folder and ending,
    or with a date or tag behind it.
    """
    want, got = (re.split(r"[/\\]", name.casefold())[-1].removesuffix(".gguf") for name in (asked, answered))
    return re.fullmatch(re.escape(want) + r"(-\d{4}[\d-]*|[:@].*)?", got) is not None
