"""e-SNLI with model-written rationales."""

from rationale_eval.data.catalogue.entry import Entry
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="esnli_generated",
    title="e-SNLI with model-written rationales",
    about=(
        "e-SNLI pairs with explanations written by NILE for every label and chains of thought by a large "
        "language model."
    ),
    task=Task("nli", "classification", ("premise", "hypothesis"), ("entailment", "neutral", "contradiction")),
    gold=("free text", "highlights", "model-written text"),
    licence="Apache License, Version 2.0",
    citation=(
        "Kumar, Talukdar. NILE: Natural Language Inference with Faithful Natural Language Explanations. ACL 2020."
    ),
    cluster_field="premise",
)
