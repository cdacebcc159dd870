"""Outside text on a page: two functions, one for HTML and one for Markdown, and no third way.

`st.html` gets only what `html_text` has escaped, put into a template of our own. Every label and message that carries
outside text goes through `md_text`. Long text goes to `st.text`, `st.code` or `st.dataframe`, which show what they get.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

CAP: Final = 20_000
"""Characters shown of one text; the rest is counted, not shown."""

LABEL_CAP: Final = 300

_HTML: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"}
_KEPT: Final = "\n\t"
_FIRST_STRONG: Final = "⁨"
_END_ISOLATE: Final = "⁩"
_BIDI: Final = frozenset("‪‫‬‭‮⁦⁧⁨⁩؜‎‏")
_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:^=&/@\"'])")


def html_text(text: object, *, cap: int = CAP) -> str:
    """Text as HTML that is only ever text, in an element or in a quoted attribute.

    Args:
        text: Anything; its `str` is shown.
        cap: Characters shown at most.

    Returns:
        The five characters of markup escaped, controls and lone surrogates as visible symbols, the whole isolated from
        the direction of the text around it.
    """
    shown, more = _plain(text, cap)
    escaped = "".join(_HTML.get(character, character) for character in shown)
    return f"{_FIRST_STRONG}{escaped}{_END_ISOLATE}{more}"


def md_text(text: object, *, cap: int = LABEL_CAP) -> str:
    """Text as Markdown that is only ever text: one line, no link, image, directive, formula or emphasis.

    Args:
        text: Anything; its `str` is shown.
        cap: Characters shown at most.
    """
    shown, more = _plain(text, cap)
    return _MARKDOWN.sub(r"\\\1", " ".join(shown.split())) + more


def _plain(text: object, cap: int) -> tuple[str, str]:
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
