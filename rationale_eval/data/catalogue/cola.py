"""CoLA."""

from rationale_eval.data.catalogue.entry import Entry, Form
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="cola",
    title="CoLA",
    about="Sentences from linguistics publications, acceptable or not.",
    task=Task("acceptability", "classification", ("sentence",), ("unacceptable", "acceptable")),
    citation="Warstadt, Singh, Bowman. Neural Network Acceptability Judgments. TACL 2019.",
    hub="nyu-mll/glue/cola",
    forms=(Form({"id": "idx", "sentence": "sentence", "label": "label"}, choices=("unacceptable", "acceptable")),),
)
