"""ERASER FEVER."""

from rationale_eval.data.catalogue.entry import Entry
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="eraser_fever",
    title="ERASER FEVER",
    about="A claim and a Wikipedia page, with the sentences that support or refute it.",
    task=Task("fact_verification", "classification", ("document", "claim"), ("refutes", "supports")),
    gold=("highlights",),
    licence="Creative Commons Attribution-ShareAlike License (version 3.0), Wikipedia texts",
    citation=(
        "DeYoung, Jain, Rajani, Lehman, Xiong, Socher, Wallace. ERASER: A Benchmark to Evaluate Rationalized "
        "NLP Models. ACL 2020. Thorne, Vlachos, Christodoulopoulos, Mittal. FEVER. NAACL 2018."
    ),
    word_rule="whitespace",
    cluster_field="document",
)
