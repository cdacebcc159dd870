"""Social Bias Inference Corpus (FEB form)."""

from rationale_eval.data.catalogue.entry import Entry
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="sbic",
    title="Social Bias Inference Corpus (FEB form)",
    about="Social media posts with a label and the implied statement.",
    task=Task("offensiveness", "classification", ("post",), ("offensive", "not offensive")),
    gold=("free text",),
    licence="CC BY 4.0",
    citation="Sap, Gabriel, Qin, Jurafsky, Smith, Choi. Social Bias Frames. ACL 2020.",
    warning="holds slurs and abuse: it is a research set on exactly that",
)
