"""How examples and reports look on a terminal. Outside text is only ever text: no markup in it is followed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from rationale_eval.data.check import DataReport, Spread
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.data.rejections import Group

MARK = "bold black on yellow"
BAR_WIDTH = 24
_CONTROLS = dict.fromkeys([*range(9), *range(11, 32), *range(127, 160)], "�")
_CONTROLS |= dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)], "\N{REPLACEMENT CHARACTER}")
"""Terminal commands and direction overrides, shown as a sign of the same length so that offsets stay right."""


def visible(text: str) -> str:
    """The text with control characters made harmless, character for character."""
    return text.translate(_CONTROLS)


def highlighted(text: str, spans: Sequence[tuple[int, int]]) -> Text:
    """Text with marked spans; on a terminal without colours they stand in brackets."""
    shown = Text(visible(text))
    for start, end in spans:
        shown.stylize(MARK, start, end)
    return shown


def bracketed(text: str, spans: Sequence[tuple[int, int]]) -> Text:
    """Text with marked spans in square brackets."""
    shown, last = "", 0
    for start, end in spans:
        shown += f"{text[last:start]}[{text[start:end]}]"
        last = end
    return Text(visible(shown + text[last:]))


def print_examples(data: RationaleDataset, examples: Sequence[Example], console: Console | None = None) -> None:
    """Prints examples as panels: inputs with highlights, choices with the right one ticked, rationales."""
    console = console or Console()
    head = Text.assemble((data.name, "bold"), f"  {data.split} split, task {data.task.name}, {data.word_rule} words")
    console.print(head)
    for line in data.origin.mapping:
        console.print(Text(f"  {line}", "dim"))
    mark = highlighted if console.color_system else bracketed
    for example in examples:
        body = Table.grid(padding=(0, 2))
        body.add_column(style="dim", no_wrap=True)
        body.add_column()
        for name, text in example.inputs.items():
            spans = (example.evidence or {}).get(name, ())
            body.add_row(Text(name), mark(text, spans))
        if example.choices:
            body.add_row("label", _choices(example))
        if example.answer is not None:
            body.add_row("answer", Text(visible(example.answer)))
        for number, text in enumerate(example.rationales, start=1):
            body.add_row("rationale" if number == 1 else "", Text(visible(text), "italic"))
        if example.evidence is None:
            body.add_row("highlights", Text("not annotated", "dim"))
        console.print(Panel(body, title=Text(visible(example.id)), title_align="left", border_style="dim"))


def _choices(example: Example) -> Text:
    parts = []
    for place, choice in enumerate(example.choices):
        right = place == example.label
        parts.append(Text(f"{'✓ ' if right else ''}{visible(choice)}", "bold green" if right else "dim"))
    return Text("   ").join(parts)


def print_report(report: DataReport, console: Console | None = None) -> None:
    """Prints the facts of a report, then what deserves a look, then the rejected rows."""
    console = console or Console()
    console.print(Text.assemble((report.name, "bold"), f"  {report.split} split, {report.task}"))
    for line in report.mapping:
        console.print(Text(f"  {line}", "dim"))
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column()
    facts.add_row("examples", f"{report.rows:,}" + (f", {report.rejected:,} rows rejected" if report.rejected else ""))
    facts.add_row("words", f"{_spread(report.words)} ({report.word_rule} rule)")
    facts.add_row("free text", _share(report.with_text, report.rows) + _words(report.with_text, report.text_words))
    marked = f", {report.marked_share:.0%} of the words marked" if report.marked_share is not None else ""
    empty = f", nothing marked in {report.nothing_marked:,}" if report.nothing_marked else ""
    facts.add_row("highlights", _share(report.with_evidence, report.rows) + marked + empty)
    if report.several_annotators:
        facts.add_row("", f"{report.several_annotators:,} examples by several annotators")
    facts.add_row("duplicates", f"{report.duplicates:,}, {report.conflicting:,} with another label")
    for split, count in report.overlap.items():
        near = report.near_overlap[split] - count
        but = f", {near:,} more but for case, spaces and punctuation" if near else ""
        facts.add_row(f"also in {split}", f"{count:,}{but}")
    if report.unlabelled:
        facts.add_row("without label", f"{report.unlabelled:,}")
    console.print(Padding(facts, (0, 2)))
    if report.labels:
        console.print(Padding(_bars(report), (1, 2)))
    for sentence in report.warnings():
        console.print(Text(f"! {visible(sentence)}", "yellow"))
    for group in report.groups:
        _print_group(console, group)
    if not report.warnings():
        console.print(Text("Nothing suspicious was found.", "green"))


def _bars(report: DataReport) -> Table:
    most, total = max(report.labels.values()), sum(report.labels.values())
    bars = Table.grid(padding=(0, 2))
    for name, count in list(report.labels.items())[:20]:
        length = max(1, round(BAR_WIDTH * count / most))
        bars.add_row(Text(visible(name)), Text("█" * length, "cyan"), f"{count:,}", f"{count / total:.1%}")
    if len(report.labels) > 20:
        bars.add_row(f"and {len(report.labels) - 20} more", "", "", "")
    return bars


def _print_group(console: Console, group: Group) -> None:
    where = f"field '{group.field}' " if group.field else ""
    rows = ", ".join(str(one.row) for one in group.first)
    more = " ..." if group.count > len(group.first) else ""
    console.print(Text(visible(f"  {group.count:,} x {where}{group.reason} (rows {rows}{more})"), "red"))


def _spread(spread: Spread) -> str:
    if spread.least == spread.most:
        return f"{spread.most:,}"
    return f"{spread.least:,} to {spread.most:,}, median {spread.median:g}"


def _share(count: int, rows: int) -> str:
    return f"{count:,} of {rows:,} examples ({count / rows:.0%})" if count and rows else "none"


def _words(count: int, spread: Spread) -> str:
    return f", {_spread(spread)} words" if count else ""
