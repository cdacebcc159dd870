"""Which data sets there are: bundled, generated, and named ones with the splits that lie at hand."""

from __future__ import annotations

from dataclasses import dataclass

from rationale_eval.data.catalogue import CATALOGUE
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.folder import find_named, find_splits
from rationale_eval.data.load import BUNDLED, load_dataset
from rationale_eval.data.own import in_use, own_sets
from rationale_eval.errors import InputError


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the list.

    Args:
        name: What to pass to `load_dataset`.
        title: The name its authors gave it.
        about: One sentence.
        task: Name of the task.
        gold: What rationales it has.
        splits: Splits that lie at hand; empty where no copy was found.
        licence: As its source states it.
        citation: Authors, title, venue and year.
        warning: What to know before looking at the texts, or None.
        hub: Public copy, or None.
    """

    name: str
    title: str
    about: str
    task: str
    gold: tuple[str, ...]
    splits: tuple[str, ...]
    licence: str
    citation: str = ""
    warning: str | None = None
    hub: str | None = None


def list_sets() -> list[Listed]:
    """All sets, those that come with the program first."""
    return [*_bundled(), *_own(), *_generated(), *_named()]


def _bundled() -> list[Listed]:
    listed = []
    for folder in sorted(path for path in BUNDLED.glob("*") if path.is_dir() and path.name[0].isalpha()):
        name = f"bundled/{folder.name}"
        about = "Written for this project; small, and always at hand."
        data = load_dataset(name)
        facts = (name, name, about, data.task.name, _gold(data), tuple(find_splits(folder)), "as the project")
        listed.append(Listed(*facts))
    return listed


def _gold(data: RationaleDataset) -> tuple[str, ...]:
    texts = any(example.rationales for example in data)
    marked = any(example.evidence is not None for example in data)
    return (*(("free text",) if texts else ()), *(("highlights",) if marked else ()))


def _own() -> list[Listed]:
    about = "Kept in the workspace."
    return [
        Listed(each.source, each.name, about, each.task.name, (), tuple(each.splits), "your own")
        for each in own_sets(in_use())
    ]


def _generated() -> list[Listed]:
    from rationale_eval.data.generated import GENERATED, SIZES

    about = "Made on demand; the words that decide the label are known."
    return [
        Listed(f"generated/{name}", name, about, name, ("highlights",), tuple(SIZES), "as the project")
        for name in GENERATED
    ]


def _named() -> list[Listed]:
    listed = []
    for entry in CATALOGUE.values():
        folder = find_named(entry.name)
        try:
            splits = tuple(find_splits(folder)) if folder else ()
        except InputError:
            splits = ()
        facts = (entry.licence, entry.citation, entry.warning, entry.hub)
        listed.append(Listed(entry.name, entry.title, entry.about, entry.task.name, entry.gold, splits, *facts))
    return listed
