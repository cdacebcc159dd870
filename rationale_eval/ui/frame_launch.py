"""A new audit: on what, which metrics, how; an estimate, the button, and the audits at work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from rationale_eval.desk import facts
from rationale_eval.desk.audit_presets import PRESETS, Asked, Preset, differing, estimate, named, preset
from rationale_eval.desk.choices import Offer, data_sets, models
from rationale_eval.desk.desk import Desk
from rationale_eval.ui import address, at_work, page
from rationale_eval.ui.frame_pick import NEW
from rationale_eval.ui.start_panel import Words, panel
from rationale_eval.ui.terms import term
from rationale_eval.ui.text import md_text

USUAL: Final = ("simulatability", "rq", "las")
ENCODER: Final = "embedded/minilm"
RATINGS: Final = "feb_human_eval"
WORDS: Final = Words(
    "audit",
    "Unknown: no audit with such simulators has finished here yet.",
    "Scaled by the number of simulators and their examples; less where some are trained already.",
)
_WEIGHTS: Final = {"np": "NP", "pt": "PT", "both": "PT and NP"}


def live(desk: Desk) -> None:
    """Audits that work or wait; shows the cards when one has ended."""
    at_work.live(desk, "audit", _show)


def _show(done: list[str]) -> None:
    address.put(audits=done, **{NEW: None})
    st.session_state.pop("frame-audits", None)


def form(desk: Desk) -> None:
    """The form; returns after the job was queued, or with what speaks against it."""
    with st.spinner("Reading the records of metrics and protocol; this takes some seconds, once."):
        known = facts.warm_facts(desk)
    audit = known["audit"]
    defaults = {each["name"]: each["default"] for each in audit["knobs"]}
    about = {each["name"]: each["what"] for each in audit["knobs"]}
    offers = data_sets(desk)
    left, right = st.columns([3, 2], gap="large")
    with left:
        data, metrics, ratings = _what(desk, offers, audit)
        size = _size()
        knobs = _knobs(desk, size, defaults, about, known)
    asked = Asked(data, tuple(metrics), differing(knobs, defaults), ratings)
    with right:
        panel(
            desk, WORDS, job=asked.job(), missing=None if asked.metrics else "Pick at least one metric.",
            estimate=lambda: estimate(desk, asked.job(), audit["views"], defaults), started=_close,
            what=", ".join(asked.metrics),
        )  # fmt: skip


def _close() -> None:
    address.put(**{NEW: None})
    st.rerun()


def _what(desk: Desk, offers: Sequence[Offer], audit: Mapping[str, Any]) -> tuple[str, list[str], str | None]:
    sets = {each.value: each for each in offers}
    asked = address.get("data")
    names = list(sets)
    data = st.selectbox(
        "Data set",
        names,
        index=names.index(asked) if asked in names else names.index("bundled/nli"),
        format_func=lambda value: f"{sets[value].label}  {sets[value].about}",
        help="It needs labels, free-text rationales, and a training split beside the one that is evaluated.",
        key="audit-data",
    )
    metrics = st.multiselect(
        "Metrics",
        list(audit["metrics"]),
        default=[name for name in USUAL if name in audit["metrics"]],
        help="Those that read a free-text rationale and need no language model.",
        key="audit-metrics",
    )
    weights = (
        st.segmented_control(
            "Simulators",
            list(_WEIGHTS),
            default="np",
            format_func=lambda name: _WEIGHTS[name],
            help=f"NP: {term('np')} Quick. PT: {term('pt')} Most of the time goes into them.",
            key="audit-weights",
        )
        or "np"
    )
    wanted = named(metrics, ("pt", "np") if weights == "both" else (weights,), audit["metrics"])
    rated = next((each for each in offers if each.value.rpartition("/")[2] == RATINGS), None)
    ratings = None
    if rated is not None and st.checkbox(
        "Hold them to people's ratings",
        help="Explanations that people rated, where they are of the same task: e-SNLI, ComVE and others.",
        key="audit-ratings",
    ):
        ratings = rated.value
    return data, wanted, ratings


def _size() -> Preset:
    names = [each.name for each in PRESETS]
    asked = address.get("size")
    picked = st.segmented_control(
        "Size",
        names,
        default=asked if asked in names else names[0],
        format_func=lambda name: md_text(preset(name).title),
        key="audit-size",
    )
    found = preset(picked)
    st.caption(md_text(found.about))
    return found


def _knobs(
    desk: Desk, size: Preset, defaults: Mapping[str, Any], about: Mapping[str, str], known: Mapping[str, Any]
) -> dict[str, Any]:
    """The knobs of the protocol; the preset's values until they are changed."""
    start = {**defaults, **size.protocol}
    key = f"audit-{size.name}"
    found = dict(start)
    with st.expander("How", icon=":material/tune:"):
        for column, name, least in zip(
            (*st.columns(2), *st.columns(2)), ("seeds", "eval_limit", "train_limit", "simulator_limit"),
            (1, 20, 50, 40), strict=True,
        ):  # fmt: skip
            found[name] = int(
                column.number_input(
                    md_text(name.replace("_", " ")),
                    value=int(start[name]),
                    min_value=least,
                    step=1,
                    help=md_text(about[name]),
                    key=f"{key}-{name}",
                )
            )
        left, right = st.columns(2)
        found["noise"] = _levels(left, "Wrong labels, per cent", start["noise"], about["noise"], f"{key}-noise")
        found["data"] = _levels(right, "Less data, per cent", start["data"], about["data"], f"{key}-data")
        left, right = st.columns(2)
        found["reference"] = left.selectbox(
            "References",
            ["verbalised", "explained"],
            index=["verbalised", "explained"].index(start["reference"]),
            help=md_text(about["reference"]),
            key=f"{key}-reference",
        )
        speakers = [each["name"] for each in known["rationalizers"]]
        found["rationalizer"] = right.selectbox(
            "Task model",
            speakers,
            index=speakers.index(start["rationalizer"]),
            help=md_text(about["rationalizer"]),
            key=f"{key}-rationalizer",
        )
        writers = [None, *(each.value for each in models(desk) if each.value != ENCODER)]
        found["paraphraser"] = st.selectbox(
            "Language model that paraphrases",
            writers,
            index=writers.index(start["paraphraser"]) if start["paraphraser"] in writers else 0,
            format_func=lambda value: "none" if value is None else str(value),
            help=f"{md_text(about['paraphraser'])} The edit 'paraphrase' can then be picked; a minute or more for "
            "each hundred rationales on a CPU.",
            key=f"{key}-paraphraser",
        )
        edits = [each["name"] for each in known["perturbations"] if found["paraphraser"] or "lm" not in each["needs"]]
        found["perturbations"] = st.multiselect(
            "Edits",
            edits,
            default=[name for name in start["perturbations"] if name in edits],
            help=md_text(about["perturbations"]),
            key=f"{key}-perturbations-{len(edits)}",
        )
        found["retrain"] = st.checkbox(
            "Train simulators on reference rationales too",
            value=bool(start["retrain"]),
            help="Axiom 1 then goes by those simulators; see docs/audit.md, section Axiom 1 against leakage.",
            key=f"{key}-retrain",
        )
    return found


def _levels(column: Any, label: str, start: Sequence[float], about: str, key: str) -> list[float]:
    text = column.text_input(
        md_text(label), value=", ".join(f"{each:g}" for each in start), help=md_text(about), key=key
    )
    found: list[float] = []
    for part in text.split(","):
        try:
            level = float(part)
        except ValueError:
            level = float("nan")
        if part.strip() and not 0 < level <= 100:
            page.problem(f"'{part.strip()}' is no percentage; write numbers above 0 and up to 100, parted by commas.")
        elif part.strip():
            found.append(level)
    return found
