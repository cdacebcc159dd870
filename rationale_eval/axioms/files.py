"""Names of the files that an audit leaves; read without torch."""

from __future__ import annotations

from typing import Final

REPORT: Final = "audit.json"
"""What all checks came to."""

SCORES: Final = "scores.parquet"
"""Every score: a row for each example, source, seed, metric and variant."""

INSTANCES: Final = "instances.parquet"
"""The examples that the scores are of: a row for each, with its inputs, choices, label and rating."""
