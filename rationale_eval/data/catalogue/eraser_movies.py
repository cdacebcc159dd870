"""ERASER Movie Reviews."""

from rationale_eval.data.catalogue.entry import Entry
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="eraser_movies",
    title="ERASER Movie Reviews",
    about="Film reviews with the passages that support the label.",
    task=Task("sentiment", "classification", ("document",), ("negative", "positive")),
    gold=("highlights",),
    citation=(
        "DeYoung, Jain, Rajani, Lehman, Xiong, Socher, Wallace. ERASER: A Benchmark to Evaluate Rationalized "
        "NLP Models. ACL 2020. Zaidan, Eisner. Modeling Annotators. EMNLP 2008."
    ),
    word_rule="whitespace",
)
