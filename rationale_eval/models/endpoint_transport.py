"""The connection to an endpoint: which headers go out, how much may come back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import httpx2

LARGEST: Final = 16 * 2**20
"""Bytes of an answer; a text of 4,096 tokens with log-probabilities has well under one MiB."""

_SENT: Final = frozenset(("host", "accept", "connection", "content-type", "content-length"))


class TooLarge(httpx2.ReadError):
    """An answer that is longer than any text."""


class _Capped(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream):
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self._inner:
            size += len(part)
            if size > LARGEST:
                raise TooLarge(f"it sends more than {LARGEST >> 20} MiB")
            yield part

    async def aclose(self) -> None:
        await self._inner.aclose()


def open_client(key: str | None, *, proxies: bool, timeout: float) -> httpx2.AsyncClient:
    """A client that sends the key to where it is asked to, follows no redirect, and bounds what it reads.

    Args:
        key: The key, or None.
        proxies: Whether the proxies of the environment are used.
        timeout: Seconds.
    """

    async def outgoing(request: httpx2.Request) -> None:
        # Whatever the library or its variables (OPENAI_CUSTOM_HEADERS, OPENAI_ORG_ID) add stays here.
        for name in [name for name in request.headers if name.lower() not in _SENT]:
            del request.headers[name]
        request.headers["User-Agent"] = "rationale_eval"
        request.headers["Accept-Encoding"] = "identity"
        if key is not None:
            request.headers["Authorization"] = f"Bearer {key}"

    async def incoming(response: httpx2.Response) -> None:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise httpx2.DecodingError("it sends a compressed answer, which was not asked for")
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Capped(response.stream)

    return httpx2.AsyncClient(
        follow_redirects=False,
        trust_env=proxies,
        timeout=timeout,
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None),
        event_hooks={"request": [outgoing], "response": [incoming]},
    )
