"""Outside text is only ever text, in HTML and in Markdown."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from rationale_eval.ui.text import html_text, md_text

ANY = st.text(st.characters(codec=None), max_size=60)


class _Markup(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.said = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.said += data


def _read(html: str) -> _Markup:
    parser = _Markup()
    parser.feed(html)
    parser.close()
    return parser


@given(ANY)
def test_no_text_becomes_markup(text: str) -> None:
    assert _read(f"<p>{html_text(text)}</p>").tags == ["p"]


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
def test_printable_text_reads_as_it_was(text: str) -> None:
    assert _read(html_text(text)).said.strip("\u2068\u2069") == text


@given(ANY)
def test_no_text_leaves_its_attribute(text: str) -> None:
    found = _read(f'<p title="{html_text(text)}">x</p>')
    assert (found.tags, found.attributes) == (["p"], ["title"])


@given(ANY)
def test_no_text_becomes_markdown(text: str) -> None:
    """Every token of the parsed line is plain text: no link, image, emphasis, code, list or heading."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(md_text(text))
    assert {token.type for token in tokens} <= {"paragraph_open", "inline", "paragraph_close"}
    assert {child.type for token in tokens for child in token.children or ()} <= {"text", "text_special"}


@pytest.mark.parametrize(
    "text",
    [
        "![x](http://evil.example/a.png)",
        ":red[x]",
        "$x$",
        ":material/home:",
        "[a](b)",
        "<b>x</b>",
        "a\n# b",
        "`x`",
        ":smile:",
    ],
)
def test_what_streamlit_would_act_on_is_escaped(text: str) -> None:
    shown = md_text(text)
    for character in "![]()$<>`#:":
        assert all(shown[place - 1] == "\\" for place, each in enumerate(shown) if each == character)
    assert "\n" not in shown


def test_controls_and_directions_are_seen() -> None:
    assert html_text("a\x00b") == "\u2068a\u2400b\u2069"
    assert html_text("\u202eabc") == "\u2068⟨U+202E⟩abc\u2069"
    assert html_text("\ud800") == "\u2068\ufffd\u2069"


def test_a_long_text_is_cut_and_says_so() -> None:
    assert html_text("x" * 25, cap=20) == "\u2068" + "x" * 20 + "\u2069 … (5 more characters)"
