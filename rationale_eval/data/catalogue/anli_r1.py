"""ANLI round 1."""

from rationale_eval.data.catalogue.entry import Entry, Form
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="anli_r1",
    title="ANLI round 1",
    about="Adversarial sentence pairs with the annotator's reason.",
    task=Task("nli", "classification", ("premise", "hypothesis"), ("entailment", "neutral", "contradiction")),
    gold=("free text", "model-written text"),
    licence="Attribution-NonCommercial 4.0 International",
    citation="Nie, Williams, Dinan, Bansal, Weston, Kiela. Adversarial NLI. ACL 2020.",
    cluster_field="premise",
    hub="facebook/anli",
    forms=(
        Form(
            {"id": "uid", "premise": "premise", "hypothesis": "hypothesis", "label": "label", "rationale": "reason"},
            choices=("entailment", "neutral", "contradiction"),
        ),
    ),
)
