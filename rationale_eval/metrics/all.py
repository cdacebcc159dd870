"""Finds every metric: a file in this folder that registers one is all it takes to add it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

import rationale_eval.metrics as room
from rationale_eval.metrics.record import METRICS, Metric


@cache
def load_all() -> Mapping[str, Metric]:
    """Imports every module of the metrics room and returns the registered metrics, in order of file name."""
    for module in sorted(found.name for found in iter_modules(room.__path__)):
        import_module(f"{room.__name__}.{module}")
    return METRICS
