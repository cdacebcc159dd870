"""FewGLUE."""

from rationale_eval.data.catalogue.entry import Entry
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="fewglue",
    title="FewGLUE",
    about="Six SuperGLUE tasks with 32 training examples each.",
    task=Task(
        "superglue",
        "multiple_choice",
        (
            "passage",
            "question",
            "premise",
            "hypothesis",
            "text",
            "word",
            "pronoun",
            "candidate",
            "sentence1",
            "sentence2",
        ),
    ),
    citation=(
        "Schick, Schütze. It's Not Just Size That Matters: Small Language Models Are Also Few-Shot Learners. "
        "NAACL 2021."
    ),
)
