"""STS Benchmark."""

from rationale_eval.data.catalogue.entry import Entry
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="stsb",
    title="STS Benchmark",
    about="Sentence pairs with a similarity score from 0 to 5.",
    task=Task("sentence_similarity", "open", ("sentence1", "sentence2")),
    licence="CC BY-SA 4.0 (scores)",
    citation="Cer, Diab, Agirre, Lopez-Gazpio, Specia. SemEval-2017 Task 1. SemEval 2017.",
)
