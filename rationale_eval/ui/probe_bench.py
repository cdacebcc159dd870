"""The body of Probe: text and words on the left, the answer on the right; an edit runs this part of the page alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from zlib import crc32

import streamlit as st

from rationale_eval.data.words import gold_mask
from rationale_eval.desk.desk import Desk
from rationale_eval.desk.probing import Ask, Bench, Found, Method, Model
from rationale_eval.ui import page, probe_answer, probe_edit, probe_keep, probe_words
from rationale_eval.ui.probe_keep import Edit
from rationale_eval.ui.probe_pick import Picked


@dataclass(frozen=True, slots=True)
class Subject:
    """What is on the bench.

    Args:
        picked: What was picked.
        found: The example.
        model: The open model.
    """

    picked: Picked
    found: Found
    model: Model

    @property
    def key(self) -> str:
        """Of the widgets: edits stay when another model is picked, and go with another example."""
        what = f"{self.picked.place} {self.found.example.id} {sorted(self.found.example.inputs.items())}"
        return f"probe-{crc32(what.encode('utf-8', 'replace')):08x}"


@st.fragment
def body(desk: Desk, ask: Ask, subject: Subject) -> None:
    """Everything below the pickers."""
    with page.told(desk, "probe"):
        _body(desk, ask, subject)


def _body(desk: Desk, ask: Ask, subject: Subject) -> None:
    generation = st.session_state.setdefault(f"{subject.key}-generation", 0)
    key = f"{subject.key}-{generation}"
    left, right = st.columns([3, 2], gap="large")
    with left:
        space = st.container()
        by, removal, target = _settings(subject)
        bench = Bench(ask, subject.picked.model, subject.found, removal, target)
        originals = dict(subject.found.example.inputs)
        reason = next(iter(subject.found.example.rationales), "")
        with space:
            inputs = probe_edit.fields(key, originals)
            said = probe_words.edit(key, reason)
        answers = bench.predict(originals, inputs) if inputs != originals else bench.predict(originals) * 2
        example = bench.edited(inputs)
        gold = None if example.evidence is None else gold_mask(answers[1].words, example.evidence)
        edited = probe_edit.words(key, bench, inputs, answers[1].words, by, gold)
        st.button(
            "Back to the original",
            icon=":material/undo:",
            key=f"{key}-back",
            disabled=inputs == originals and said == reason and not edited.dropped,
            on_click=_back,
            args=(subject.key,),
        )
        acts = st.container()
    with right:
        without = bench.without(inputs, edited.dropped) if edited.dropped else None
        probe_answer.show(answers[0], answers[1], without, len(edited.dropped))
        probe_words.verdict(desk, bench, inputs, subject.picked.place, reason, said)
    edit = Edit(bench, subject.picked.place, subject.picked.run, edited, said, without)
    with acts:
        probe_keep.keep(desk, edit)
    probe_keep.reproduce(desk, edit)


def _back(key: str) -> None:
    st.session_state[f"{key}-generation"] += 1


def _settings(subject: Subject) -> tuple[Method, str, str]:
    """What ranks the words, how they are taken away, and which choice is explained."""
    one, other = st.columns([3, 2], vertical_alignment="bottom")
    with one:
        by = probe_edit.method(subject.model)
    with other, st.popover("Settings", icon=":material/tune:"):
        removal = st.selectbox(
            "Words are taken away by", subject.model.removals, key="probe-removal", help=REMOVAL_HELP
        )
        names = subject.model.choices or subject.found.example.choices
        target = st.selectbox(
            "Choice that is explained", ["predicted", *names], key=f"probe-target-{'-'.join(names)[:80]}"
        )
    return by, str(removal), str(target)


REMOVAL_HELP: Final = (
    "delete closes the gap; mask and pad put a token in their place; attention hides them; zero empties their "
    "embeddings; retokenize deletes and tokenises the rest again."
)
