"""Slices that were saved on the page Examples, as parts of the data to compare on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rationale_eval.desk.desk import Desk
from rationale_eval.desk.notes import Note, Notes
from rationale_eval.desk.slate_query import rows, select
from rationale_eval.desk.sources import Source
from rationale_eval.ui.examples import marked, opened
from rationale_eval.ui.examples_table import ID
from rationale_eval.ui.examples_view import WHICH, View, filter_of
from rationale_eval.verbs.systems import Evaluation

BEGIN: Final = "saved: "
"""Before the name of a saved slice, so that none is taken for one of the page's own."""


def saved(desk: Desk) -> dict[str, Note]:
    """Saved slices by the name the picker shows."""
    return {f"{BEGIN}{each.text}": each for each in Notes(desk.workspace, desk.access).slices()}


def examples_of(desk: Desk, chosen: Sequence[Evaluation], slice: Note) -> tuple[str, ...]:
    """Ids of the examples that fit a saved slice, in the data set's order.

    What it says about numbers and answers of systems that these evaluations lack is passed over, as on the page
    Examples.
    """
    slate = opened([Source(desk.run(each.id), desk) for each in chosen])
    seen = View({name: list(values) for name, values in slice.view.items()})
    own = [each for each in Notes(desk.workspace, desk.access).all() if each.data == slate.about.data]
    places = select(slate, filter_of(seen, slate, marked(seen, own)))
    return tuple(rows(slate, places, [ID])[ID]) if len(places) else ()


def link(slice: Note) -> dict[str, list[str]]:
    """The slice in the address of the page Examples."""
    return {name: list(values) for name, values in slice.view.items() if name in WHICH} | {"slice": [slice.text]}
