"""ECQA."""

from rationale_eval.data.catalogue.entry import Entry, Form
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="ecqa",
    title="ECQA",
    about="CommonsenseQA questions with properties for and against each option and a free-flow explanation.",
    task=Task("multiple_choice_qa", "multiple_choice", ("question",)),
    gold=("free text",),
    licence="Community Data License Agreement - Sharing - Version 1.0",
    citation=(
        "Aggarwal, Mandowara, Agrawal, Khandelwal, Singla, Garg. Explanations for CommonsenseQA: New Dataset "
        "and Models. ACL 2021."
    ),
    forms=(
        Form(
            {
                "id": "q_no",
                "question": "q_text",
                "choices": "q_op1,q_op2,q_op3,q_op4,q_op5",
                "label:answer": "q_ans",
                "rationale": "taskB",
            }
        ),
    ),
)
