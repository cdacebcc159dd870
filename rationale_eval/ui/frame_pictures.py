"""The axioms as pictures: the ladder of sources, what edits do, metric against accuracy, leakage, people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd
import streamlit as st

from rationale_eval.axioms.files import SCORES
from rationale_eval.desk import audit_examples
from rationale_eval.desk.audit_examples import EXPLAINING, RESTATING, slope, source_name
from rationale_eval.desk.audits import SOURCES, AuditView, Card, Number
from rationale_eval.ui import address, charts, colours
from rationale_eval.ui.frame_cards import groups, variant_name
from rationale_eval.ui.frame_words import WORDS
from rationale_eval.ui.numbers import interval, number
from rationale_eval.ui.text import md_text

SYMBOLS: Final = ("circle", "diamond", "square", "triangle-up")
"""Variants are told apart by shape too."""

_SEEN: Final = "frame pictures seen"


def show(views: Sequence[AuditView], cards: Sequence[Card]) -> None:
    """Draws the pictures of one metric, all its variants in each."""
    known = groups(cards)
    if not known:
        return
    names = {f"{run}:{metric}": f"{metric} on {data}" for run, data, metric in known}
    asked = address.get("picture")
    st.subheader("Pictures", anchor=False)
    picked = st.pills(
        "Metric",
        list(names),
        default=asked if asked in names else next(iter(names)),
        format_func=lambda key: md_text(names[key]),
        label_visibility="collapsed",
        key=f"frame-picture-{asked}-{len(names)}",
    ) or next(iter(names))
    if picked != asked:
        address.put(picture=picked)
    run, _, metric = picked.partition(":")
    of_one = next(found for (of, _, name), found in known.items() if of == run and name == metric)
    view = next(each for each in views if each.run == run)
    left, right = st.columns(2, gap="large")
    with left:
        _picture("reference", of_one, _ladder)
    with right:
        _picture("perturbation", of_one, _shifts)
    with left:
        _picture("robustness", of_one, _accuracy)
    with right:
        _picture("leakage", of_one, lambda some: _leakage(view, some))
    with left:
        _picture("people", of_one, lambda some: _people(view, some))


def _picture(check: str, cards: Sequence[Card], draw: Callable[[Sequence[Card]], None]) -> None:
    words = WORDS[check]
    with st.container(border=True):
        st.markdown(f"**{words.title}**")
        st.caption(f"{words.means} {words.good}")
        tried = [card for card in cards if card.checks[check].verdict != "not tried"]
        if tried:
            draw(tried)
        else:
            st.text("Not tried.")
            st.caption(md_text(cards[0].checks[check].why))


def _colour(place: int) -> str:
    return colours.CATEGORIES[place % len(colours.CATEGORIES)]


def _dots(
    check: str, cards: Sequence[Card], rows: Sequence[str], name: Callable[[str], str], *, x: str, zero: bool
) -> None:
    """A dot with its interval for each row and variant; a click opens the examples."""
    made = charts.figure(x=x, height=90 + 34 * len(rows), legend=len(cards) > 1)
    told: list[str] = []
    for place, card in enumerate(cards):
        numbers = card.checks[check].numbers
        shown = [(row, numbers[row]) for row in rows if row in numbers and numbers[row].value is not None]
        shift = 0.16 * (place - (len(cards) - 1) / 2)
        _scatter(
            made,
            card,
            place,
            x=[found.value for _, found in shown],
            y=[rows.index(row) + shift for row, _ in shown],
            error_x=_errors([found for _, found in shown]),
            customdata=[[f"{card.run}:{card.key}", f"{check}/{row}"] for row, _ in shown],
            hovertext=[_hover(name(row), found) for row, found in shown],
        )
        told.append(
            f"{variant_name(card.variant)}: " + ", ".join(f"{name(row)} {number(found.value)}" for row, found in shown)
        )
    if zero:
        made.add_vline(x=0, line={"color": colours.CONTROL, "width": 1})
    made.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=[charts.label(name(row)) for row in rows],
        range=[-0.6, len(rows) - 0.4],
    )
    _show(made, check, cards, f"{WORDS[check].title}. {'. '.join(told)}.")


def _scatter(made: Any, card: Card, place: int, **values: Any) -> None:
    made.add_scatter(
        mode="markers",
        name=charts.label(variant_name(card.variant)),
        marker={"color": _colour(place), "size": 10, "symbol": SYMBOLS[place % len(SYMBOLS)]},
        hoverinfo="text",
        **values,
    )


def _errors(found: Sequence[Number]) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [0 if one.high is None or one.value is None else one.high - one.value for one in found],
        "arrayminus": [0 if one.low is None or one.value is None else one.value - one.low for one in found],
        "thickness": 1.5,
        "width": 3,
    }


def _hover(name: str, found: Number) -> str:
    return charts.label(f"{name}: {number(found.value)} {interval(found.low, found.high)}, n = {found.n:g}", cap=120)


def _show(made: Any, check: str, cards: Sequence[Card], alt: str) -> None:
    """Draws; a new click on a point puts its number into the address, which opens the examples."""
    key = f"picture-{check}-{cards[0].run}-{cards[0].metric}-{len(cards)}"
    points = charts.show(made, key=key, alt=alt, select="points")
    clicked = next((tuple(point["customdata"]) for point in points if point.get("customdata")), None)
    seen = st.session_state.setdefault(_SEEN, {})
    if seen.get(key) != clicked:
        seen[key] = clicked
        if clicked is not None:
            address.put(card=clicked[0], behind=clicked[1])


def _ladder(cards: Sequence[Card]) -> None:
    known = {row for card in cards for row in card.checks["reference"].numbers}
    rows = [row for row in SOURCES if row in known]
    _dots("reference", cards, rows, source_name, x=f"value of {cards[0].metric}", zero=False)


def _shifts(cards: Sequence[Card]) -> None:
    known = list(dict.fromkeys(row for card in cards for row in card.checks["perturbation"].numbers))
    rows = [row for row in known[::-1] if row.startswith("contrastive")]
    rows += [row for row in known[::-1] if row.startswith("equivalent")]
    signs = {"contrastive": "≠", "equivalent": "="}

    def name(row: str) -> str:
        kind, parted, _ = row.partition("/")
        return f"{signs[kind]} {source_name(row) if parted else 'all of these'}"

    _dots("perturbation", cards, rows, name, x="fall of the metric by the edit", zero=True)
    st.caption(
        "= keeps the meaning, ≠ changes it; all of these weighs every edit by its examples. The fall is the value of "
        "the model's own rationales less that of the edited ones."
    )


def _accuracy(cards: Sequence[Card]) -> None:
    made = charts.figure(x="accuracy of the task model", y=f"value of {charts.label(cards[0].metric)}")
    made.update_layout(showlegend=len(cards) > 1)
    told: list[str] = []
    for place, card in enumerate(cards):
        check = card.checks["robustness"]
        reached = check.about["accuracy"]
        shown = [(row, reached[row], check.numbers[row]) for row in reached if check.numbers[row].value is not None]
        _scatter(
            made,
            card,
            place,
            x=[accuracy for _, accuracy, _ in shown],
            y=[found.value for _, _, found in shown],
            error_y=_errors([found for _, _, found in shown]),
            customdata=[[f"{card.run}:{card.key}", f"robustness/{row}"] for row, _, _ in shown],
            hovertext=[_hover(f"{source_name(row)}, accuracy {accuracy:.2f}", found) for row, accuracy, found in shown],
        )
        line = slope([(accuracy, found.value or 0.0) for _, accuracy, found in shown])
        if line is not None:
            ends = [min(accuracy for _, accuracy, _ in shown), max(accuracy for _, accuracy, _ in shown)]
            made.add_scatter(
                x=ends,
                y=[line[1] + line[0] * end for end in ends],
                mode="lines",
                line={"color": _colour(place), "width": 1.5, "dash": "dot"},
                hoverinfo="skip",
                showlegend=False,
            )
            told.append(f"{variant_name(card.variant)}: slope {number(line[0])} for each unit of accuracy")
    _show(made, "robustness", cards, f"{WORDS['robustness'].title}. {'. '.join(told)}.")
    if told:
        st.caption(
            md_text(". ".join(told) + ". The line is fitted by least squares; with few task models it says little.")
        )


def _leakage(view: AuditView, cards: Sequence[Card]) -> None:
    made = charts.figure(x=f"value of {charts.label(cards[0].metric)}", height=110 + 44 * len(cards))
    told: list[str] = []
    for place, card in enumerate(cards):
        found = _compared(str(view.folder), _changed(view), card, (EXPLAINING, RESTATING))
        made.add_scatter(
            x=[found[RESTATING], found[EXPLAINING]], y=[-place, -place], mode="lines",
            line={"color": _colour(place), "width": 2}, hoverinfo="skip", showlegend=False,
        )  # fmt: skip
        for source, symbol in ((EXPLAINING, "circle"), (RESTATING, "x")):
            made.add_scatter(
                x=[found[source]], y=[-place], mode="markers", hoverinfo="text", showlegend=place == 0,
                name="explaining" if source == EXPLAINING else "restating",
                marker={"color": _colour(place), "size": 11, "symbol": symbol},
                customdata=[[f"{card.run}:{card.key}", "leakage/explaining_minus_restating"]],
                hovertext=[f"{number(found[source])}"],
            )  # fmt: skip
        both = f"explaining {number(found[EXPLAINING])}, restating {number(found[RESTATING])}"
        told.append(f"{variant_name(card.variant)}: {both}")
    made.update_yaxes(
        tickvals=[-place for place in range(len(cards))],
        ticktext=[charts.label(variant_name(card.variant)) for card in cards],
        range=[0.4 - len(cards), 0.6],
    )
    _show(made, "leakage", cards, f"Leakage. {'. '.join(told)}.")
    # The two are of the same examples, so the interval that tells is that of their difference.
    ahead = [(card, card.checks["leakage"].numbers.get("explaining_minus_restating")) for card in cards]
    said = [
        f"{variant_name(card.variant)} {number(found.value)} {interval(found.low, found.high)}"
        for card, found in ahead
        if found is not None and found.value is not None
    ]
    if said:
        st.caption(md_text(f"Explaining less restating, on the same examples: {'; '.join(said)}."))


def _people(view: AuditView, cards: Sequence[Card]) -> None:
    made = charts.figure(x="people's mean rating", y=f"mean of {charts.label(cards[0].metric)}", height=260)
    told: list[str] = []
    for place, card in enumerate(cards):
        found = _ratings(str(view.folder), _changed(view), card)
        if found is None or found.empty:
            continue
        levels = found.assign(level=found["rating"].round(1)).groupby("level")["score"].agg(["mean", "count", "sem"])
        _scatter(
            made,
            card,
            place,
            x=levels.index.tolist(),
            y=levels["mean"].tolist(),
            error_y={"type": "data", "array": (1.96 * levels["sem"].fillna(0)).tolist(), "thickness": 1.5, "width": 3},
            customdata=[[f"{card.run}:{card.key}", "people/rho"]] * len(levels),
            hovertext=[
                f"rating {level:.1f}: {number(row['mean'])}, {row['count']:.0f} explanations"
                for level, row in levels.iterrows()
            ],
        )
        told.append(
            f"{variant_name(card.variant)}: "
            + ", ".join(f"{level:.1f} {number(mean)}" for level, mean in levels["mean"].items())
        )
    if not told:
        st.text("The ratings of single explanations were not kept; audit again to see them.")
        return
    _show(made, "people", cards, f"Mean of the metric by people's rating. {'. '.join(told)}.")
    st.caption("Every point is the mean over explanations of one rating, with its 95 % interval.")


def _changed(view: AuditView) -> int:
    return (view.folder / SCORES).stat().st_mtime_ns


@st.cache_data(max_entries=64, show_spinner=False)
def _compared(folder: str, changed: int, card: Card, sources: tuple[str, ...]) -> dict[str, float]:
    return audit_examples.compared(Path(folder), card, sources)


@st.cache_data(max_entries=64, show_spinner=False)
def _ratings(folder: str, changed: int, card: Card) -> pd.DataFrame | None:
    return audit_examples.ratings(Path(folder), card)
