"""IndoNLU WReTE."""

from rationale_eval.data.catalogue.entry import Entry
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="indonlu_wrete",
    title="IndoNLU WReTE",
    about="Indonesian sentence pairs from Wikipedia revisions.",
    task=Task("nli", "classification", ("premise", "hypothesis"), ("NotEntail", "Entail_or_Paraphrase")),
    licence="MIT License",
    citation=(
        "Wilie, Vincentio, Winata and others. IndoNLU: Benchmark and Resources for Evaluating Indonesian "
        "Natural Language Understanding. AACL 2020."
    ),
    word_rule="whitespace",
    cluster_field="premise",
)
