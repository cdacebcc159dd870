"""Self-rationalizing models: trained to write a label and a rationale from the input, in one text.

The formats are named by what is read and what is written, with I the input, O the label, R the rationale: I->OR is the
self-rationalizing model of FRAME and FEB, I->RO says the rationale first, IR->O reads the gold rationale, and I->O
writes the label alone; the last two are what rationale quality is measured by (Wiegreffe et al. 2021).

Source: Narang et al. 2020 (WT5), section 2, with the target "{label} explanation: {rationale}".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example, Task
from rationale_eval.models.base import TaskModel
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.rationales.template import Given, Order, Template
from rationale_eval.recipes.fine_tune import set_dropout
from rationale_eval.recipes.record import Recipe, Stage, recipe
from rationale_eval.training.settings import LoopSettings
from rationale_eval.training.text_to_text import Reduction, TextLearner, prepare_pairs

Format = Literal["i-or", "i-ro", "ir-o", "i-o"]

VERSION: Final = 1
"""Raised whenever a word of the prompts changes."""

EXPLANATION, ANSWER = " explanation: ", " answer: "

_WRITES: Final[dict[Format, tuple[Given, Order, str, str]]] = {
    "i-or": ("input", "answer_first", f"{{answer}}{EXPLANATION}{{rationale}}", EXPLANATION),
    "i-ro": ("input", "rationale_first", f"{{rationale}}{ANSWER}{{answer}}", ANSWER),
    "ir-o": ("rationale", "answer", "{answer}", ""),
    "i-o": ("input", "answer", "{answer}", ""),
}


class SelfRationalizeConfig(LoopSettings):
    """Knobs of self-rationalizing models."""

    epochs: int = Field(5, ge=1, le=10_000, description="Passes over the training data.")
    lr: float = Field(
        1e-3, gt=0, le=10, description="Highest learning rate (AdamW); for a pretrained model rather 1e-4 to 3e-4."
    )
    format: Format = Field("i-or", description="What is read and written: i-or, i-ro, ir-o or i-o.")
    prompt: str | None = Field(
        None,
        min_length=1,
        description=(
            "How an example is shown, with {fields} or the names of inputs, {options} and, for ir-o, {rationale}; by "
            "default the task's name, its fields by name and, for multiple choice, the options."
        ),
    )
    reduction: Reduction = Field("examples", description="Mean over tokens and then examples, or over all tokens.")
    metric: Literal["accuracy", "answered", "loss"] = Field(
        "accuracy", description="Dev metric that selects the weights and stops early."
    )
    decoded: int = Field(200, ge=1, description="Dev examples that are decoded greedily for the accuracy.")
    written: int = Field(96, ge=1, le=4096, description="Most tokens of a dev text whose answer stands last (i-ro).")
    dropout: float | None = Field(None, ge=0, lt=1, description="Dropout of every layer; the model's own if not given.")


def writes_text(name: str, task: Task, model: TaskModel | None) -> str | None:
    """Why a recipe for models that write cannot work with a model, or None when it can."""
    kind = getattr(model, "kind", None)
    if model is not None and kind is not None and kind not in ("causal", "seq2seq"):
        return f"{model.name} is an encoder and writes no text; {name} needs a language model, such as --model new/t5"
    return None


def template_for(task: Task, format: Format, *, causal: bool, prompt: str | None = None) -> Template:
    """The prompt that a model of a format is trained with.

    Args:
        task: The task; its name and its fields stand in the prompt.
        format: What is read and written.
        causal: Whether the model reads prompt and target as one text.
        prompt: How an example is shown instead.
    """
    given, order, says, joint = _WRITES[format]
    verb = "" if order == "answer" else "explain "
    options = " {options}" if task.kind == "multiple_choice" else ""
    read = EXPLANATION + "{rationale}" if given == "rationale" else ""
    name = task.name.replace("{", "").replace("}", "").replace("_", " ")
    case = prompt or f"{verb}{name} {{fields}}{options}{read}"
    return Template(
        name=f"self_rationalize:{format}",
        version=VERSION,
        given=given,
        order=order,
        instruction="",
        case=case + ("\nAnswer:" if causal else ""),
        says=(" " if causal else "") + says,
        joint=joint,
        shots=0,
        stop=(),
        describe=f"What a model trained by self_rationalize ({format}) is shown.",
    )


@recipe
class SelfRationalize(Recipe):
    """L = -log p(text of label and rationale | x), the mean over the tokens of the text."""

    name = "self_rationalize"
    title = "Train a language model to write the label and a rationale"
    cite = "Narang et al. 2020 (WT5)"
    describe = "A language model writes the label and a rationale in one text, learned from labels and gold rationales."
    avoid = (
        "Not as a faithful explanation by itself: what is written need not be why the label was chosen, so audit "
        "or simulate it. Not with a model from random weights and few examples, which stays near chance."
    )
    Config = SelfRationalizeConfig

    @classmethod
    def is_compatible(cls, task: Task, model: TaskModel | None = None) -> str | None:
        """Any task with choices, and any model that writes."""
        return super().is_compatible(task, model) or writes_text(cls.name, task, model)

    @classmethod
    def texts(cls, train: RationaleDataset, config: LoopSettings) -> Iterator[str]:
        """What is shown and what is to be written."""
        assert isinstance(config, SelfRationalizeConfig)
        template = template_for(train.task, config.format, causal=False, prompt=config.prompt)
        yield from template_texts(template, train)

    def stages(self) -> Iterator[Stage]:
        """One stage: the whole model on pairs of texts."""
        config, model = self.config, self.model
        assert isinstance(config, SelfRationalizeConfig)
        assert isinstance(model, TransformerModel)
        template = template_for(self.train.task, config.format, causal=model.kind == "causal", prompt=config.prompt)
        train = prepare_pairs(model, template, self.train)
        dev = None if self.dev is None else prepare_pairs(model, template, self.dev)
        if config.dropout is not None:
            set_dropout(model.network, config.dropout)
        model.template = template.record()
        judged = [] if dev is None else [pair.example for pair in dev.items[: config.decoded]]
        learner = TextLearner(
            model, template, dev, judged=judged, reduction=config.reduction, max_tokens=config.written
        )
        yield Stage(self.name, learner, train, config)


def template_texts(template: Template, data: RationaleDataset) -> Iterator[str]:
    """What a prompt shows of a data set, and what is to be written of those examples where that is known."""

    def solved(example: Example) -> bool:
        return example.label is not None and (bool(example.rationales) or not template.needs_rationale)

    for example in data:
        if template.given != "rationale" or example.rationales:
            yield template.prompt(example)
        yield from example.choices
        if solved(example):
            yield template.says_of(example)
