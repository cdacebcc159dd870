"""The report of an audit in short: the number each check rests on, a row for each scorecard. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

HEADLINE: Final = {
    "reference": "margin",
    "perturbation": "gap",
    "robustness": "relative",
    "leakage": "explaining_minus_restating",
    "people": "rho",
}
"""The number of each check that tables show."""


def headline_name(check: Mapping[str, Any]) -> str:
    """The name, among a check's numbers, of the one it rests on."""
    name = HEADLINE[check["check"]]
    return f"margin_{check.get('scored')}" if name == "margin" else name


def headline(check: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The number a check rests on, or None where it was not tried."""
    found: Mapping[str, Any] | None = check["numbers"].get(headline_name(check))
    return None if found is None or found["value"] is None else found


def summary_row(card: Mapping[str, Any]) -> dict[str, Any]:
    """A scorecard as a row of a table."""
    row: dict[str, Any] = {"metric": card["metric"], "variant": card["variant"]}
    for check in card["checks"]:
        found = headline(check)
        row[check["check"]] = check["verdict"]
        row[HEADLINE[check["check"]]] = None if found is None else found["value"]
    return row
