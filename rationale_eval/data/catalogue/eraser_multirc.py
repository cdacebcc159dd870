"""ERASER MultiRC."""

from rationale_eval.data.catalogue.entry import Entry
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="eraser_multirc",
    title="ERASER MultiRC",
    about="A passage, a question and a candidate answer, with the sentences needed to judge it.",
    task=Task("reading_comprehension", "classification", ("document", "question", "answer"), ("false", "true")),
    gold=("highlights",),
    citation=(
        "DeYoung, Jain, Rajani, Lehman, Xiong, Socher, Wallace. ERASER: A Benchmark to Evaluate Rationalized "
        "NLP Models. ACL 2020. Khashabi, Chaturvedi, Roth, Upadhyay, Roth. Looking Beyond the Surface. NAACL "
        "2018."
    ),
    word_rule="whitespace",
    cluster_field="document",
)
