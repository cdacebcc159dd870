"""Outside text on a page: two functions, one for HTML and one for Markdown, and no third way.

`st.html` gets only what `html_text` has escaped, put into a template of our own. Every label and message that carries
outside text goes through `md_text`. Long text goes to `st.text`, `st.code` or `st.dataframe`, which show what they get.
"""

from __future__ import annotations

import re
from typing import Final

from rationale_eval.verbs.html import html_text, visible

__all__ = ["LABEL_CAP", "html_text", "md_text"]

LABEL_CAP: Final = 300

# Streamlit's Markdown makes links of what looks like an address even where every sign of it is escaped: it looks at the
# finished text. A word joiner, which shows nothing, keeps it from looking like one.
_ADDRESS: Final = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)", re.IGNORECASE)
_JOINER: Final = "\u2060"

_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:^=&/@\"'])")


def md_text(text: object, *, cap: int = LABEL_CAP) -> str:
    """Text as Markdown that is only ever text: one line, no link, image, directive, formula or emphasis.

    Args:
        text: Anything; its `str` is shown.
        cap: Characters shown at most.
    """
    shown, more = visible(text, cap)
    line = _ADDRESS.sub(_JOINER, " ".join(shown.split()))
    return _MARKDOWN.sub(r"\\\1", line) + more
