"""Which column is probably what, from its name alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

RESERVED: Final = ("id", "label", "choices", "answer", "rationale", "evidence")
"""Names in a mapping that are not input fields."""

INPUTS: Final[dict[str, tuple[str, ...]]] = {
    "document": ("document", "passage", "article", "context"),
    "premise": ("premise", "sentence1", "sentence_1", "text_a", "text1"),
    "hypothesis": ("hypothesis", "sentence2", "sentence_2", "text_b", "text2"),
    "question": ("question", "query", "question_stem"),
    "text": ("text", "sentence", "review", "post", "comment", "tweet", "content", "body", "utterance"),
}
OTHERS: Final[dict[str, tuple[str, ...]]] = {
    "id": ("id", "pairid", "pair_id", "guid", "uid", "idx", "example_id", "qid"),
    "label": ("label", "gold_label", "gold", "class", "category", "answerkey", "target", "sentiment"),
    "choices": ("choices", "options"),
    "answer": ("answer", "final_answer"),
    "rationale": ("rationale", "explanation", "explanation_1", "why", "reason", "rationales", "explanations"),
    "evidence": ("evidence", "spans", "highlights", "highlight", "evidence_spans", "marked", "marks"),
}


def guess_columns(columns: Iterable[str], *, inputs: bool) -> dict[str, str]:
    """Role to column, for the roles that a column's name suggests; no column serves twice.

    Args:
        columns: The names that are still free.
        inputs: Whether input fields are to be guessed as well.
    """
    by_name = {column.lower().strip(): column for column in columns}
    guessed: dict[str, str] = {}
    for role, names in ((INPUTS | OTHERS) if inputs else OTHERS).items():
        for name in names:
            if name in by_name:
                guessed[role] = by_name.pop(name)
                break
    return guessed
