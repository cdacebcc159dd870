"""LAMA (sample)."""

from rationale_eval.data.catalogue.entry import Entry
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="lama",
    title="LAMA (sample)",
    about="Facts with the object masked.",
    task=Task("cloze", "open", ("text",)),
    licence="CC-BY-NC 4.0",
    citation=(
        "Petroni, Rocktäschel, Lewis, Bakhtin, Wu, Miller, Riedel. Language Models as Knowledge Bases? EMNLP 2019."
    ),
)
