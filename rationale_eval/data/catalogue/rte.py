"""RTE."""

from rationale_eval.data.catalogue.entry import Entry, Form
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="rte",
    title="RTE",
    about="Textual entailment pairs as in GLUE.",
    task=Task("nli", "classification", ("premise", "hypothesis"), ("entailment", "not_entailment")),
    citation=(
        "Dagan, Glickman, Magnini. The PASCAL Recognising Textual Entailment Challenge. 2006. Wang and "
        "others. GLUE. ICLR 2019."
    ),
    cluster_field="premise",
    hub="nyu-mll/glue/rte",
    forms=(
        Form(
            {"id": "idx", "premise": "sentence1", "hypothesis": "sentence2", "label": "label"},
            choices=("entailment", "not_entailment"),
        ),
    ),
)
