"""What a job of the dashboard may open: what a page offers, by the operator's choice, and no other path or address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from rationale_eval.desk import choices, roots
from rationale_eval.desk.desk import Desk
from rationale_eval.errors import UsageError

DATA: Final = ("bundled/", "generated/", "own/")
MODELS: Final = ("embedded/", "new/", "run:")
_DATA_FIELDS: Final = ("data", "ratings")
_MODEL_FIELDS: Final = ("model", "encoder", "helper")
_MODEL_KNOBS: Final = (*_MODEL_FIELDS, "paraphraser")
"""What names a model within a group of knobs: `protocol.paraphraser`, `simulator.model`."""
_RUN_FIELDS: Final = ("scores", "texts", "simulator_texts")


def require_offered(desk: Desk, job: Mapping[str, Any]) -> None:
    """Refuses a job that names data, a model or outputs which the dashboard does not offer.

    Args:
        desk: Who asks.
        job: Fields of a job record, or changes of one.

    Raises:
        UsageError: Naming what is not offered.
    """
    for name, value in _named(job):
        kind = "data set" if name in _DATA_FIELDS else "run" if name in _RUN_FIELDS else "model"
        if not _is_offered(desk, name, value):
            raise UsageError(
                f"that {kind} ('{value[:80]}') is not offered here; the person who runs the dashboard can add its "
                "folder with --root, or start the job on the command line."
            )


def _named(job: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in (*_DATA_FIELDS, *_MODEL_FIELDS):
        if job.get(name) is not None:
            yield name, str(job[name])
    for name in _RUN_FIELDS:
        given = job.get(name) or ()
        yield from ((name, str(each)) for each in (given.split(",") if isinstance(given, str) else given))
    for name, value in job.items():
        if name not in _MODEL_FIELDS:
            yield from _knobs(name, value)


def _knobs(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Models that a group of knobs names, however deep: a record of records, or names with dots."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _knobs(str(key), each)
    elif name.rpartition(".")[2] in _MODEL_KNOBS and value is not None:
        yield name, str(value)


def _is_offered(desk: Desk, name: str, value: str) -> bool:
    if name in _RUN_FIELDS:
        return value.startswith("run:")
    known = DATA if name in _DATA_FIELDS else MODELS
    if value.startswith(known):
        return True
    offers = choices.data_sets(desk) if name in _DATA_FIELDS else choices.models(desk)
    if value not in {each.value for each in offers}:
        return False
    roots.require_no_way_out(Path(value))
    return True
