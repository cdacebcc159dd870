"""IndoNLU EmoT."""

from rationale_eval.data.catalogue.entry import Entry
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="indonlu_emot",
    title="IndoNLU EmoT",
    about="Indonesian tweets, five emotions.",
    task=Task("emotion", "classification", ("text",), ("anger", "fear", "happy", "love", "sadness")),
    licence="MIT License",
    citation=(
        "Wilie, Vincentio, Winata and others. IndoNLU: Benchmark and Resources for Evaluating Indonesian "
        "Natural Language Understanding. AACL 2020."
    ),
)
