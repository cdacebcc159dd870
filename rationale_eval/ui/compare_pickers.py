"""The pickers of the Compare page: evaluations, systems, metrics, part of the data, in one row."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from rationale_eval.desk.desk import Desk
from rationale_eval.ui import address, compare_data
from rationale_eval.ui.compare_data import View
from rationale_eval.ui.compare_saved import BEGIN, examples_of, link, saved
from rationale_eval.ui.compare_words import metric_name
from rationale_eval.ui.numbers import count
from rationale_eval.verbs.html import visible
from rationale_eval.verbs.systems import HIDDEN, Evaluation, first_metrics, metrics_of, opening, systems_of

MOST_RUNS: Final = 8
ALL: Final = "all examples"
ALL_PAIRS: Final = "all pairs"
_CAP: Final = 80


def pick(desk: Desk, there: Sequence[Evaluation]) -> View | None:
    """The selection, from the pickers or the address; None if it is empty, which is said on the page.

    Args:
        desk: The desk.
        there: Evaluations that could be compared; at least one.
    """
    runs, systems, metrics, slice_, against = st.columns([3, 3, 3, 2, 2])
    with runs:
        chosen = _runs(there)
    if not chosen:
        st.caption("Pick an evaluation above.")
        return None
    roster = systems_of(chosen)
    with systems:
        methods = _methods(list(dict.fromkeys(each.method for each in roster)))
    with metrics:
        keys = _metrics(metrics_of(chosen))
    with slice_:
        part = _slice(desk, chosen)
    shown = [each for each in roster if each.method in methods]
    if not shown or not keys:
        st.caption("Pick at least one system and one metric above.")
        return None
    with against:
        baseline = _baseline([each.key for each in shown], {each.key: each.label for each in shown})
    if part.ids is not None and not part.ids:
        st.caption("No example of these evaluations is in that slice.")
        return None
    return View(desk, chosen, roster, shown, methods, keys, part.name, part.ids, part.key, part.link, baseline)


def _runs(there: Sequence[Evaluation]) -> list[Evaluation]:
    known = {each.id: each for each in there}
    asked = address.get_all("runs") if "runs" in st.query_params else []
    if not asked and "run" not in st.query_params:
        asked = address.get_all("runs")
    if not asked:
        asked = [address.get("run") or ""]
    first_shown = there[opening([each.results for each in there])]
    default = _on_one_set([known[id] for id in asked if id in known]) or [first_shown]
    held = st.session_state.get("compare-runs")
    first = known.get(held[0]) if held else (default[0] if held is None else None)
    options = [each.id for each in there if first is None or each.fingerprint == first.fingerprint]
    picked = st.multiselect(
        "Evaluations",
        options,
        default=[each.id for each in default if each.id in options],
        format_func=lambda id: _run_name(known[id]),
        max_selections=MOST_RUNS,
        key="compare-runs",
        help="One compares its methods; several must be on the same data. Clear it to change the data.",
    )
    address.put(run=picked[0] if picked else None, runs=list(picked) if len(picked) > 1 else None)
    return [known[id] for id in picked]


def _on_one_set(chosen: Sequence[Evaluation]) -> list[Evaluation]:
    return [each for each in chosen if each.fingerprint == chosen[0].fingerprint][:MOST_RUNS]


def _run_name(each: Evaluation) -> str:
    where = f"{each.data} {each.split}".strip()
    return f"{_plain(where)}, {count(each.examples, 'example')} · {_plain(each.title)} · {each.id[-4:]}"


def _methods(there: Sequence[str]) -> list[str]:
    asked = [name for name in _asked("methods", "systems") if name in there]
    usual = [name for name in there if name not in HIDDEN]
    picked = st.multiselect(
        "Systems",
        there,
        default=asked or usual,
        format_func=_plain,
        key="compare-systems",
        help="Methods, and controls beside them. Random is drawn as a line: what no rationale should fall below.",
    )
    address.put(methods=[name for name in there if name in picked] if set(picked) != set(usual) else None)
    return [name for name in there if name in picked]


def _metrics(there: Sequence[str]) -> list[str]:
    asked = _known(_asked("metrics", "metric"), there)
    usual = first_metrics(there)
    picked = st.multiselect(
        "Metrics",
        there,
        default=asked or usual,
        format_func=metric_name,
        key="compare-metrics",
        help="Every metric under every variant that was computed.",
    )
    address.put(metrics=[key for key in there if key in picked] if set(picked) != set(usual) else None)
    return [key for key in there if key in picked]


def _asked(own: str, shared: str) -> list[str]:
    """Values of this page, or those of a link from another one.

    What another page remembers is not asked: one system that was looked at there leaves nothing to compare here.
    """
    return address.get_all(own) or (address.get_all(shared) if shared in st.query_params else [])


def _known(asked: Sequence[str], there: Sequence[str]) -> list[str]:
    """Metrics by "name:variant", or by name, which means the first variant that is there."""
    found = []
    for name in asked:
        key = name if name in there else next((each for each in there if each.partition(":")[0] == name), None)
        if key is not None and key not in found:
            found.append(key)
    return found


def _slice(desk: Desk, chosen: Sequence[Evaluation]) -> _Part:
    parts, kept = compare_data.slices(desk, chosen), saved(desk)
    options = [ALL, *parts, *kept]
    asked = address.get("slice") or ALL
    asked = asked if asked in options else f"{BEGIN}{asked}"
    picked = st.selectbox(
        "Slice",
        options,
        index=options.index(asked) if asked in options else 0,
        format_func=lambda name: f"{_plain(name)} ({len(parts[name]):,})" if name in parts else _plain(name),
        key="compare-slice",
        help="Only these examples count, in every number and test below. Slices are saved on the page Examples.",
    )
    if picked in parts:
        address.put(slice=picked)
        return _Part(picked, tuple(parts[picked]), {"slice": [picked]})
    if picked in kept:
        address.put(slice=kept[picked].text)
        return _Part(picked, examples_of(desk, chosen, kept[picked]), link(kept[picked]))
    address.put(slice=None)
    return _Part(None, None, {})


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the data: its name, its examples (None for all), how the page Examples filters by it."""

    name: str | None
    ids: tuple[str, ...] | None
    link: dict[str, list[str]]

    @property
    def key(self) -> str:
        return "" if self.ids is None else hashlib.sha256("\n".join(self.ids).encode()).hexdigest()


def _baseline(there: Sequence[str], labels: Mapping[str, str]) -> str | None:
    options = [ALL_PAIRS, *there]
    asked = address.get("baseline")
    picked = st.selectbox(
        "Tests",
        options,
        index=options.index(asked) if asked in options else 0,
        format_func=lambda name: _plain(name) if name == ALL_PAIRS else f"against {_plain(labels.get(name, name))}",
        key="compare-baseline",
        help="Fewer tests leave more power to each: Holm's correction counts all that are shown.",
    )
    chosen = picked if picked in there else None
    address.put(baseline=chosen)
    return chosen


def _plain(text: object) -> str:
    """For options of pickers, which show text as it is."""
    shown, more = visible(text, _CAP)
    return shown + ("…" if more else "")
