"""No page lets outside text become markup, code or a query, and the reading that says so catches each way to do it."""

from __future__ import annotations

import inspect

import pytest

from tests.helpers.page_lint import TEMPLATES, lint, pages
from tests.helpers.page_sinks import BANNED, MARKDOWN, PLAIN

SHARED = {
    name: text for name, text in pages().items() if name.rpartition(".")[2] in ("text", "html", "numbers", "colours")
}
HEAD = """
import streamlit as st
from rationale_eval.ui.text import html_text, md_text
from rationale_eval.ui.numbers import count, number
"""


def found(code: str, module: str = "pages.some_page") -> list[str]:
    return [each.sentence for each in lint({module: HEAD + code, **SHARED})]


def test_the_pages_show_outside_text_as_text_only() -> None:
    assert [str(each) for each in lint(pages())] == []


BAD = {
    "a title from a file": "st.title(run.title)",
    "a caption of a container": "left, right = st.columns(2)\nleft.caption(example.inputs['text'])",
    "an error as it comes": "try:\n    pass\nexcept ValueError as error:\n    st.error(str(error))",
    "an f-string": "st.markdown(f'**{name}**')",
    "a format that fits text": "st.markdown(f'{name:>20}')",
    "glued text": "st.info('Run: ' + run.id)",
    "percent": "st.info('Run: %s' % run.id)",
    "str.format": "st.info('Run: {}'.format(run.id))",
    "join": "st.info(', '.join(run.tags))",
    "a label": "st.button(run.title, key='go')",
    "a help text": "st.number_input('Rows', help=about)",
    "a help text of a widget whose label is plain": "st.text('x', help=about)",
    "options": "st.radio('Which', names)",
    "options of pills": "st.pills('Which', [run.title for run in runs])",
    "a format function": "st.radio('Which', names, format_func=lambda name: name)",
    "a named format function": "def shown(name):\n    return f'run {name}'\nst.pills('x', names, format_func=shown)",
    "no format function at all": "st.radio('Which', names, format_func=str)",
    "tabs": "st.tabs([split for split in splits])",
    "an expander": "with st.expander(run.title):\n    st.text('x')",
    "a metric": "st.metric('Rows', rows, help=about)",
    "a metric's value": "st.metric('Name', run.title)",
    "a toast": "st.toast(message)",
    "progress": "st.progress(0.5, text=run.title)",
    "a status": "st.status(run.title)",
    "an address": "st.link_button('Open', address)",
    "a variable that is safe on one way only": "text = 'a'\nif st.button('b'):\n    text = run.title\nst.caption(text)",
    "a list that grew": "lines = ['a']\nlines.append(run.title)\nst.caption(' '.join(lines))",
    "a dictionary that grew": "names = {}\nnames['a'] = run.title\nst.caption(names['a'])",
    "a loop": "for name in names:\n    st.caption(name)",
    "unpacked": "a, b = ('x', run.title)\nst.caption(b)",
    "HTML text in Markdown": "st.caption(html_text(name))",
    "a function that passes it on": "def note(text):\n    st.caption(text)\nnote(run.title)",
    "two functions that pass it on": (
        "def note(text):\n    st.caption(text)\ndef wrap(text):\n    note(f'x {text}')\nwrap(run.title)"
    ),
    "a keyword that is passed on": "def note(*, text):\n    st.caption(text)\nnote(text=run.title)",
    "a function that returns it": "def said(name):\n    return f'x {name}'\nst.caption(said(run.title))",
    "a record that is passed on": "def note(run):\n    st.caption(run.title)\nnote(found)",
    "a noun": "st.caption(count(3, run.title))",
    "unsafe HTML": "st.markdown('x', unsafe_allow_html=True)",
    "unsafe scripts": "st.html('x', unsafe_allow_javascript=True)",
    "st.write": "st.write('x')",
    "write of a container": "box = st.container()\nbox.write('x')",
    "st.html outside templates": "st.html(html_text('x'))",
    "components": "import streamlit.components.v1 as components",
    "components by attribute": "st.components.v1.html('x')",
    "an iframe": "st.iframe('x')",
    "a table": "st.table(frame)",
    "an image": "st.image(address)",
    "an exception": "st.exception(error)",
    "a link column": "st.dataframe(frame, column_config={'a': st.column_config.LinkColumn('a')})",
    "a Markdown column": "st.dataframe(frame, column_config={'a': st.column_config.MarkdownColumn('a')})",
    "magic": "frame",
    "magic text": "f'{name}'",
    "eval": "eval(text)",
    "exec": "exec(text)",
    "subprocess": "import subprocess",
    "subprocess by name": "from subprocess import run",
    "a shell": "import os\nos.system('x')",
    "pickle": "import pickle",
    "torch": "import torch",
    "sqlite": "import sqlite3",
    "importlib": "import importlib",
    "SQL in an f-string": "query = f'SELECT * FROM runs WHERE id = {id}'",
    "SQL with percent": "query = 'SELECT * FROM runs WHERE id = %s' % id",
    "SQL glued": "query = 'DELETE FROM ' + table",
    "SQL with format": "query = 'SELECT {}'.format(name)",
}

