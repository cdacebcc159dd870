"""SVAMP."""

from rationale_eval.data.catalogue.entry import Entry, Form
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="svamp",
    title="SVAMP",
    about="One-step arithmetic word problems with an equation and model-written chains of thought.",
    task=Task("math_word_problem", "open", ("question",)),
    gold=("model-written text",),
    licence="MIT License",
    citation="Patel, Bhattamishra, Goyal. Are NLP Models really able to Solve Simple Math Word Problems? NAACL 2021.",
    hub="ChilleD/SVAMP",
    forms=(Form({"id": "ID", "question": "question_concat", "answer": "Answer"}),),
)
