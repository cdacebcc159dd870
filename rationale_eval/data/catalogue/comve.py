"""ComVE (SemEval-2020 Task 4)."""

from rationale_eval.data.catalogue.entry import Entry
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="comve",
    title="ComVE (SemEval-2020 Task 4)",
    about="Two similar sentences, one against common sense, with three reasons why.",
    task=Task("commonsense_validation", "classification", ("sentence0", "sentence1"), ("sentence0", "sentence1")),
    gold=("free text",),
    licence="CC BY-SA 4.0",
    citation=(
        "Wang, Liang, Jin, Wang, Zhu, Zhang. SemEval-2020 Task 4: Commonsense Validation and Explanation. SemEval 2020."
    ),
)