GOOD = {
    "constants": "st.title('Data')\nst.radio('Which', ['a', 'b'])\nst.tabs(('a', 'b'))",
    "md_text": "st.caption(md_text(run.title))\nst.caption(f'Run {md_text(run.title)}')",
    "numbers": "st.metric('Rows', number(value))\nst.caption(f'{value:,} and {value:.2f} and {share:.0%}')",
    "counts": "st.caption(count(len(rows), 'row'))",
    "a mapped list": "st.caption(', '.join(md_text(name) for name in names))\nst.tabs([*map(md_text, names)])",
    "a format function": "st.radio('x', names, format_func=md_text)\nst.pills('x', names, format_func=lambda n: md_text(n))",  # noqa: E501
    "a named format function": "def shown(name):\n    return f'{md_text(name)}.'\nst.pills('x', names, format_func=shown)",  # noqa: E501
    "a table of ours": "LABELS = {'a': 'A'}\nst.radio('x', names, format_func=LABELS.get)\nst.caption(LABELS[name])",
    "a safe variable": "text = 'a' if value else md_text(name)\nst.caption(text)",
    "a loop over constants": "for label, help in (('a', 'b'), ('c', 'd')):\n    st.button(label, help=help)",
    "a function given constants": "def note(text):\n    st.caption(text)\nnote('x')\nnote(md_text(name))",
    "a whole number parameter": "def note(rows: int):\n    st.caption(f'{rows} rows')\nnote(rows)",
    "plain text": "st.text(run.title)\nst.code(run.title)\nst.dataframe(frame)\nst.selectbox('x', names)",
    "methods that are not Streamlit's": "import pandas as pd\nname = 'a b'.title()\nframe = pd.read_csv(file)",
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_page_is_caught(case: str) -> None:
    assert found(BAD[case]) != []


@pytest.mark.parametrize("case", GOOD)
def test_a_good_page_passes(case: str) -> None:
    assert found(GOOD[case]) == []


def test_a_template_takes_escaped_text_only() -> None:
    module = min(TEMPLATES)
    assert found("st.html(f'<b>{html_text(word)}</b>')", module) == []
    assert found("st.html(f'<i style=\"width:{share:.1f}%\">{html_text(word)}</i>')", module) == []
    assert found("st.html(f'<b>{word}</b>')", module) != []
    assert found("st.html(f'<b>{md_text(word)}</b>')", module) != []
    assert (
        found(
            "def part(word):\n    return f'<b>{html_text(word)}</b>'\nst.html(''.join(part(w) for w in words))", module
        )
        == []
    )
    assert found("def part(word):\n    return f'<b>{word}</b>'\nst.html(''.join(part(w) for w in words))", module) != []


def test_every_function_of_streamlit_is_known() -> None:
    """A new release may bring one that reads Markdown: look at it and put it into a table."""
    import streamlit as st

    public = {name for name in dir(st) if not name.startswith("_") and callable(getattr(st, name))}
    known = {*MARKDOWN, *PLAIN, *(name for name in BANNED if not name.endswith("Column"))}
    assert public == known
    columns = {name for name in dir(st.column_config) if name.endswith("Column")}
    assert {name for name in BANNED if name.endswith("Column")} <= columns
    for name, places in MARKDOWN.items():
        assert set(places) <= set(inspect.signature(getattr(st, name)).parameters), name
