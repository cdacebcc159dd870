"""A folder belongs to one audit: what is kept there was made from certain data by a certain protocol, and says so."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from rationale_eval import durable
from rationale_eval.axioms.files import REPORT
from rationale_eval.axioms.protocol import Protocol
from rationale_eval.axioms.spoken import Spoken
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.errors import UsageError

FILE: Final = "made_from.json"
SPOKEN: Final = "spoken"
FREE: Final = ("seeds",)
"""Knobs that may change from one audit to the next: what is kept bears the seed in its name."""


def require_same_audit(folder: Path, train: RationaleDataset, test: RationaleDataset, protocol: Protocol) -> None:
    """Refuses a folder that another audit has begun; else notes in it what this one is made from.

    Metrics may change, and so may the number of seeds: they say nothing about what is kept. A folder that was begun
    before such a note was kept is known by its report, and without one by the examples that were spoken of.

    Args:
        folder: Of the audit.
        train: What task models learn from, as drawn.
        test: What metrics are computed on, as drawn.
        protocol: How.

    Raises:
        UsageError: Naming the folder, what differs and what to do.
    """
    here = {
        "train": train.fingerprint(), "test": test.fingerprint(),
        "protocol": {name: value for name, value in protocol.model_dump(mode="json").items() if name not in FREE},
    }  # fmt: skip
    known = _read(folder / FILE) or _read(folder / REPORT)
    differ = list(_other_examples(folder / SPOKEN, train, test) if known is None else _differences(known, here))
    if differ:
        raise UsageError(
            f"the folder '{folder}' holds another audit ({'; '.join(differ)}), and a folder is for one audit alone; "
            "name another folder, or delete that one"
        )
    if not (folder / FILE).exists():
        durable.write_json(folder / FILE, here)


def _read(path: Path) -> Mapping[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path} cannot be read ({error}); name another folder for the audit, or delete that one"
        ) from error
    return found if isinstance(found, dict) else {}


def _differences(known: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[str]:
    # A knob that came later had its default when the note was written.
    there = Protocol().model_dump(mode="json") | dict(known.get("protocol") or {})
    for name, value in here["protocol"].items():
        if there[name] != value:
            yield f"its {name} is {_told(there[name])}, here {_told(value)}"
    for part, what in (("train", "learns from other training examples"), ("test", "evaluates on other examples")):
        found = known.get(part)
        if (found.get("fingerprint") if isinstance(found, Mapping) else found) != here[part]:
            yield f"it {what}"


def _other_examples(spoken: Path, train: RationaleDataset, test: RationaleDataset) -> Iterator[str]:
    for part, data in (("train", train), ("test", test)):
        ids = {one.id for one in data}
        if any(set(Spoken.load(path).answers) != ids for path in sorted(spoken.glob(f"*-{part}.json"))):
            yield f"it has answers to other examples ({part})"


def _told(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={each}" for name, each in value.items()) or "none"
    return (",".join(map(str, value)) or "none") if isinstance(value, list) else str(value)
