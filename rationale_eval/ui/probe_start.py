"""Before there is something on the bench of Probe: no model yet, a model that is being opened, a text to be typed."""

from __future__ import annotations

from typing import Final

import streamlit as st

from rationale_eval.data.example import Task
from rationale_eval.desk import probing
from rationale_eval.desk.desk import Desk
from rationale_eval.desk.probing import TYPED, Found, Model
from rationale_eval.errors import RationaleEvalError
from rationale_eval.ui import page, states
from rationale_eval.ui.probe_bench import Subject
from rationale_eval.ui.probe_pick import Picked, asker
from rationale_eval.ui.text import md_text
from rationale_eval.workspace.status import PENDING

DATA: Final = "bundled/nli"
FIRST_MODEL: Final = {
    "kind": "train",
    "recipe": "fine_tune",
    "data": DATA,
    "model": "embedded/minilm",
    "config": {"epochs": 12, "batch_size": 16, "lr": 1e-4},
}
"""A training that ends within minutes on a CPU."""

MOST_CHOICES: Final = 20
_LOOK: Final = 2.0


def empty(desk: Desk) -> None:
    """No model that chooses: what the page shows, and a button that trains one."""
    page.empty(
        "No model to probe yet",
        "Here you change a text word by word and see how a model's decision moves, which words it hangs on, and "
        "whether a reason in words helps to guess it. That needs a model that was trained to choose.",
    )
    if not _training(desk) and st.button(
        "Train a small model on the bundled set",
        type="primary",
        icon=":material/model_training:",
        disabled=desk.access.read_only,
        help="MiniLM on 168 examples of bundled/nli: one to three minutes on two cores.",
    ):
        desk.launch(dict(FIRST_MODEL))
        st.rerun()


def _training(desk: Desk) -> bool:
    live = desk.runs(kind="train", states=PENDING, limit=1)
    if live:
        _waiting(desk)
    return bool(live)


@st.fragment(run_every=_LOOK)
def _waiting(desk: Desk) -> None:
    """The first training with its progress; the page looks again when it has ended."""
    live = desk.runs(kind="train", states=PENDING, limit=1)
    if not live:
        st.rerun()
    one = live[0]
    with st.container(border=True):
        st.caption(md_text(f"{one.row.title or 'training'}: {one.row.state}"))
        if one.progress is not None:
            states.progress_line(one.progress)


def open_subject(desk: Desk, picked: Picked) -> Subject | None:
    """Opens the model, and takes what is typed where no data set is picked; None while something is missing."""
    try:
        task = Task("typed", "open", ()) if picked.found is None else picked.found.task
        model = _opened(desk, picked, task)
        found = picked.found if picked.found is not None else _typed(model)
        return None if found is None else Subject(picked, probing.for_model(found, model), model)
    except RationaleEvalError as error:
        page.problem(str(error))
        return None


def _opened(desk: Desk, picked: Picked, task: Task) -> Model:
    with st.spinner("Opening the model; the first time after a start this takes up to half a minute", show_time=True):
        return probing.open_model(asker(desk), picked.model, task)


def _typed(model: Model) -> Found | None:
    """An example of one's own."""
    with st.container(border=True):
        st.caption("Type an example; below it is edited.")
        names = model.fields or ("text",)
        inputs = {name: st.text_input(md_text(name), key=f"probe-{TYPED}-{name}") for name in names}
        offered = model.choices
        if offered is None:
            said = st.text_input("Choices, parted by ;", key=f"probe-{TYPED}-choices", placeholder="yes; no")
            offered = tuple(dict.fromkeys(part.strip() for part in said.split(";") if part.strip()))[:MOST_CHOICES]
    if not all(text.strip() for text in inputs.values()) or len(offered) < 2:
        st.caption("Fill in every field to see the answer.")
        return None
    return probing.typed(inputs, offered)
