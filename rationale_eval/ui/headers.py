"""What the server tells every browser: run and load nothing but its own files, and show the dashboard in no frame.

A second line behind the escaping of text: should a text become markup after all, the browser still runs no script of
it and loads nothing from elsewhere for it; and no foreign page can put the dashboard under a reader's clicks.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any, Final

POLICY: Final = (
    "default-src 'self'; "
    "script-src 'self'{scripts}; "
    # The libraries of the pages write their styles into the document.
    "style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; "
    "font-src 'self' data:; "
    "connect-src 'self'; "
    "worker-src 'self' blob:; "
    "media-src 'none'; object-src 'none'; frame-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

HEADERS: Final = (
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), usb=(), payment=()"),
)

_INLINE: Final = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


def policy(page: str) -> str:
    """The policy for a page: of the scripts inside it, those that stand there now and no other.

    Args:
        page: The HTML that the server ships.
    """
    sums = (hashlib.sha256(script.encode()).digest() for script in _INLINE.findall(page))
    return POLICY.format(scripts="".join(f" 'sha256-{base64.b64encode(each).decode()}'" for each in sums))


class Headers:
    """Adds the policy and `HEADERS` to every answer of an ASGI application, in place of its own of the same name.

    Args:
        app: The application.
        policy: The content security policy.
    """

    def __init__(self, app: App, policy: str):
        self.app = app
        self.headers = ((b"content-security-policy", policy.encode()), *HEADERS)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answers one request."""
        names = {name for name, _ in self.headers}

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(name, value) for name, value in message.get("headers", ()) if name.lower() not in names]
                message["headers"] = [*own, *self.headers]
            await send(message)

        await self.app(scope, receive, sending if scope["type"] == "http" else send)


def install() -> None:
    """Has the server that starts in this process send them."""
    from starlette.middleware import Middleware
    from streamlit import file_util
    from streamlit.web.server.starlette import starlette_app

    page = Path(file_util.get_static_dir(), "index.html").read_text(encoding="utf-8")
    usual = starlette_app.create_streamlit_middleware
    starlette_app.create_streamlit_middleware = lambda: [Middleware(Headers, policy=policy(page)), *usual()]
