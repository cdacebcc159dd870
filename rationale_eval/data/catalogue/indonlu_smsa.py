"""IndoNLU SmSA."""

from rationale_eval.data.catalogue.entry import Entry
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="indonlu_smsa",
    title="IndoNLU SmSA",
    about="Indonesian comments and reviews, three sentiments.",
    task=Task("sentiment", "classification", ("text",), ("negative", "neutral", "positive")),
    licence="MIT License",
    citation=(
        "Wilie, Vincentio, Winata and others. IndoNLU: Benchmark and Resources for Evaluating Indonesian "
        "Natural Language Understanding. AACL 2020."
    ),
    word_rule="whitespace",
)
