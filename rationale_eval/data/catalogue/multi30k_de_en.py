"""Multi30k German-English."""

from rationale_eval.data.catalogue.entry import Entry
from rationale_eval.data.example import Task

ENTRY = Entry(
    name="multi30k_de_en",
    title="Multi30k German-English",
    about="Image captions in German with their English originals.",
    task=Task("translation", "open", ("source",)),
    citation="Elliott, Frank, Sima'an, Specia. Multi30K: Multilingual English-German Image Descriptions. VL 2016.",
)
