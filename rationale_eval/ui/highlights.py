"""Word scores as marked text: one line for each system, the same words under each other, made of escaped text only.

Colour is the score on one even scale, with zero in the middle where a system has scores of both signs; an outline marks
the words a system ranks first, an underline what people marked, hatching what the model never saw. So nothing is said
by colour alone. Hovering over a word shows its number and its rank.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from rationale_eval.data.words import Word
from rationale_eval.rationales.selection import ranking, top_k_percent
from rationale_eval.rationales.sentences import sentences
from rationale_eval.ui.colours import CATEGORIES, CONTROL, css, diverging, readable_on, sequential
from rationale_eval.ui.numbers import number
from rationale_eval.ui.text import html_text

Scores = NDArray[np.float64]
Mask = NDArray[np.bool_]

LINE: Final = 96
"""Characters of one line of text: lines of systems then stand directly under each other on a usual screen."""

LONG: Final = 1_500
"""Characters of a text that is folded."""

KEPT: Final = 6
"""Sentences of a folded text that carry most weight and stay."""

TOP_PERCENT: Final = 20.0
"""Share of the words that gets an outline: those a system ranks first."""

MOST_SPANS: Final = 20_000
"""Marked words in one picture; what is beyond is counted, not shown, for a browser must stay quick."""

UNSEEN: Final = "no score: the model did not see it, or the method cannot say"
"""Said of a word whose score is NaN."""

NAMED: Final = 5
"""Words that the description for screen readers names for each system."""

STYLE: Final = """<style>
.rx-marks{font-size:.95rem;line-height:1.5;margin:0 0 .25rem}
.rx-field{font-size:.78rem;opacity:.65;margin:.35rem 0 .1rem}
.rx-part{margin:0 0 .45rem}
.rx-line{display:grid;grid-template-columns:10.5rem minmax(0,1fr);column-gap:.6rem;align-items:baseline}
.rx-name{font-size:.78rem;opacity:.8;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;
padding-left:.4rem;border-left:3px solid}
.rx-words{overflow-wrap:anywhere}
.rx-w{padding:.06rem .1rem;border-radius:3px}
.rx-top{box-shadow:inset 0 0 0 1.5px light-dark(#0b2545,#e8f1ff)}
.rx-gold{text-decoration:underline;text-decoration-thickness:2px;text-underline-offset:3px}
.rx-unseen{background:repeating-linear-gradient(135deg,transparent 0 4px,rgba(128,128,128,.45) 4px 6px)}
.rx-struck{text-decoration:line-through;text-decoration-thickness:2px;opacity:.55}
.rx-gold.rx-struck{text-decoration-line:underline line-through}
.rx-gap{font-size:.78rem;opacity:.65;margin:.1rem 0 .45rem}
.rx-key{display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;font-size:.78rem;opacity:.85;align-items:center}
.rx-scale{display:inline-block;width:5rem;height:.65rem;border-radius:3px;vertical-align:middle;margin:0 .35rem}
.rx-say{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media (max-width:640px){.rx-line{grid-template-columns:minmax(0,1fr)}.rx-name{margin-top:.2rem}}
</style>"""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One system's scores of an example.

    Args:
        name: The system.
        scores: float64 `[words]`; NaN where the model did not see the word.
        colour: The system's colour, one of ours (see `colours.of_systems`).
    """

    name: str
    scores: Scores
    colour: str = CONTROL


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """A line with what its words look like."""

    line: Line
    ranks: dict[int, int] = field(default_factory=dict)
    top: Mask = field(default_factory=lambda: np.zeros(0, dtype=bool))
    most: float = 0.0
    signed: bool = False

    @classmethod
    def of(cls, line: Line) -> _Shown:
        scores = line.scores
        finite = scores[np.isfinite(scores)]
        order = ranking(scores)
        ranks = {int(place): rank for rank, place in enumerate(order, start=1)}
        most = float(np.abs(finite).max()) if len(finite) else 0.0
        # Where all words are scored alike none is first: an outline would only show the reading order.
        top = top_k_percent(scores, TOP_PERCENT) if len(set(finite.tolist())) > 1 else np.zeros(len(scores), dtype=bool)
        return cls(line, ranks, top, most, bool((finite < 0).any()))

    def score(self, place: int) -> float:
        """The score of a word."""
        return float(self.line.scores[place])

    def share(self, place: int) -> float:
        """The score of a word as a part of the greatest, -1 to 1."""
        return float(self.line.scores[place]) / self.most if self.most else 0.0

    def weights(self) -> Scores:
        """What each word has of the line's whole weight, 0 to 1."""
        sizes = np.abs(np.nan_to_num(self.line.scores))
        return sizes / sizes.sum() if sizes.sum() else sizes


@dataclass(frozen=True, slots=True, eq=False)
class Marking:
    """Texts and what several systems say about their words.

    Args:
        inputs: Field name to text.
        words: The words that were scored, in reading order.
        lines: Systems from top to bottom; without any, the text itself is one line.
        gold: What people marked `[words]`; None where nothing is known.
        struck: Words that are taken out `[words]`; None where nothing can be.

    Raises:
        ValueError: If scores or marks are not as many as the words.
    """

    inputs: Mapping[str, str]
    words: Sequence[Word]
    lines: Sequence[Line] = ()
    gold: Mask | None = None
    struck: Mask | None = None

    def __post_init__(self) -> None:
        sizes = {len(line.scores) for line in self.lines}
        sizes |= {len(marks) for marks in (self.gold, self.struck) if marks is not None}
        if sizes - {len(self.words)}:
            raise ValueError("scores and words differ in number")


def show(of: Marking, *, fold: bool = True) -> int:
    """Draws texts with the marks of several systems.

    Args:
        of: What to draw.
        fold: Leave out sentences of long texts that carry little weight.

    Returns:
        How many sentences are left out.
    """
    st.html(highlights(of, fold=fold))
    return _Layout.of(of, fold=fold).hidden


def highlights(of: Marking, *, fold: bool = True) -> str:
    """Texts with the marks of several systems, as HTML; see `show`."""
    layout = _Layout.of(of, fold=fold)
    html, gap, before = [STYLE, '<div class="rx-marks">', _said(of, layout)], 0, ""
    for place, (name, unit) in enumerate(layout.units):
        if place not in layout.kept:
            gap += 1
            continue
        if gap:
            html.append(_gap(gap))
        gap = 0
        if name != before and len(of.inputs) > 1:
            html.append(f'<div class="rx-field">{html_text(name, cap=80)}</div>')
        before = name
        html += [_part(of, layout, part) for part in _parts(unit, of.words, of.inputs[name])]
    if gap:
        html.append(_gap(gap))
    if of.lines:
        html.append(_key(of, layout))
    html.append("</div>")
    return "".join(html)


@dataclass(frozen=True, slots=True, eq=False)
class _Layout:
    """What is drawn: lines with the look of their words, sentences as places of words, and which of them stay."""

    shown: tuple[_Shown, ...]
    units: tuple[tuple[str, list[int]], ...]
    kept: frozenset[int]

    @classmethod
    def of(cls, of: Marking, *, fold: bool) -> _Layout:
        lines = of.lines or [Line("", np.full(len(of.words), np.nan))]
        shown = tuple(_Shown.of(line) for line in lines)
        units = tuple((name, unit) for name, text in of.inputs.items() for unit in _sentences(name, text, of.words))
        long = sum(map(len, of.inputs.values())) > LONG
        kept = _kept(units, shown, of.gold) if fold and long else set(range(len(units)))
        spans = np.cumsum([len(unit) * len(shown) if place in kept else 0 for place, (_, unit) in enumerate(units)])
        return cls(shown, units, frozenset(place for place in kept if spans[place] <= MOST_SPANS))

    @property
    def hidden(self) -> int:
        return len(self.units) - len(self.kept)


def _sentences(name: str, text: str, words: Sequence[Word]) -> Iterator[list[int]]:
    """Places of the words of each sentence of a field."""
    own = [place for place, word in enumerate(words) if word.field == name]
    ends, length = [], 0
    for sentence in sentences(text):
        length += len("".join(sentence.split()))
        ends.append(length)
    seen, at, unit = 0, 0, list[int]()
    position = 0
    for place in own:
        seen += len("".join(text[position : words[place].start].split()))
        if at < len(ends) and seen >= ends[at]:
            if unit:
                yield unit
            unit = []
            while at < len(ends) and seen >= ends[at]:
                at += 1
        seen += len("".join(text[words[place].start : words[place].end].split()))
        position = words[place].end
        unit.append(place)
    if unit:
        yield unit


def _kept(units: Sequence[tuple[str, list[int]]], shown: Sequence[_Shown], gold: Mask | None) -> set[int]:
    """The sentences that carry most weight for some system, those that people marked, and the first of each field."""
    weights = np.array([[one.weights()[unit].sum() for _, unit in units] for one in shown])
    order = np.argsort(-weights.max(axis=0), kind="stable")
    kept = {int(place) for place in order[:KEPT]}
    if gold is not None:
        kept |= {place for place, (_, unit) in enumerate(units) if gold[unit].any()}
    names = [name for name, _ in units]
    return kept | {names.index(name) for name in names}


def _parts(unit: Sequence[int], words: Sequence[Word], text: str) -> Iterator[list[int]]:
    """A sentence in pieces that fit into a line."""
    part: list[int] = []
    for place in unit:
        word = words[place]
        apart = bool(part) and text[words[part[-1]].end : word.start] != ""
        if apart and word.end - words[part[0]].start > LINE:
            yield part
            part = []
        part.append(place)
    if part:
        yield part


def _part(of: Marking, layout: _Layout, part: Sequence[int]) -> str:
    """One piece of a sentence: a line for each system, the same words under each other."""
    if not of.lines:
        return f'<div class="rx-part">{_words(of, layout.shown[0], part)}</div>'
    rows = [
        f'<div class="rx-line">{_name(one.line)}<span class="rx-words">{_words(of, one, part)}</span></div>'
        for one in layout.shown
    ]
    return f'<div class="rx-part">{"".join(rows)}</div>'


def _name(line: Line) -> str:
    colour = next((each for each in (*CATEGORIES, CONTROL) if each == line.colour), CONTROL)
    name = html_text(line.name, cap=120)
    return f'<span class="rx-name" style="border-color:{colour}" title="{name}">{name}</span>'


def _words(of: Marking, one: _Shown, part: Sequence[int]) -> str:
    cells: list[str] = []
    for before, place in zip([None, *part[:-1]], part, strict=True):
        word = of.words[place]
        text = of.inputs[word.field]
        if before is not None:
            between = text[of.words[before].end : word.start]
            cells.append("" if between == "" else html_text(between) if between.strip() else " ")
        cells.append(_word(of, one, place, text[word.start : word.end]))
    return "".join(cells)


def _word(of: Marking, one: _Shown, place: int, text: str) -> str:
    gold = of.gold is not None and bool(of.gold[place])
    score = one.score(place)
    struck = of.struck is not None and bool(of.struck[place])
    underline = (" rx-gold" if gold else "") + (" rx-struck" if struck else "")
    people = ("; marked by people" if gold else "") + ("; dropped" if struck else "")
    if np.isfinite(score):
        outline = " rx-top" if one.top[place] else ""
        title = f"{number(score)}, rank {int(one.ranks[place])} of {len(one.ranks)}{people}"
        return f'<span class="rx-w{underline}{outline}"{_style(one, place)} title="{title}">{html_text(text)}</span>'
    if of.lines:
        return f'<span class="rx-w{underline} rx-unseen" title="{UNSEEN}{people}">{html_text(text)}</span>'
    return f'<span class="rx-w{underline}" title="{people[2:]}">{html_text(text)}</span>'


def _style(one: _Shown, place: int) -> str:
    share = one.share(place)
    if share == 0:
        return ""
    scale = diverging if one.signed else sequential
    light, dark = scale(share), scale(share, dark=True)
    back = f"light-dark({css(light)},{css(dark)})"
    return f' style="background:{back};color:light-dark({readable_on(light)},{readable_on(dark)})"'


def _gap(hidden: int) -> str:
    return f'<div class="rx-gap">… {hidden:,d} {"sentence" if hidden == 1 else "sentences"} not shown …</div>'


def _key(of: Marking, layout: _Layout) -> str:
    parts = [_scale(one) for one in layout.shown]
    parts.append(f'<span><span class="rx-w rx-top">outlined</span> among the {TOP_PERCENT:.0f} % ranked first</span>')
    if of.gold is not None:
        parts.append('<span><span class="rx-gold">underlined</span> marked by people</span>')
    if of.struck is not None and of.struck.any():
        parts.append('<span><span class="rx-struck">struck out</span> dropped</span>')
    if any(np.isnan(one.line.scores).any() for one in layout.shown):
        parts.append('<span><span class="rx-w rx-unseen">hatched</span> no score</span>')
    return f'<div class="rx-key">{"".join(parts)}</div>'


def _scale(one: _Shown) -> str:
    """The legend of a line: its colours from its least to its greatest score."""
    scale = diverging if one.signed else sequential
    shares = (-1.0, 0.0, 1.0) if one.signed else (0.0, 0.5, 1.0)
    stops = ",".join(f"light-dark({css(scale(share))},{css(scale(share, dark=True))})" for share in shares)
    low, name = f"-{number(one.most)}" if one.signed else "0", html_text(one.line.name, cap=60)
    bar = f'<span class="rx-scale" style="background:linear-gradient(90deg,{stops})"></span>'
    return f"<span>{name} {low}{bar}{number(one.most)}</span>"


def _said(of: Marking, layout: _Layout) -> str:
    """The picture in words, for those who cannot see it."""
    if not of.lines:
        return ""
    told = []
    for one in layout.shown:
        first = []
        for place in ranking(one.line.scores)[:NAMED]:
            word = of.words[place]
            first.append(f"{html_text(of.inputs[word.field][word.start : word.end])} {number(one.score(place))}")
        told.append(f"{html_text(one.line.name, cap=120)}: {', '.join(first) or 'no scores'}.")
    return f'<div class="rx-say">Words ranked first. {" ".join(told)}</div>'
