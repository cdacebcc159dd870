"""GSM8K Socratic."""

from rationale_eval.data.catalogue.entry import Entry, Form
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="gsm8k_socratic",
    title="GSM8K Socratic",
    about="GSM8K solutions with a question before every step.",
    task=Task("math_word_problem", "open", ("question",)),
    gold=("free text",),
    licence="MIT License",
    citation="Cobbe, Kosaraju, Bavarian and others. Training Verifiers to Solve Math Word Problems. 2021.",
    hub="openai/gsm8k/socratic",
    forms=(Form({"question": "question", "rationale:before_hash": "answer", "answer:after_hash": "answer"}),),
)
