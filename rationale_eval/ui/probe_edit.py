"""The left side of Probe: the text to edit, its words to drop, and their scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from zlib import crc32

import numpy as np
import streamlit as st

from rationale_eval.data.words import Word
from rationale_eval.desk.probing import Bench, Method, Model, Scores, carried
from rationale_eval.errors import RationaleEvalError
from rationale_eval.ui import highlights, page
from rationale_eval.ui.address import get, put
from rationale_eval.ui.colours import CATEGORIES
from rationale_eval.ui.highlights import Line, Marking
from rationale_eval.ui.text import md_text

SHORT: Final = 110
"""Characters of a text that is edited in one line, which answers while one types."""

PAUSE: Final = "350ms"
LONG: Final = 200
"""Words from which the words of a field stand in a box of their own that can be scrolled."""

_SAME: Final = "\u200b"
"""Told apart by this: words that look alike are one option otherwise."""

_METHODS_FIRST: Final = ("learned", "input_x_gradient")


@dataclass(frozen=True, slots=True, eq=False)
class Edited:
    """What was made of an example.

    Args:
        inputs: Field to text.
        words: The words of these texts.
        dropped: Indices of the words that are dropped.
        method: The method that ranks the words.
        scores: What it says; None where it could not.
    """

    inputs: Mapping[str, str]
    words: tuple[Word, ...]
    dropped: tuple[int, ...]
    method: Method
    scores: Scores | None


def fields(key: str, originals: Mapping[str, str]) -> dict[str, str]:
    """The texts, to be edited; an empty one keeps what stood there.

    Args:
        key: Another one begins anew.
        originals: Field to text.
    """
    found: dict[str, str] = {}
    for name, text in originals.items():
        if len(text) <= SHORT and "\n" not in text:
            edited = st.text_input(md_text(name), text, key=f"{key}-text-{name}", live=PAUSE)
        else:
            edited = st.text_area(
                md_text(name),
                text,
                key=f"{key}-text-{name}",
                height=140,
                help="Ctrl and Enter, or leaving the field, shows the new answer.",
            )
        found[name] = edited if edited and edited.strip() else text
    return found


def method(model: Model) -> Method:
    """The method that ranks the words."""
    usable = {each.name: each for each in model.methods if each.why is None}
    known = "probe-method"
    if st.session_state.get(known) not in usable:
        wanted = get("method")
        first = next(name for name in (wanted, *_METHODS_FIRST, *usable) if name in usable)
        st.session_state[known] = first
    picked = st.selectbox(
        "Words ranked by",
        list(usable),
        format_func=lambda name: usable[name].title,
        key=known,
        help="Methods that answer while you wait; Methods in the menu explains each.",
    )
    put(method=picked)
    return usable[picked]


def words(
    key: str, bench: Bench, inputs: Mapping[str, str], whole: Sequence[Word], by: Method, gold: highlights.Mask | None
) -> Edited:
    """The words with their scores, and which of them are dropped.

    Args:
        key: Another one begins anew.
        bench: Answers questions.
        inputs: The edited texts.
        whole: Their words.
        by: What ranks them.
        gold: What people marked `[words]`.
    """
    scores = _scores(bench, inputs, by)
    percent = st.slider(
        "Drop the words ranked first, %",
        0,
        100,
        0,
        step=5,
        key=f"{key}-top",
        disabled=scores is None,
        help="Counted as the metrics count: rounded, at least one word. Click on words for any others.",
    )
    dropped = _settle(key, inputs, whole, by.name, percent, scores)
    lines = [] if scores is None else [Line(by.title, scores.scores, CATEGORIES[0])]
    box = st.container()
    st.caption("Click on a word to drop it, click again to bring it back.")
    for name in inputs:
        own = [word for word in whole if word.field == name]
        if own:
            dropped[name] = _pills(key, name, inputs, own)
    chosen = [_places(whole, name)[local] for name, found in dropped.items() for local in found]
    struck = np.zeros(len(whole), dtype=bool)
    struck[chosen] = True
    with box:
        highlights.show(Marking(inputs, whole, lines, gold, struck))
    st.session_state[f"{key}-before"] = (_texts(inputs, whole), dropped)
    return Edited(inputs, tuple(whole), tuple(sorted(chosen)), by, scores)


def _scores(bench: Bench, inputs: Mapping[str, str], by: Method) -> Scores | None:
    try:
        return bench.attribute(inputs, by)
    except RationaleEvalError as error:
        page.problem(str(error))
        return None


def _settle(
    key: str, inputs: Mapping[str, str], whole: Sequence[Word], by: str, percent: int, scores: Scores | None
) -> dict[str, list[int]]:
    """Which words of each field are dropped, before clicks are read: the slider's, or those from before an edit."""
    texts = _texts(inputs, whole)
    before: tuple[dict[str, list[str]], dict[str, list[int]]] = st.session_state.get(f"{key}-before", (texts, {}))
    dropped = {name: carried(before[0].get(name, []), before[1].get(name, []), texts[name]) for name in texts}
    asked, applied = (percent, by, texts) if percent else (0,), st.session_state.get(f"{key}-applied", (0,))
    if asked != applied and scores is not None:
        top = set(scores.top(percent))
        dropped = {name: [local for local, place in enumerate(_places(whole, name)) if place in top] for name in inputs}
        for name in inputs:
            st.session_state[_pills_key(key, name, inputs[name])] = dropped[name]
    st.session_state[f"{key}-applied"] = asked
    for name in inputs:
        st.session_state.setdefault(_pills_key(key, name, inputs[name]), dropped[name])
    return dropped


def _pills(key: str, name: str, inputs: Mapping[str, str], words: Sequence[Word]) -> list[int]:
    text = inputs[name]
    seen: dict[str, int] = {}
    labels = []
    for word in words:
        label = md_text(text[word.start : word.end])
        labels.append(f"{label}{_SAME * seen.get(label, 0)}")
        seen[label] = seen.get(label, 0) + 1
    with st.container(height=260 if len(words) > LONG else "content", border=False):
        picked = st.pills(
            md_text(name),
            range(len(words)),
            selection_mode="multi",
            format_func=lambda place: labels[place],
            key=_pills_key(key, name, text),
            label_visibility="visible" if len(inputs) > 1 else "collapsed",
        )
    return sorted(picked)


def _pills_key(key: str, name: str, text: str) -> str:
    return f"{key}-words-{name}-{crc32(text.encode('utf-8', 'replace')):08x}"


def _places(whole: Sequence[Word], name: str) -> list[int]:
    return [place for place, word in enumerate(whole) if word.field == name]


def _texts(inputs: Mapping[str, str], whole: Sequence[Word]) -> dict[str, list[str]]:
    return {
        name: [text[whole[place].start : whole[place].end] for place in _places(whole, name)]
        for name, text in inputs.items()
    }
