"""Sessions of the dashboard without a browser: they speak Streamlit's own protocol over its WebSocket."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

LONGEST = 120.0
"""Seconds after which an answer counts as an error."""


@dataclass(slots=True)
class Found:
    """What sessions met.

    Args:
        seconds: From the question to the end of the page's script, each.
        errors: What went wrong, each.
    """

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class Session:
    """One open page.

    Args:
        url: Of the dashboard.
    """

    def __init__(self, url: str):
        parts = urlsplit(url)
        self.socket, self.origin = f"ws://{parts.netloc}/_stcore/stream", url
        self._connection: ClientConnection | None = None
        self._pages: dict[str, str] = {}

    async def __aenter__(self) -> Session:
        self._connection = await connect(
            self.socket, subprotocols=[Subprotocol("streamlit")], origin=Origin(self.origin), max_size=None,
            open_timeout=60,
        )  # fmt: skip
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._connection is not None
        await self._connection.close()

    async def look(self, page: str, query: str = "") -> str:
        """Opens a page and waits until its script has ended.

        Args:
            page: Its address.
            query: What stands after the question mark.

        Returns:
            What went wrong; empty if nothing did.
        """
        assert self._connection is not None
        asked = BackMsg()
        asked.rerun_script.query_string = query
        known = self._pages.get(page)
        if known is not None:
            asked.rerun_script.page_script_hash = known
        else:
            asked.rerun_script.page_name = "" if page == "home" else page
        await self._connection.send(asked.SerializeToString())
        problem = ""
        while True:
            data = await self._connection.recv()
            assert isinstance(data, bytes)
            said = ForwardMsg()
            said.ParseFromString(data)
            kind = said.WhichOneof("type")
            if kind == "navigation":
                self._pages = {each.url_pathname or "home": each.page_script_hash for each in said.navigation.app_pages}
            elif kind == "page_not_found":
                problem = f"no page {page}"
            elif kind == "delta" and said.delta.new_element.WhichOneof("type") == "exception":
                problem = said.delta.new_element.exception.message[:200] or "an exception"
            elif kind == "delta" and said.delta.new_element.WhichOneof("type") == "alert":
                alert = said.delta.new_element.alert
                if alert.format == alert.ERROR:
                    problem = alert.body[:200]
            elif kind == "script_finished" and said.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return problem


async def visits(url: str, pages: list[tuple[str, str]], found: Found) -> None:
    """Opens pages one after the other, each in a session of its own, as people open and close tabs."""
    for page, query in pages:
        began = time.perf_counter()
        try:
            async with Session(url) as session:
                problem = await asyncio.wait_for(session.look(page, query), LONGEST)
        except Exception as error:  # noqa: BLE001 - whatever happens to a session is what is counted here
            problem = f"{type(error).__name__}: {error}"
        found.seconds.append(time.perf_counter() - began)
        if problem:
            found.errors.append(f"{page}: {problem}")


async def crowd(url: str, pages: list[tuple[str, str]], people: int, looks: int, think: tuple[float, float]) -> Found:
    """Many people at once, each in one session: they look at a page, think, and look at another.

    Args:
        url: Of the dashboard.
        pages: Addresses and queries to choose from.
        people: Sessions.
        looks: Pages each looks at.
        think: Least and greatest seconds between two looks.
    """
    found = Found()

    async def person(seed: int) -> None:
        draw = random.Random(seed)
        await asyncio.sleep(draw.uniform(0, think[1]))
        try:
            async with Session(url) as session:
                for _ in range(looks):
                    page, query = draw.choice(pages)
                    began = time.perf_counter()
                    problem = await asyncio.wait_for(session.look(page, query), LONGEST)
                    found.seconds.append(time.perf_counter() - began)
                    if problem:
                        found.errors.append(f"{page}: {problem}")
                    await asyncio.sleep(draw.uniform(*think))
        except Exception as error:  # noqa: BLE001 - whatever happens to a session is what is counted here
            found.errors.append(f"{type(error).__name__}: {error}")

    await asyncio.gather(*(person(seed) for seed in range(people)))
    return found
