"""SST-2."""

from rationale_eval.data.catalogue.entry import Entry, Form
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="sst2",
    title="SST-2",
    about="Film review sentences with binary sentiment; highlights are derived from the human label of every word.",
    task=Task("sentiment", "classification", ("sentence",), ("negative", "positive")),
    gold=("highlights",),
    citation=(
        "Socher, Perelygin, Wu, Chuang, Manning, Ng, Potts. Recursive Deep Models for Semantic "
        "Compositionality Over a Sentiment Treebank. EMNLP 2013."
    ),
    word_rule="whitespace",
    hub="stanfordnlp/sst2",
    forms=(Form({"id": "idx", "sentence": "sentence", "label": "label"}, choices=("negative", "positive")),),
)
