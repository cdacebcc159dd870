"""CoS-E v1.11."""

from rationale_eval.data.catalogue.entry import Entry, Form
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="cose",
    title="CoS-E v1.11",
    about="CommonsenseQA questions with an open-ended explanation and a selected part of the question.",
    task=Task("multiple_choice_qa", "multiple_choice", ("question",)),
    gold=("free text", "highlights", "model-written text"),
    licence="BSD 3-Clause License",
    citation=(
        "Rajani, McCann, Xiong, Socher. Explain Yourself! Leveraging Language Models for Commonsense "
        "Reasoning. ACL 2019."
    ),
    hub="Salesforce/cos_e/v1.11",
    forms=(
        Form(
            {
                "id": "id",
                "question": "question",
                "choices": "choices",
                "label": "answer",
                "rationale": "abstractive_explanation",
            }
        ),
    ),
)
