"""A new evaluation: of which model's highlights or which texts, by what; an estimate and the button."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import streamlit as st

from rationale_eval.desk import evaluating, facts
from rationale_eval.desk.choices import Offer, data_sets
from rationale_eval.desk.desk import Desk
from rationale_eval.desk.evaluating import Asked, Subject
from rationale_eval.ui import address, at_work
from rationale_eval.ui.compare_words import metric_name
from rationale_eval.ui.start_panel import Words, panel

NEW: Final = "evaluate"
"""In the address: the form stands there in place of the comparison."""
KIND: Final = "score"
SUBJECT: Final = "subject"
"""Likewise: what the form begins with."""

USUAL_LIMIT: Final = 100
WORDS: Final = Words(
    "evaluation",
    "Unknown: nothing alike has been evaluated here yet.",
    "Scaled by examples and methods; slow methods and metrics take longer.",
)
_KINDS: Final = {"model": "Highlights of a model", "texts": "Free-text rationales"}


def asked() -> bool:
    """Whether the form is asked for, by this very address: another page remembers nothing of it."""
    return NEW in st.query_params


def live(desk: Desk) -> None:
    """Evaluations that work or wait; compares those that have ended."""
    at_work.live(desk, "evaluate", _show)


def _show(done: list[str]) -> None:
    address.put(run=done[0], runs=None)
    st.session_state.pop("compare-runs", None)


def button() -> None:
    """Opens the form."""
    if st.button("New evaluation", icon=":material/add:", type="tertiary", key="evaluate-new"):
        st.query_params[NEW] = "1"
        st.rerun()


def back() -> None:
    """Leaves the form."""
    if st.button("Back to the comparison", icon=":material/arrow_back:", type="tertiary", key="evaluate-back"):
        _close()


def _close() -> None:
    """Leaves only what the comparison knows in the address."""
    for name in (NEW, KIND, SUBJECT):
        if name in st.query_params:
            del st.query_params[name]
    st.rerun()


def possible(desk: Desk) -> bool:
    """Whether there is anything to score."""
    return bool(evaluating.models(desk) or evaluating.written(desk))


def form(desk: Desk) -> None:
    """The form; returns after the job was queued, or with what speaks against it."""
    subjects = {"model": evaluating.models(desk), "texts": evaluating.written(desk)}
    kinds = [kind for kind, there in subjects.items() if there]
    if not kinds:
        st.caption("There is neither a trained model nor a generated text here yet. Train a model first.")
        if st.button("Open Train", icon=":material/model_training:", key="evaluate-train"):
            address.open_page("train")
        return
    left, right = st.columns([3, 2], gap="large")
    with left:
        wanted = str(st.query_params.get(KIND, ""))
        kind = st.segmented_control(
            "What to score",
            kinds,
            default=wanted if wanted in kinds else kinds[0],
            format_func=_KINDS.__getitem__,
            help="Words that a method marks as the reason for a decision, or reasons that a model wrote.",
            key="evaluate-kind",
        )
        kind = kind or kinds[0]
        found = _texts(desk, subjects[kind]) if kind == "texts" else _highlights(desk, subjects[kind])
    with right:
        panel(
            desk, WORDS, job=found.job(), missing=found.missing, started=_close,
            estimate=lambda: evaluating.estimate(desk, found),
        )  # fmt: skip


def _highlights(desk: Desk, there: Sequence[Subject]) -> Asked:
    subject = _subject("Model", there, "model")
    data = _data(desk, subject)
    with st.spinner("Reading the records of the methods; this takes some seconds, once."):
        known = {each["name"]: each for each in facts.warm_facts(desk)["methods"]}
    names = [name for name, each in known.items() if each["family"] != "control"]
    usual = [*([evaluating.LEARNED] if subject.learned else []), *evaluating.METHODS]
    methods = st.multiselect(
        "Methods",
        [name for name in names if name != evaluating.LEARNED or subject.learned],
        default=[name for name in usual if name in names],
        help="Each gives every word a score for the model's decision. 'learned' is the extractor trained with a model.",
        key=f"evaluate-methods-{subject.learned}",
    )
    others = [name for name in known if name not in names]
    controls = st.multiselect(
        "Controls",
        others,
        default=list(evaluating.CONTROLS),
        help="What a method must beat to mean anything: random scores, or people's highlights upside down.",
        key="evaluate-controls",
    )
    metrics = _metrics(texts=False)
    limit, seed = _size()
    return Asked(
        data, model=subject.offer.value, methods=tuple(methods), controls=tuple(controls), metrics=metrics,
        limit=limit, seed=seed,
    )  # fmt: skip


def _texts(desk: Desk, there: Sequence[Subject]) -> Asked:
    subject = _subject("Texts", there, "texts")
    data = _data(desk, subject)
    metrics = _metrics(texts=True)
    limit, seed = _size()
    return Asked(
        data, texts=subject.offer.value, split=subject.split, metrics=metrics, limit=limit, seed=seed
    )  # fmt: skip


def _subject(label: str, there: Sequence[Subject], name: str) -> Subject:
    known = {each.offer.value: each for each in there}
    values, wanted = list(known), str(st.query_params.get(SUBJECT, ""))
    picked = st.selectbox(
        label,
        values,
        index=values.index(wanted) if wanted in known else 0,
        format_func=lambda value: _named(known[value].offer),
        key=f"evaluate-{name}",
    )
    return known[picked]


def _data(desk: Desk, subject: Subject) -> str:
    known: Mapping[str, Offer] = {each.value: each for each in data_sets(desk)}
    values = list(known)
    usual = subject.data if subject.data is not None and subject.data in known else values[0]
    return str(
        st.selectbox(
            "Data set",
            values,
            index=values.index(usual),
            format_func=lambda value: _named(known[value]),
            help="The set that the model was trained on, or that the texts were written for, unless you pick another; "
            "the split for tests, else the one for validation.",
            key=f"evaluate-data-{subject.offer.value}",
        )
    )


def _metrics(*, texts: bool) -> tuple[str, ...]:
    offered, usual = evaluating.metrics(texts=texts)
    picked = st.multiselect(
        "Metrics",
        offered,
        default=usual,
        format_func=metric_name,
        help="Usual ones that the data has nothing for, such as plausibility without gold highlights, are left out.",
        key=f"evaluate-metrics-{texts}",
    )
    return tuple(name for name in offered if name in picked)


def _size() -> tuple[int, int]:
    left, right = st.columns(2)
    limit = left.number_input(
        "Examples", value=USUAL_LIMIT, min_value=1, step=10, help="The first so many; intervals shrink with their "
        "square root.", key="evaluate-limit",
    )  # fmt: skip
    seed = right.number_input(
        "Seed", value=0, min_value=0, step=1, help="Where random controls and sampling methods start.",
        key="evaluate-seed",
    )  # fmt: skip
    return int(limit), int(seed)


def _named(offer: Offer) -> str:
    return f"{offer.label}  {offer.about}".strip()
