"""A comparison as one HTML file that needs nothing else: inert, readable in both themes, with all that repeats it.

The file forbids itself everything but its own inline style (Content-Security-Policy): no script runs and nothing is
loaded, whatever a name in it says. Charts are SVG of our own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rationale_eval.verbs.html import html_text
from rationale_eval.verbs.metric_words import BETTER, cell, facts, metric_name
from rationale_eval.verbs.numbers import count, interval, number
from rationale_eval.verbs.report_charts import panel

if TYPE_CHECKING:
    import pandas as pd

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

STYLE: Final = """
:root { color-scheme: light dark; --text: #1c2836; --quiet: #667085; --line: #d9dde3; --dot: #0072b2; --back: #ffffff }
@media (prefers-color-scheme: dark) {
 :root { --text: #e6e9ee; --quiet: #9aa4b2; --line: #3a4452; --dot: #56b4e9; --back: #12161c } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); max-width: 75rem;
 margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; margin-bottom: 0 } h2 { font-size: 1.15rem; margin-top: 2.2rem }
.quiet, caption, figcaption { color: var(--quiet); font-size: 0.9rem; text-align: left }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); gap: 1rem }
figure { margin: 0; border: 1px solid var(--line); border-radius: 8px; padding: 0.7rem; break-inside: avoid }
figure b { display: block } svg { width: 100%; height: auto } svg text { fill: var(--text); font-size: 11px }
svg text.quiet { fill: var(--quiet); font-size: 10px }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.9rem }
th, td { border-bottom: 1px solid var(--line); padding: 0.25rem 0.7rem; text-align: left; white-space: nowrap }
code { font: 0.85rem ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap }
dt { font-weight: 600; margin-top: 0.8rem } dd { margin-left: 0 }
"""


@dataclass(frozen=True, slots=True)
class About:
    """Where the numbers of a report come from.

    Args:
        title: Heading.
        runs: Evaluation by id: what it was evaluated on and how (`Result.provenance`).
        commands: The commands that made them, where they are known.
        command: The command that prints these tests.
        part: Which part of the data counts, or None for all of it.
        made: When the report was made.
    """

    title: str
    runs: Mapping[str, Mapping[str, Any]]
    commands: Sequence[str]
    command: str
    part: str | None = None
    made: str = ""


def report(
    values: pd.DataFrame, tests: pd.DataFrame, about: About, gain: tuple[pd.DataFrame, str] | None = None
) -> str:
    """The report.

    Args:
        values: Corpus values, see `side_by_side.stored`.
        tests: Paired tests, see `verbs.compare.compare`; may be empty.
        about: Where they come from.
        gain: Relative gains and a note, see `side_by_side.gains`.

    Returns:
        A whole HTML document.
    """
    labels = dict(zip(values["system"], values["label"], strict=True))
    keys = list(dict.fromkeys(values["key"]))
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{html_text(about.title, cap=200)}</title><style>{STYLE}</style></head><body>",
        f"<h1>{html_text(about.title, cap=200)}</h1>",
        f'<p class="quiet">{_where(about)}</p>',
        "<h2>Values</h2>",
        '<p class="quiet">Value and 95 % bootstrap interval. The dotted line is the random control.</p>',
        f'<div class="panels">{"".join(_figure(key, values, tests, labels) for key in keys)}</div>',
        _values(values, keys),
        _tests(tests, labels),
        _gains(gain, labels),
        _definitions(keys),
        _provenance(about),
        "</body></html>",
    ]
    return "\n".join(filter(None, parts)) + "\n"


def _where(about: About) -> str:
    data = next(iter(about.runs.values()), {}).get("data") or {}
    where = f"{data.get('name', 'unknown data')} {data.get('split', '')}".strip()
    said = [html_text(where), html_text(about.part) if about.part else "all examples", html_text(about.made)]
    return " · ".join(filter(None, said))


def _figure(key: str, values: pd.DataFrame, tests: pd.DataFrame, labels: Mapping[str, str]) -> str:
    rows = values[values["key"] == key]
    caption = f"<figcaption>{_outcomes(key, tests, labels)}</figcaption>"
    return f"<figure><b>{html_text(metric_name(key))}</b>{panel(rows)}{caption}</figure>"


def _outcomes(key: str, tests: pd.DataFrame, labels: Mapping[str, str]) -> str:
    metric, _, variant = key.partition(":")
    own = tests[(tests["metric"] == metric) & (tests["variant"] == variant)] if len(tests) else tests
    clear = own[own["better"] != ""] if len(own) else own
    said = [
        f"{html_text(labels.get(row.better, row.better), cap=60)} &gt; {html_text(labels.get(other, other), cap=60)}"
        for row in clear.itertuples()
        for other in (row.second if row.better == row.first else row.first,)
    ]
    ties = len(own) - len(clear)
    return "; ".join([*said, *([count(ties, "tie")] if ties else [])])


def _values(values: pd.DataFrame, keys: Sequence[str]) -> str:
    rows = {(row.system, row.key): row for row in values.itertuples()}
    systems = dict.fromkeys(zip(values["system"], values["label"], strict=True))
    lines = []
    for system, label in systems:
        cells = [html_text(label, cap=80)]
        for key in keys:
            row = rows.get((system, key))
            shown = "" if row is None else html_text(cell(row.value, row.ci_low, row.ci_high, row.undefined))
            cells.append(f"<b>{shown}</b>" if row is not None and row.best else shown)
        lines.append(cells)
    heads = ["system", *(html_text(metric_name(key)) for key in keys)]
    missing = values[values["undefined"] > 0]
    notes = [
        f"{html_text(row.label, cap=60)}, {html_text(metric_name(row.key))}: n {row.n:,}, coverage {row.coverage:.1%} "
        f"({html_text(row.reasons, cap=300)})"
        for row in missing.itertuples()
    ]
    sizes = sorted(set(values["n"]))
    n = f"n {sizes[0]:,}" if len(sizes) == 1 else f"n {sizes[0]:,} to {sizes[-1]:,}"
    note = f"{n}; the best method of each metric is bold, controls are never best."
    return _table(heads, lines, note) + "".join(f'<p class="quiet">{each}</p>' for each in notes)


def _tests(tests: pd.DataFrame, labels: Mapping[str, str]) -> str:
    if not len(tests):
        return ""
    heads = ["metric", "first", "second", "difference", "95 % interval", "p", "p (Holm)", "pairs", "better", "test"]
    lines = [
        [
            html_text(metric_name(f"{row.metric}:{row.variant}")),
            html_text(labels.get(row.first, row.first), cap=80),
            html_text(labels.get(row.second, row.second), cap=80),
            number(row.difference),
            interval(row.ci_low, row.ci_high),
            number(row.p),
            number(row.p_holm),
            f"{row.n_pairs:,}",
            html_text(labels.get(row.better, row.better), cap=80) if row.better else "tie",
            html_text(row.test),
        ]
        for row in tests.itertuples()
    ]
    note = (
        f"Paired tests, corrected by Holm over all {len(tests):,}. Better: corrected p below 0.05. "
        "A tie is no proof that two systems are equal."
    )
    folded = f"<details><summary>All {count(len(tests), 'paired test')}</summary>{_table(heads, lines, '')}</details>"
    return f'<h2>Tests</h2><p class="quiet">{note}</p>{folded}'


def _gains(gain: tuple[pd.DataFrame, str] | None, labels: Mapping[str, str]) -> str:
    if gain is None:
        return ""
    table, note = gain
    heads = [html_text(name) for name in table.columns]
    lines = [
        [html_text(labels.get(row[0], row[0]), cap=80), *(number(each) for each in row[1:])]
        for row in table.itertuples(index=False)
    ]
    return f"<h2>Normalized relative gain</h2>{_table(heads, lines, html_text(note))}"


def _definitions(keys: Sequence[str]) -> str:
    found = [each for each in (facts(name) for name in dict.fromkeys(key.partition(":")[0] for key in keys)) if each]
    items = [
        f"<dt>{html_text(each.title)}</dt><dd><code>{html_text(each.formula)}</code><br>{html_text(each.describe)} "
        f'{html_text(each.avoid)}<br><span class="quiet">{BETTER[each.direction]}; {html_text(each.cite)}</span></dd>'
        for each in found
    ]
    return f"<h2>What is measured</h2><dl>{''.join(items)}</dl>" if items else ""


def _provenance(about: About) -> str:
    lines = []
    for id, provenance in about.runs.items():
        data, model = provenance.get("data") or {}, provenance.get("model") or {}
        lines.append(
            [
                html_text(id),
                html_text(f"{data.get('name', '')} {data.get('split', '')} ({data.get('examples', '')})"),
                html_text(str(data.get("fingerprint", ""))[:16]),
                html_text(model.get("name", "")),
                html_text(str(model.get("fingerprint", ""))[:16]),
                html_text(provenance.get("seed", "")),
            ]
        )
    heads = ["evaluation", "data (examples)", "data fingerprint", "model", "model fingerprint", "seed"]
    commands = "".join(f"<p><code>{html_text(each)}</code></p>" for each in [*about.commands, about.command] if each)
    return f"<h2>Where it comes from</h2>{_table(heads, lines, '')}{commands}"


def _table(heads: Collection[str], lines: Collection[Sequence[str]], note: str) -> str:
    """Cells and note are HTML already."""
    head = "".join(f"<th>{each}</th>" for each in heads)
    body = "".join(f"<tr>{''.join(f'<td>{each}</td>' for each in line)}</tr>" for line in lines)
    caption = f"<caption>{note}</caption>" if note else ""
    return f'<div class="scroll"><table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
