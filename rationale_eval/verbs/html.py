"""Outside text in HTML, of the pages and of reports: escaped here, and nowhere else."""

from __future__ import annotations

import unicodedata
from typing import Final

CAP: Final = 20_000
"""Characters shown of one text; the rest is counted, not shown."""

_HTML: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"}
_KEPT: Final = "\n\t"
_FIRST_STRONG: Final = "⁨"
_END_ISOLATE: Final = "⁩"
_BIDI: Final = frozenset("‪‫‬‭‮⁦⁧⁨⁩؜‎‏")


def html_text(text: object, *, cap: int = CAP) -> str:
    """Text as HTML that is only ever text, in an element or in a quoted attribute.

    Args:
        text: Anything; its `str` is shown.
        cap: Characters shown at most.

    Returns:
        The five characters of markup escaped, controls and lone surrogates as visible symbols, the whole isolated from
        the direction of the text around it.
    """
    shown, more = visible(text, cap)
    escaped = "".join(_HTML.get(character, character) for character in shown)
    return f"{_FIRST_STRONG}{escaped}{_END_ISOLATE}{more}"


def visible(text: object, cap: int) -> tuple[str, str]:
    """Text without what a reader could not see, and a note of how much was left out.

    Args:
        text: Anything; its `str` is shown.
        cap: Characters kept at most.
    """
    whole = str(text)
    more = f" … ({len(whole) - cap:,} more characters)" if len(whole) > cap else ""
    return "".join(_visible(character) for character in whole[:cap]), more


def _visible(character: str) -> str:
    code = ord(character)
    if character in _KEPT or (" " <= character <= "~"):
        return character
    if code < 0x20:
        return chr(0x2400 + code)
    if character in _BIDI:
        return f"⟨U+{code:04X}⟩"
    category = unicodedata.category(character)
    if category in ("Cs", "Cc", "Co", "Cn"):
        return "�"
    return character
