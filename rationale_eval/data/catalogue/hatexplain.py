"""HateXplain."""

from rationale_eval.data.catalogue.entry import Entry
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="hatexplain",
    title="HateXplain",
    about="Posts labelled by three annotators each, who also marked the words that decided them.",
    task=Task("hate_speech", "classification", ("text",), ("hatespeech", "normal", "offensive")),
    gold=("highlights",),
    licence="MIT License",
    citation=(
        "Mathew, Saha, Yimam, Biemann, Goyal, Mukherjee. HateXplain: A Benchmark Dataset for Explainable Hate "
        "Speech Detection. AAAI 2021."
    ),
    word_rule="whitespace",
    warning="holds slurs and abuse: it is a research set on exactly that",
)
