"""FEB human evaluation."""

from rationale_eval.data.catalogue.entry import Entry
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="feb_human_eval",
    title="FEB human evaluation",
    about=(
        "Human ratings of human and model explanations for four tasks; the first rationale of an example is "
        "the rated text."
    ),
    task=Task(
        "rated_explanations", "multiple_choice", ("premise", "hypothesis", "question", "sentence0", "sentence1", "post")
    ),
    gold=("free text", "ratings"),
    licence="Apache License, Version 2.0",
    citation=(
        "Marasović, Beltagy, Downey, Peters. Few-Shot Self-Rationalization with Natural Language Prompts. "
        "Findings of NAACL 2022."
    ),
    warning="some texts hold slurs and abuse",
)
