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
from numpy.typing import NDArray

from rationale_eval.data.words import Word
from rationale_eval.rationales.selection import ranking, top_k_percent
from rationale_eval.rationales.sentences import sentences
from rationale_eval.ui.colours import CONTROL, css, diverging, readable_on, sequential
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


@dataclass(frozen=True, slots=True)
class Marked:
    """Text with marks.

    Args:
        html: For `st.html`: escaped text in our own template.
        hidden: Sentences folded away.
    """

    html: str
    hidden: int


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

    def share(self, place: int) -> float:
        """The score of a word as a part of the greatest, -1 to 1."""
        return float(self.line.scores[place]) / self.most if self.most else 0.0

    def weights(self) -> Scores:
        """What each word has of the line's whole weight, 0 to 1."""
        sizes = np.abs(np.nan_to_num(self.line.scores))
        return sizes / sizes.sum() if sizes.sum() else sizes


def highlights(
    inputs: Mapping[str, str],
    words: Sequence[Word],
    lines: Sequence[Line],
    *,
    gold: Mask | None = None,
    fold: bool = True,
) -> Marked:
    """Texts with the marks of several systems.

    Args:
        inputs: Field name to text.
        words: The words that were scored, in reading order.
        lines: Systems from top to bottom; without any, the text itself is one line.
        gold: What people marked `[words]`; None where nothing is known.
        fold: Leave out sentences of long texts that carry little weight.

    Raises:
        ValueError: If scores or gold are not as many as the words.
    """
    if any(len(line.scores) != len(words) for line in lines) or (gold is not None and len(gold) != len(words)):
        raise ValueError("scores and words differ in number")
    shown = [_Shown.of(line) for line in lines] or [_Shown.of(Line("", np.full(len(words), np.nan)))]
    units = [(name, unit) for name, text in inputs.items() for unit in _sentences(name, text, words)]
    kept = _kept(units, shown, gold) if fold and sum(map(len, inputs.values())) > LONG else set(range(len(units)))
    html, spans, hidden, gap, before = (
        [STYLE, '<div class="rx-marks">', _said(inputs, words, shown, bool(lines))],
        0,
        0,
        0,
        "",
    )
    for place, (name, unit) in enumerate(units):
        spans += len(unit) * len(shown)
        if place not in kept or spans > MOST_SPANS:
            hidden, gap = hidden + 1, gap + 1
            continue
        html += [_gap(gap)] if gap else []
        gap = 0
        if name != before and len(inputs) > 1:
            html.append(f'<div class="rx-field">{html_text(name, cap=80)}</div>')
        before = name
        for part in _parts(unit, words, inputs[name]):
            html.append('<div class="rx-part">')
            html += [_line(one, part, words, inputs[name], gold, named=bool(lines)) for one in shown]
            html.append("</div>")
    html += [_gap(gap)] if gap else []
    html += [_key(shown, gold)] if lines else []
    return Marked("".join([*html, "</div>"]), hidden)


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


def _line(one: _Shown, part: Sequence[int], words: Sequence[Word], text: str, gold: Mask | None, *, named: bool) -> str:
    cells: list[str] = []
    for before, place in zip([None, *part[:-1]], part, strict=True):
        word = words[place]
        if before is not None:
            between = text[words[before].end : word.start]
            cells.append("" if between == "" else " " if not between.strip() else html_text(between))
        cells.append(_word(one, place, text[word.start : word.end], gold is not None and bool(gold[place]), named))
    body = f'<span class="rx-words">{"".join(cells)}</span>'
    if not named:
        return body
    name = html_text(one.line.name, cap=120)
    label = f'<span class="rx-name" style="border-color:{one.line.colour}" title="{name}">{name}</span>'
    return f'<div class="rx-line">{label}{body}</div>'


def _word(one: _Shown, place: int, text: str, gold: bool, named: bool) -> str:
    classes, score = ["rx-w"], float(one.line.scores[place])
    classes += ["rx-gold"] if gold else []
    about, style = [], ""
    if np.isfinite(score):
        classes += ["rx-top"] if one.top[place] else []
        style = _style(one, place)
        about.append(f"{number(score)}, rank {one.ranks[place]} of {len(one.ranks)}")
    elif named:
        classes.append("rx-unseen")
        about.append("no score: the model did not see it, or the method cannot say")
    about += ["marked by people"] if gold else []
    title = f' title="{"; ".join(about)}"' if about else ""
    return f'<span class="{" ".join(classes)}"{style}{title}>{html_text(text)}</span>'


def _style(one: _Shown, place: int) -> str:
    share = one.share(place)
    if share == 0:
        return ""
    pair = [diverging(share, dark=dark) if one.signed else sequential(share, dark=dark) for dark in (False, True)]
    back = ",".join(css(each) for each in pair)
    front = ",".join(readable_on(each) for each in pair)
    return f' style="background:light-dark({back});color:light-dark({front})"'


def _gap(sentences_: int) -> str:
    return f'<div class="rx-gap">… {sentences_:,} {"sentence" if sentences_ == 1 else "sentences"} not shown …</div>'


def _key(shown: Sequence[_Shown], gold: Mask | None) -> str:
    parts = []
    for one in shown:
        scale = [
            (diverging if one.signed else sequential)(share, dark=dark)
            for dark in (False, True)
            for share in ((-1.0, 0.0, 1.0) if one.signed else (0.0, 0.5, 1.0))
        ]
        light, dark = scale[:3], scale[3:]
        stops = ",".join(f"light-dark({css(a)},{css(b)})" for a, b in zip(light, dark, strict=True))
        low = f"-{number(one.most)}" if one.signed else "0"
        parts.append(
            f'<span>{html_text(one.line.name, cap=60)} {low}<span class="rx-scale" '
            f'style="background:linear-gradient(90deg,{stops})"></span>{number(one.most)}</span>'
        )
    parts.append(f'<span><span class="rx-w rx-top">outlined</span> among the {TOP_PERCENT:.0f} % ranked first</span>')
    if gold is not None:
        parts.append('<span><span class="rx-gold">underlined</span> marked by people</span>')
    if any(np.isnan(one.line.scores).any() for one in shown):
        parts.append('<span><span class="rx-w rx-unseen">hatched</span> no score</span>')
    return f'<div class="rx-key">{"".join(parts)}</div>'


def _said(inputs: Mapping[str, str], words: Sequence[Word], shown: Sequence[_Shown], named: bool) -> str:
    """The picture in words, for those who cannot see it."""
    if not named:
        return ""
    told = []
    for one in shown:
        first = [
            f"{html_text(inputs[words[place].field][words[place].start : words[place].end])} "
            f"{number(float(one.line.scores[place]))}"
            for place in ranking(one.line.scores)[:NAMED]
        ]
        told.append(f"{html_text(one.line.name, cap=120)}: {', '.join(first) or 'no scores'}.")
    return f'<div class="rx-say">Words ranked first. {" ".join(told)}</div>'
