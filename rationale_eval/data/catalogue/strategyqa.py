"""StrategyQA."""

from rationale_eval.data.catalogue.entry import Entry, Form
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="strategyqa",
    title="StrategyQA",
    about="Yes/no questions that need implicit steps, with the annotators' facts.",
    task=Task("yes_no_qa", "classification", ("question",), ("no", "yes")),
    gold=("free text",),
    licence="MIT License",
    citation="Geva, Khashabi, Segal, Khot, Roth, Berant. Did Aristotle Use a Laptop? TACL 2021.",
    hub="ChilleD/StrategyQA",
    forms=(Form({"id": "qid", "question": "question", "label:bool": "answer", "rationale": "facts"}),),
)
