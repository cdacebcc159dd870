"""QASC."""

from rationale_eval.data.catalogue.entry import Entry, Form
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="qasc",
    title="QASC",
    about="Grade-school science questions with the two facts to be combined and the combined fact.",
    task=Task("multiple_choice_qa", "multiple_choice", ("question",)),
    gold=("free text",),
    licence="Apache License, Version 2.0",
    citation=(
        "Khot, Clark, Guerquin, Jansen, Sabharwal. QASC: A Dataset for Question Answering via Sentence "
        "Composition. AAAI 2020."
    ),
    hub="allenai/qasc",
    forms=(
        Form(
            {
                "id": "id",
                "question": "question",
                "choices": "choices.text",
                "label:letter": "answerKey",
                "rationale": "combinedfact,fact1,fact2",
            }
        ),
    ),
)
