"""MRPC."""

from rationale_eval.data.catalogue.entry import Entry, Form
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="mrpc",
    title="MRPC",
    about="Sentence pairs from news, equivalent or not.",
    task=Task("paraphrase", "classification", ("sentence1", "sentence2"), ("not_equivalent", "equivalent")),
    licence="Microsoft Shared Source License",
    citation="Dolan, Brockett. Automatically Constructing a Corpus of Sentential Paraphrases. IWP 2005.",
    hub="nyu-mll/glue/mrpc",
    forms=(
        Form(
            {"id": "idx", "sentence1": "sentence1", "sentence2": "sentence2", "label": "label"},
            choices=("not_equivalent", "equivalent"),
        ),
    ),
)
