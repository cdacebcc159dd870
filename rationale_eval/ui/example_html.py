"""One example in numbers: probabilities, metrics beside the data set's distribution, free texts with their verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from rationale_eval.desk.example import Answer, Detail, Number
from rationale_eval.desk.slate_query import Spread
from rationale_eval.ui.numbers import ARROWS, number
from rationale_eval.ui.text import html_text

BAR: Final = "light-dark(#b9c3cf,#4a5664)"
MARK: Final = "light-dark(#b30000,#ff8a7a)"
WIDTH: Final = 84
HEIGHT: Final = 22
MOST_CHOICES: Final = 12

STYLE: Final = """<style>
.rx-t{border-collapse:collapse;font-size:.85rem;width:100%}
.rx-t th,.rx-t td{padding:.18rem .5rem .18rem 0;text-align:left;font-weight:400;border:0;vertical-align:middle}
.rx-t thead th{font-size:.75rem;opacity:.7}
.rx-v{display:inline-block;min-width:3.9rem}
.rx-n{font-variant-numeric:tabular-nums;white-space:nowrap}
.rx-bar{display:block;height:.7rem;border-radius:2px;background:light-dark(#1f5fa8,#6fb1f5);min-width:1px}
.rx-track{width:7rem;background:rgba(128,128,128,.18);border-radius:2px}
.rx-b{font-weight:650}
.rx-small{font-size:.75rem;opacity:.7}
.rx-h{display:inline-block;vertical-align:middle;border-bottom:1px solid rgba(128,128,128,.5)}
.rx-said{margin:0 0 .8rem;padding-left:.7rem;border-left:3px solid rgba(128,128,128,.4)}
.rx-said q{font-size:1rem}
.rx-said q::before,.rx-said q::after{content:""}
.rx-scroll{overflow-x:auto}
</style>"""


def probabilities(found: Detail, answers: Sequence[Answer]) -> None:
    """What was answered, with the probability of each choice where it is known."""
    st.html(f"{STYLE}{''.join(_answer(found, each, len(answers) > 1) for each in answers)}")


def _answer(found: Detail, each: Answer, named: bool) -> str:
    label = None if found.example is None else found.example.label
    title = f'<div class="rx-small">{html_text(each.system, cap=120)}</div>' if named else ""
    if each.probabilities is None:
        mark = "" if label is None else ", right" if each.choice == label else ", wrong"
        return f'{title}<div class="rx-b">{html_text(found.choice(each.choice), cap=200)}{mark}</div>'
    rows = []
    order = sorted(range(len(each.probabilities)), key=lambda place: -float(each.probabilities[place]))  # type: ignore[index]
    for place in order[:MOST_CHOICES]:
        p = min(1.0, max(0.0, float(each.probabilities[place])))
        bold = ' class="rx-b"' if place == each.choice else ""
        gold = "gold" if place == label else ""
        rows.append(
            f"<tr><td{bold}>{html_text(found.choice(place), cap=200)}</td>"
            f'<td class="rx-track"><span class="rx-bar" style="width:{100 * p:.1f}%"></span></td>'
            f'<td class="rx-n">{p:.3f}</td><td class="rx-small">{gold}</td></tr>'
        )
    return f'{title}<table class="rx-t"><tbody>{"".join(rows)}</tbody></table>'


@dataclass(frozen=True, slots=True)
class Cell:
    """A number and how it lies among all examples."""

    number: Number
    spread: Spread


def numbers(systems: Sequence[str], cells: Sequence[Cell]) -> None:
    """Metrics by systems; beside each number the data set's distribution with a mark where the example lies."""
    kinds = list(dict.fromkeys((each.number.metric, each.number.variant) for each in cells))
    head = "".join(f"<th>{html_text(name, cap=80)}</th>" for name in systems)
    body = "".join(_row(metric, variant, systems, cells) for metric, variant in kinds)
    st.html(
        f'{STYLE}<div class="rx-scroll"><table class="rx-t"><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _row(metric: str, variant: str, systems: Sequence[str], cells: Sequence[Cell]) -> str:
    own = [each for each in cells if (each.number.metric, each.number.variant) == (metric, variant)]
    way = own[0].number.direction
    arrow = ARROWS["higher"] if way == "higher" else ARROWS["lower"] if way == "lower" else ""
    found = {each.number.system: each for each in own}
    parts = "".join(_cell(found[name]) if name in found else "<td></td>" for name in systems)
    return f'<tr><th title="{html_text(variant, cap=80)}">{html_text(metric, cap=80)} {arrow}</th>{parts}</tr>'


def _cell(each: Cell) -> str:
    value = float(each.number.value)
    if value != value:
        return (
            f'<td class="rx-small">not defined: {html_text(each.number.reason or "no reason was kept", cap=120)}</td>'
        )
    title = f"greater than that of {100 * each.spread.below(value):.0f} % of the examples"
    shown = f'<span class="rx-v">{number(value)}</span>{_histogram(each.spread, value)}'
    return f'<td class="rx-n" title="{title}">{shown}</td>'


def _histogram(spread: Spread, value: float) -> str:
    """The distribution as small bars with a line at the value; heights are square roots, so that few can be seen.

    The bars are layers of one element's background: a page has dozens of these pictures.
    """
    if spread.defined < 2:
        return ""
    most, step = float(spread.counts.max()) or 1.0, WIDTH / len(spread.counts)
    low, top = float(spread.edges[0]), float(spread.edges[-1])
    x = min(WIDTH - 2.0, max(0.0, WIDTH * (value - low) / (top - low) - 1.0 if top > low else WIDTH / 2))
    layers = [_layer(MARK, float(x), 2.0, HEIGHT)]
    for place, count in enumerate(spread.counts):
        if count > 0:
            high = float(max(1.0, (count / most) ** 0.5 * HEIGHT))
            layers.append(_layer(BAR, float(place * step), float(step - 0.5), high))
    return (
        f'<span class="rx-h" style="width:{WIDTH}px;height:{HEIGHT}px;background:{",".join(layers)}" '
        'aria-hidden="true"></span>'
    )


def _layer(colour: str, x: float, width: float, height: float) -> str:
    return f"linear-gradient({colour},{colour}) {x:.1f}px 100%/{width:.1f}px {height:.1f}px no-repeat"


def free_text(found: Detail, said: Answer, simulators: Sequence[tuple[str, dict[str, Answer]]]) -> None:
    """A free-text rationale, who wrote it, what it argues for, and what simulators make of it."""
    label = None if found.example is None else found.example.label
    right = "" if label is None else " (right)" if said.choice == label else " (wrong)"
    lines = "".join(_verdict(found, said, weights, views) for weights, views in simulators)
    text = html_text(said.text) if said.text and said.text.strip() else "<i>no text</i>"
    st.html(
        f'{STYLE}<div class="rx-said"><q>{text}</q><div class="rx-small">{html_text(said.system, cap=120)} answers '
        f"{html_text(found.choice(said.choice), cap=200)}{right}</div>{lines}</div>"
    )


VIEWS: Final = {
    "input": "without it",
    "both": "with it",
    "rationale": "from it alone",
    "masked": "with its choices hidden",
}
KINDS: Final = {"np": "simulator without pretraining", "pt": "pretrained simulator"}


def _verdict(found: Detail, said: Answer, weights: str, views: dict[str, Answer]) -> str:
    told = [f"{VIEWS[view]}: {html_text(found.choice(views[view].choice), cap=200)}" for view in VIEWS if view in views]
    kind = KINDS["pt"] if weights == "pt" else KINDS["np"]
    verdict = f' <span class="rx-b">{judgement(said, views)}</span>'
    return f'<div class="rx-small">{kind}: {"; ".join(told)}.{verdict}</div>'


def judgement(said: Answer, views: dict[str, Answer]) -> str:
    """Whether a text helps and whether it leaks, by what simulators guess of the system's answer."""
    if said.choice is None:
        return "The system gave no answer, so there is nothing to guess."
    hits = {view: each.choice == said.choice for view, each in views.items()}
    told = []
    if "both" in hits and "input" in hits:
        gain = int(hits["both"]) - int(hits["input"])
        told.append("helps" if gain > 0 else "misleads" if gain < 0 else "changes nothing")
    if "rationale" in hits:
        told.append("gives the answer away" if hits["rationale"] else "does not leak")
    return ", ".join(told)
