"""FEB: a language model learns to answer and explain from 48 examples, one of 60 fixed splits.

300 steps of batches of 4 at a constant learning rate, no warm-up, and the weights after the last step. The pretrained
models of the paper are T5 and UnifiedQA; a model that begins at random learns next to nothing from 48 examples.

Source: Marasovic et al. 2022, section 4; settings of the authors' repository (allenai/feb, `scripts/exp.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Task
from rationale_eval.models.base import TaskModel
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.rationales.feb import SEEDS, TASKS, FebTask, draw_split, feb_task
from rationale_eval.recipes.record import Recipe, Stage, recipe
from rationale_eval.recipes.self_rationalize import template_texts, writes_text
from rationale_eval.training.schedules import ScheduleName
from rationale_eval.training.settings import LoopSettings
from rationale_eval.training.text_to_text import Reduction, TextLearner, prepare_pairs


class FebConfig(LoopSettings):
    """Knobs of FEB; the defaults are the paper's."""

    split: int = Field(0, ge=0, lt=len(SEEDS), description="Which of the 60 splits.")
    epochs: int = Field(25, ge=1, le=10_000, description="Passes over the 48 examples: 25 are 300 steps.")
    max_steps: int | None = Field(300, ge=1, description="Optimizer steps.")
    lr: float = Field(3e-5, gt=0, le=10, description="Learning rate (AdamW).")
    batch_size: int = Field(4, ge=1, le=65_536, description="Examples in a batch.")
    warmup: float = Field(0.0, ge=0, le=1, description="Share of the steps over which the learning rate rises.")
    schedule: ScheduleName = Field("constant", description="How the learning rate falls after the warm-up.")
    weight_decay: float = Field(0.0, ge=0, le=10, description="Decoupled weight decay; not on biases and norms.")
    selection: Literal["dev-best", "last"] = Field("last", description="Which weights are kept at the end.")
    evaluate_every: int | None = Field(None, ge=1, description="Evaluate every so many steps too.")
    reduction: Reduction = Field("tokens", description="Mean over all tokens of a batch, or by example first.")
    decoded: int = Field(100, ge=1, description="Dev examples that are decoded for the accuracy after each pass.")


@recipe
class Feb(Recipe):
    """L = -log p("{label} because {explanation}" | x) on 48 examples, the mean over the tokens of a batch."""

    name = "feb"
    title = "Learn to answer and explain from 48 examples (FEB)"
    cite = "Marasovic et al. 2022 (FEB)"
    describe = (
        "A language model learns to answer and to explain from 48 examples, by one of the 60 fixed splits and the"
        " prompts of the benchmark."
    )
    avoid = (
        "Not with a model that begins at random, which learns next to nothing from 48 examples; and not with one "
        "split alone, since splits differ: report the mean over all of them."
    )
    Config = FebConfig

    @classmethod
    def is_compatible(cls, task: Task, model: TaskModel | None = None) -> str | None:
        """The four tasks of FEB, and any model that writes."""
        if feb_task(task) is None:
            names = ", ".join(f"{one.name} ({', '.join(one.fields)})" for one in TASKS)
            return f"the task '{task.name}' is none of FEB's four: {names}"
        return super().is_compatible(task, model) or writes_text(cls.name, task, model)

    @classmethod
    def texts(cls, train: RationaleDataset, config: LoopSettings) -> Iterator[str]:
        """What is shown and written of the 48 examples alone."""
        assert isinstance(config, FebConfig)
        task = _task(train.task)
        shots, _ = draw_split(task, train, None, config.split)
        yield from template_texts(task.template(), shots)

    def stages(self) -> Iterator[Stage]:
        """One stage: the whole model on the 48 examples of the split."""
        config, model = self.config, self.model
        assert isinstance(config, FebConfig)
        assert isinstance(model, TransformerModel)
        task = _task(self.train.task)
        self.train, self.dev = draw_split(task, self.train, self.dev, config.split)
        template = task.template(causal=model.kind == "causal")
        pairs = prepare_pairs(model, template, self.train)
        dev = None if self.dev is None else prepare_pairs(model, template, self.dev)
        model.template = template.record()
        judged = [] if self.dev is None else list(self.dev.sample(config.decoded))
        learner = TextLearner(model, template, dev, judged=judged, reduction=config.reduction)
        yield Stage(self.name, learner, pairs, config)


def _task(task: Task) -> FebTask:
    found = feb_task(task)
    assert found is not None  # is_compatible has seen to it
    return found
