"""The end of Probe: an edit is kept as an example of one's own, listed, downloaded; and how to get the same numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import streamlit as st

from rationale_eval.data.example import Example
from rationale_eval.desk.desk import Desk
from rationale_eval.desk.edits import Edits, cut
from rationale_eval.desk.probing import TYPED, Bench, Place, Without
from rationale_eval.errors import RationaleEvalError
from rationale_eval.ui import page
from rationale_eval.ui.numbers import count
from rationale_eval.ui.probe_edit import Edited
from rationale_eval.ui.text import md_text

UNKNOWN: Final = "not known"


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """An edit as it stands.

    Args:
        bench: Model and example.
        place: Where the example comes from.
        run: The evaluation it was opened from, or None.
        edited: Texts and dropped words.
        reason: The reason in words.
        without: The answers without the dropped words; None where none is dropped.
    """

    bench: Bench
    place: Place
    run: str | None
    edited: Edited
    reason: str
    without: Without | None


def keep(desk: Desk, edit: Edit) -> None:
    """The button that keeps the edit, and what was kept."""
    store = Edits(desk.workspace, desk.access)
    example = edit.bench.found.example
    with st.popover("Keep as example", icon=":material/bookmark_add:", disabled=desk.access.read_only):
        name = st.text_input("Name of the set", _name(edit.place), key=f"probe-keep-name-{_name(edit.place)}")
        labels = [UNKNOWN, *example.choices]
        place = 0 if example.label is None else 1 + example.label
        label = st.selectbox(
            "Right choice now",
            range(len(labels)),
            index=place,
            format_func=lambda at: labels[at],
            key=f"probe-keep-label-{example.id}",
            help="An edit can change what is right.",
        )
        st.caption("Dropped words are cut out of the text. Origin, edit and answers are stored with it.")
        if st.button("Keep", type="primary", key="probe-keep"):
            _keep(store, edit, name, None if label == 0 else label - 1)
    listed = store.all()
    if listed:
        with st.expander(f"Kept edits: {count(sum(each.examples for each in listed), 'example')}"):
            for each in listed:
                with st.container(horizontal=True, vertical_alignment="center"):
                    st.text(f"edits/{each.name}: {count(each.examples, 'example')}")
                    st.download_button(
                        "Download JSONL",
                        data=lambda path=each.path: Path(path).read_bytes(),  # type: ignore[misc]
                        file_name=f"{each.name}.jsonl",
                        mime="application/jsonl",
                        key=f"probe-kept-{each.name}",
                        on_click="ignore",
                        icon=":material/download:",
                        type="tertiary",
                    )


def reproduce(desk: Desk, edit: Edit) -> None:
    """The command line for the data set, and the script for this very edit."""
    by, place = edit.edited.method, edit.place
    if place.data != TYPED:
        words = ["extract", "--data", place.data, "--split", place.split, "--model", edit.bench.model]
        words += ["--methods", by.name, "--target", edit.bench.target]
        words += [word for name, value in by.params.items() for word in ("--set", f"{by.name}.{name}={value}")]
        words += [word for pair in place.mapping for word in ("--map", "=".join(pair))]
        words += ["--workspace", str(desk.workspace.path)]
        page.reproduce(*words, note="Word scores and answers of the whole split. A kept set is a data set like others.")
    page.command(script(desk, edit), note="The answers to this text, and without the dropped words.", python=True)


def script(desk: Desk, edit: Edit) -> str:
    """A script that computes the numbers of the picture."""
    bench = edit.bench
    example = replace(bench.edited(edit.edited.inputs), meta={}, rationales=(), annotators=(), evidence=None)
    task = repr(bench.found.task)
    return "\n".join(
        [
            "import rationale_eval as rx",
            "from rationale_eval.data.example import Example, Task",
            "from rationale_eval.data.words import split_words",
            "from rationale_eval.engine.case import Case",
            "from rationale_eval.engine.run import Engine",
            "",
            f"model = rx.load_model({bench.model!r}, workspace={str(desk.workspace.path)!r})"
            if bench.model.startswith("run:")
            else f"model = rx.load_model({bench.model!r}, task={task})",
            f"example = {example!r}",
            f"words = split_words(example, {bench.found.rule!r})",
            "case = Case(example, words, encoding=model.encode(example, words))",
            f"questions = [case.whole(), case.without({list(edit.edited.dropped)!r}, {bench.removal!r})]",
            "for answer in Engine(model).answer(questions):",
            "    print(dict(zip(model.choices or example.choices, answer.tolist())))",
        ]
    )


def _keep(store: Edits, edit: Edit, name: str, label: int | None) -> None:
    try:
        example = _example(edit, label)
        (answer,) = edit.bench.predict(example.inputs)
        kept = store.keep(
            name.strip(), example, _about(edit, dict(zip(answer.choices, answer.probabilities.tolist(), strict=True)))
        )
    except RationaleEvalError as error:
        page.problem(str(error))
        return
    st.success(f"Kept in edits/{md_text(kept.name)}, which now holds {count(kept.examples, 'example')}.")


def _example(edit: Edit, label: int | None) -> Example:
    inputs = cut(edit.edited.inputs, edit.edited.words, edit.edited.dropped)
    changed = edit.bench.edited(inputs)
    return replace(changed, label=label, rationales=(edit.reason.strip(),) if edit.reason.strip() else ())


def _about(edit: Edit, answer: dict[str, float]) -> dict[str, Any]:
    """Where a kept example came from, and what the model answers to it."""
    original, edited = edit.bench.found.example, edit.edited
    spans = [[edited.words[at].field, edited.words[at].start, edited.words[at].end] for at in edited.dropped]
    return {
        "origin": {"data": edit.place.data, "split": edit.place.split, "example": original.id, "run": edit.run},
        "before": dict(original.inputs),
        "edited": dict(edited.inputs),
        "dropped": spans,
        "label_before": original.label,
        "model": edit.bench.model,
        "answer": answer,
    }


def _name(place: Place) -> str:
    plain = re.sub(r"[^A-Za-z0-9]+", "-", Path(place.data).name).strip("-")
    return f"{plain or 'my'}-edits"[:40]
