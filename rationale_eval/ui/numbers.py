"""Numbers as every page shows them; written as reports write them."""

from rationale_eval.verbs.numbers import ARROWS, count, duration, interval, number, size

__all__ = ["ARROWS", "count", "duration", "interval", "number", "size"]
