"""Charts of a report: values and their intervals as SVG."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from rationale_eval.verbs.html import html_text
from rationale_eval.verbs.metric_words import cell
from rationale_eval.verbs.numbers import number

if TYPE_CHECKING:
    import pandas as pd

WIDTH: Final = 400
NAMES: Final = 150
"""Units of the width for the names of the systems."""

EDGE: Final = 14
ROW: Final = 22
LINE: Final = "random"


def panel(rows: pd.DataFrame) -> str:
    """One metric: a dot and its interval for each system, the random control as a dotted line with its band.

    Args:
        rows: Corpus values of one metric, see `side_by_side.stored`, with a column `control`.
    """
    ends = [x for name in ("value", "ci_low", "ci_high") for x in rows[name] if math.isfinite(x)]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    if high - low < 1e-12:
        low, high = low - 0.5, high + 0.5

    def x(value: float) -> str:
        return f"{NAMES + (WIDTH - NAMES - EDGE) * (value - low) / (high - low):.1f}"

    lines = rows[rows["method"] == LINE] if (rows["method"] != LINE).any() else rows.iloc[:0]
    dots = rows.drop(lines.index)
    bottom = 18 + ROW * len(dots)
    drawn = [f'<svg viewBox="0 0 {WIDTH} {bottom + 22}" role="img" aria-label="{html_text(_words(rows), cap=1500)}">']
    for row in lines.itertuples():
        if math.isfinite(row.ci_low):
            drawn.append(
                f'<rect x="{x(row.ci_low)}" y="14" width="{float(x(row.ci_high)) - float(x(row.ci_low)):.1f}" '
                f'height="{bottom - 14}" fill="#8a8f98" opacity="0.15"/>'
            )
        if math.isfinite(row.value):
            name = html_text(row.label, cap=24)
            drawn.append(
                f'<path d="M{x(row.value)} 14V{bottom}" stroke="#8a8f98" stroke-width="1.5" stroke-dasharray="2 3"/>'
                f'<text class="quiet" x="{x(row.value)}" y="10" text-anchor="middle">{name}</text>'
            )
    for place, row in enumerate(dots.itertuples()):
        y = 14 + ROW * place + ROW / 2
        drawn.append(f'<text x="0" y="{y + 4:.0f}">{html_text(row.label, cap=24)}</text>')
        if not math.isfinite(row.value):
            drawn.append(f'<text class="quiet" x="{NAMES}" y="{y + 4:.0f}">not defined ({row.undefined:,})</text>')
            continue
        if math.isfinite(row.ci_low):
            drawn.append(f'<path d="M{x(row.ci_low)} {y}H{x(row.ci_high)}" stroke="#8a8f98" stroke-width="1.5"/>')
        fill = "#8a8f98" if row.control else "var(--dot)"
        drawn.append(f'<circle cx="{x(row.value)}" cy="{y}" r="4.5" style="fill: {fill}"/>')
    drawn.append(f'<path d="M{NAMES} {bottom}H{WIDTH - EDGE}" stroke="#8a8f98" stroke-width="0.5"/>')
    for at, anchor in ((low, "start"), ((low + high) / 2, "middle"), (high, "end")):
        drawn.append(f'<text class="quiet" x="{x(at)}" y="{bottom + 16}" text-anchor="{anchor}">{number(at)}</text>')
    return "".join([*drawn, "</svg>"])


def _words(rows: pd.DataFrame) -> str:
    return "; ".join(
        f"{row.label} {cell(row.value, row.ci_low, row.ci_high, row.undefined)}" for row in rows.itertuples()
    )
