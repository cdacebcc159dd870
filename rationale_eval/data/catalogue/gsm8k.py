"""GSM8K."""

from rationale_eval.data.catalogue.entry import Entry, Form
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="gsm8k",
    title="GSM8K",
    about="Grade-school mathematics problems with worked solutions.",
    task=Task("math_word_problem", "open", ("question",)),
    gold=("free text",),
    licence="MIT License",
    citation="Cobbe, Kosaraju, Bavarian and others. Training Verifiers to Solve Math Word Problems. 2021.",
    hub="openai/gsm8k/main",
    forms=(Form({"question": "question", "rationale:before_hash": "answer", "answer:after_hash": "answer"}),),
)
