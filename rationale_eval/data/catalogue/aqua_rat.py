"""AQuA-RAT."""

from rationale_eval.data.catalogue.entry import Entry, Form
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="aqua_rat",
    title="AQuA-RAT",
    about="Algebra word problems with five options and a written solution.",
    task=Task("multiple_choice_qa", "multiple_choice", ("question",)),
    gold=("free text",),
    licence="Apache License, Version 2.0",
    citation="Ling, Yogatama, Dyer, Blunsom. Program Induction by Rationale Generation. ACL 2017.",
    hub="deepmind/aqua_rat/raw",
    forms=(Form({"question": "question", "choices": "options", "label:letter": "correct", "rationale": "rationale"}),),
)
