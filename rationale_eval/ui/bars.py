"""Probabilities before and after as bars: drawn as text in a template of ours, which is quicker than a chart.

What was is an outline, what is now is filled; the numbers stand beside, so that nothing is said by colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from rationale_eval.ui.numbers import number
from rationale_eval.ui.text import html_text

NAME: Final = 80
"""Characters of a choice beside its bar."""

STYLE: Final = """<style>
.rx-bars{display:grid;grid-template-columns:minmax(5rem,auto) minmax(6rem,1fr) auto;gap:.55rem .7rem;align-items:center;
font-size:.9rem;margin:.2rem 0 .4rem}
.rx-bars .rx-choice{overflow-wrap:anywhere;max-width:14rem}
.rx-track{position:relative;height:1.35rem;border-radius:4px;background:rgba(128,128,128,.14)}
.rx-now,.rx-was{position:absolute;left:0;top:0;bottom:0;border-radius:4px;box-sizing:border-box}
.rx-now{background:light-dark(#0072b2,#56b4e9)}
.rx-was{border:2px solid light-dark(#3c424b,#d5d9e0);background:transparent}
.rx-two{font-variant-numeric:tabular-nums;white-space:nowrap}
.rx-first{font-weight:600}
.rx-bars-key{display:flex;gap:1.1rem;font-size:.78rem;opacity:.85;margin-bottom:.3rem}
.rx-bars-key span span{display:inline-block;width:1.4rem;height:.7rem;border-radius:3px;vertical-align:-1px;
margin-right:.35rem;position:static}
</style>"""

KEY: Final = (
    '<div class="rx-bars-key"><span><span class="rx-was"></span>before</span>'
    '<span><span class="rx-now"></span>after</span></div>'
)


def show(choices: Sequence[str], before: Sequence[float], after: Sequence[float]) -> None:
    """Draws one row for each choice.

    Args:
        choices: Their names.
        before: Probabilities as they were.
        after: Probabilities as they are.
    """
    st.html(bars(choices, before, after))


def bars(choices: Sequence[str], before: Sequence[float], after: Sequence[float]) -> str:
    """The rows as HTML; see `show`."""
    first = max(range(len(choices)), key=lambda place: after[place])
    rows = [_row(choices[place], before[place], after[place], place == first) for place in range(len(choices))]
    return f'{STYLE}{KEY}<div class="rx-bars">{"".join(rows)}</div>'


def _row(choice: str, was: float, now: float, first: bool) -> str:
    name = html_text(choice, cap=NAME)
    weight = " rx-first" if first else ""
    return (
        f'<div class="rx-choice{weight}">{name}</div>'
        f'<div class="rx-track" role="img" aria-label="{name}: {number(was)} before, {number(now)} after">'
        f'<div class="rx-now" style="width:{_percent(now):.2f}%" title="after: {now:.8f}"></div>'
        f'<div class="rx-was" style="width:{_percent(was):.2f}%" title="before: {was:.8f}"></div></div>'
        f'<div class="rx-two{weight}">{number(was)} → {number(now)}</div>'
    )


def _percent(share: float) -> float:
    return 100 * min(1.0, max(0.0, share if share == share else 0.0))
