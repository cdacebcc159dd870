"""Names and definitions of metrics as the Compare page says them."""

from __future__ import annotations

from rationale_eval.ui.text import md_text
from rationale_eval.verbs.metric_words import BETTER, cell, direction, facts, family, metric_name, metric_symbol

__all__ = ["cell", "definition", "direction", "family", "metric_name", "metric_symbol"]


def definition(key: str) -> str:
    """What a metric says, for a hover: formula, description, source; as Markdown."""
    found = facts(key.partition(":")[0])
    if found is None:
        return "A metric that this version does not know."
    name = f"{found.title}: {BETTER[found.direction]}."
    parts = (name, found.formula, found.describe, found.avoid, found.cite)
    return "\n\n".join(md_text(part, cap=1000) for part in parts)
