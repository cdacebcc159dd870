"""e-SNLI."""

from rationale_eval.data.catalogue.entry import Entry, Form
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="esnli",
    title="e-SNLI",
    about="Sentence pairs with up to three explanations each and the words every annotator highlighted.",
    task=Task("nli", "classification", ("premise", "hypothesis"), ("entailment", "neutral", "contradiction")),
    gold=("free text", "highlights"),
    licence="MIT License",
    citation=(
        "Camburu, Rocktäschel, Lukasiewicz, Blunsom. e-SNLI: Natural Language Inference with Natural Language "
        "Explanations. NeurIPS 2018."
    ),
    cluster_field="premise",
    hub="esnli/esnli",
    forms=(
        Form(
            {
                "id": "pairID",
                "premise": "Sentence1",
                "hypothesis": "Sentence2",
                "label": "gold_label",
                "rationale": "Explanation_1,Explanation_2,Explanation_3",
                "evidence.premise:marked": "Sentence1_marked_1",
                "evidence.hypothesis:marked": "Sentence2_marked_1",
            }
        ),
        Form(
            {
                "id": "pairID",
                "premise": "Sentence1",
                "hypothesis": "Sentence2",
                "label": "gold_label",
                "rationale": "Explanation_1",
                "evidence.premise:marked": "Sentence1_marked_1",
                "evidence.hypothesis:marked": "Sentence2_marked_1",
            }
        ),
        Form(
            {
                "premise": "premise",
                "hypothesis": "hypothesis",
                "label": "label",
                "rationale": "explanation_1,explanation_2,explanation_3",
            },
            choices=("entailment", "neutral", "contradiction"),
        ),
    ),
)
