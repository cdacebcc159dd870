"""What a page offers to pick: data sets and models that are at hand, by name, never by a typed path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rationale_eval.data.catalogue import CATALOGUE
from rationale_eval.data.folder import find_named
from rationale_eval.data.load import BUNDLED
from rationale_eval.data.own import own_sets
from rationale_eval.desk import roots
from rationale_eval.desk.desk import Desk
from rationale_eval.desk.edits import Edits
from rationale_eval.verbs.run_list import Listed

MOST_RUNS: Final = 50
"""Finished trainings that are offered to start from: the newest."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Something to pick.

    Args:
        value: The name a job is told.
        label: What the page shows; outside text for what lies on the disk.
        about: A few words more, or empty.
    """

    value: str
    label: str
    about: str = ""


def data_sets(desk: Desk) -> list[Offer]:
    """Bundled sets, the workspace's own, those under the operator's folders, and named ones with a copy at hand."""
    found = [Offer(f"bundled/{path.name}", f"bundled/{path.name}") for path in _bundled()]
    found += [Offer(each.source, each.name, "kept in this workspace") for each in own_sets(desk.workspace.path)]
    kept = Edits(desk.workspace, desk.access).all()
    found += [Offer(str(each.path), f"edits/{each.name}", f"{each.examples} kept in Probe") for each in kept]
    seen: set[str] = set()
    for path in roots.data_sets(desk.access.roots):
        seen.add(path.name)
        found.append(Offer(str(path), path.name, _title(path.name)))
    for name in CATALOGUE:
        # Where the operator keeps named sets is the operator's choice as much as the folders named at the start.
        if name not in seen and (folder := find_named(name)) is not None:
            found.append(Offer(str(folder.absolute()), name, _title(name)))
    return found


def models(desk: Desk) -> list[Offer]:
    """Models that come with the program, those under the operator's folders, and those that were trained here."""
    found = [
        Offer("embedded/minilm", "embedded/minilm", "encoder, 22 million parameters"),
        Offer("embedded/smollm2", "embedded/smollm2", "language model, 135 million parameters"),
        Offer("new/t5", "new/t5", "language model with random weights, 5 million parameters"),
    ]
    found += [Offer(str(path), path.name, "under a folder of the operator") for path in roots.models(desk.access.roots)]
    return [*found, *(run_offer(each) for each in trained(desk))]


def trained(desk: Desk) -> list[Listed]:
    """Finished trainings whose model is there, newest first."""
    runs = desk.workspace.path / "runs"
    found = desk.runs(kind="train", states=("finished",), limit=MOST_RUNS)
    return [each for each in found if (runs / each.row.id / "model").is_dir()]


def run_offer(listed: Listed) -> Offer:
    """How something that a run made is picked."""
    return Offer(f"run:{listed.row.id}", f"run {listed.row.id[-4:]}", listed.row.title or "")


def _bundled() -> list[Path]:
    """Bundled sets, that of the demonstration first."""
    return sorted(
        (path for path in BUNDLED.iterdir() if path.is_dir()), key=lambda path: (path.name != "nli", path.name)
    )


def _title(name: str) -> str:
    return CATALOGUE[name].title if name in CATALOGUE else ""
