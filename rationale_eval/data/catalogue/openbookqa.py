"""OpenBookQA."""

from rationale_eval.data.catalogue.entry import Entry, Form
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="openbookqa",
    title="OpenBookQA",
    about="Elementary science questions with the fact each was written from.",
    task=Task("multiple_choice_qa", "multiple_choice", ("question",)),
    gold=("free text",),
    licence="Apache License, Version 2.0",
    citation="Mihaylov, Clark, Khot, Sabharwal. Can a Suit of Armor Conduct Electricity? EMNLP 2018.",
    hub="allenai/openbookqa/additional",
    forms=(
        Form(
            {
                "id": "id",
                "question": "question_stem",
                "choices": "choices.text",
                "label:letter": "answerKey",
                "rationale": "fact1",
            }
        ),
        Form({"id": "id", "question": "question_stem", "choices": "choices.text", "label:letter": "answerKey"}),
    ),
)
