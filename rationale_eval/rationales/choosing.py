"""The best of several draws."""

from __future__ import annotations

from collections.abc import Iterable

from rationale_eval.rationales.completion import Completion


def best(completions: Iterable[Completion]) -> list[Completion]:
    """Of all draws for one example and choice the best: in the right form, then complete, then most likely a token."""
    found: dict[tuple[str, int | None], Completion] = {}
    for one in completions:
        key = (one.example_id, one.choice)
        if key not in found or _rank(one) > _rank(found[key]):
            found[key] = one
    return list(found.values())


def _rank(one: Completion) -> tuple[bool, bool, float]:
    return one.format_ok, one.complete, one.mean_log_likelihood
