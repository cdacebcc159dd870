"""Few-shot tasks in CrossFit form."""

from rationale_eval.data.catalogue.entry import Entry
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="crossfit",
    title="Few-shot tasks in CrossFit form",
    about="Ten small tasks as plain text in and text out.",
    task=Task("text_to_text", "open", ("source",)),
    licence="as the sets it is drawn from",
    citation=(
        "Ye, Lin, Ren. CrossFit: A Few-shot Learning Challenge for Cross-task Generalization in NLP. EMNLP 2021."
    ),
)
