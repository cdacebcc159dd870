"""What UNIREX and the baselines of its paper share: what they train, how, and the +P form. No recipe by itself."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Task
from rationale_eval.errors import UsageError
from rationale_eval.models.base import TaskModel
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.recipes.fine_tune import FineTuneConfig
from rationale_eval.recipes.record import Recipe
from rationale_eval.training.annotated import Annotated, prepare_annotated
from rationale_eval.training.learner import TrainingSet
from rationale_eval.training.plausibility import PlausibilityForm
from rationale_eval.training.settings import LoopSettings


class PaperConfig(FineTuneConfig):
    """Knobs that UNIREX and its baselines share; the defaults are the paper's."""

    epochs: int = Field(10, ge=1, le=10_000, description="Passes over the training data, in every stage.")
    lr: float = Field(2e-5, gt=0, le=10, description="Highest learning rate (AdamW).")
    weight_decay: float = Field(0.0, ge=0, le=10, description="Decoupled weight decay; not on biases and norms.")
    beta2: float = Field(0.98, ge=0, lt=1, description="AdamW's second decay rate.")
    warmup: float = Field(0.1, ge=0, le=1, description="Share of the steps over which the learning rate rises.")
    patience: int | None = Field(5, ge=1, description="Stop after so many evaluations without a better dev metric.")
    plaus_form: PlausibilityForm = Field("bce", description="Form of plausibility; only bce is in the authors' code.")
    plaus_weight: float = Field(0.5, ge=0, description="Weight of plausibility.")
    gold_share: float = Field(1.0, gt=0, le=1, description="Share of the gold highlights that is used.")
    gold_seed: int = Field(0, ge=0, description="Which part of them.")
    mix: bool = Field(
        True, description="With gold_share < 1: draw half of every batch from the examples that have gold."
    )


class BaselineConfig(PaperConfig):
    """Knobs of every baseline."""

    plausibility: bool = Field(False, description="The +P form: learn from gold highlights too.")


class RationaleMetric(BaselineConfig):
    """Knobs of baselines whose extractor can be evaluated on the dev set beside the task."""

    metric: Literal["accuracy", "macro_f1", "loss", "auprc"] = Field(  # type: ignore[assignment]
        "accuracy", description="Dev metric that selects the weights and stops early."
    )


def first_stage(config: BaselineConfig, metric: str | None = None) -> BaselineConfig:
    """The settings of a stage before the main one: schedules of loss terms are of the main stage's terms."""
    return config.model_copy(update={"term_schedules": None, "metric": metric or config.metric})


NO_HIGHLIGHTS: Final = "the training data has no gold highlights to learn plausibility from"


def has_highlights(train: RationaleDataset) -> bool:
    """Whether an example can teach plausibility: it has a label, and people marked its words."""
    return any(e.evidence is not None and e.label is not None for e in train)


class EncoderRecipe(Recipe):
    """A recipe for encoders alone."""

    def require_data(self) -> None:
        """Refuses data that lack what the recipe needs.

        Raises:
            UsageError: See `misses`.
        """
        missing = self.misses(self.train, self.config)
        if missing is not None:
            raise UsageError(f"{missing}.")

    @classmethod
    def is_compatible(cls, task: Task, model: TaskModel | None = None) -> str | None:
        """The rationale is chosen by tokens that know the whole input, so it takes an encoder."""
        kind = getattr(model, "kind", None)
        if kind is not None and kind not in ("classifier", "choice_encoder"):
            return f"{cls.name} needs an encoder, and {model.name if model else 'this'} is a language model ({kind})"
        return super().is_compatible(task, model)


class Baseline(EncoderRecipe):
    """A baseline: an encoder, labels and, for +P, gold highlights."""

    @property
    def network(self) -> Any:
        """The task model's network."""
        return self.model.network

    def encoder(self) -> TransformerModel:
        """The task model."""
        assert isinstance(self.model, TransformerModel)
        return self.model

    def annotated(self) -> tuple[TrainingSet[Annotated], TrainingSet[Annotated] | None]:
        """Training and dev examples with their highlights; of the former the share that is to be used.

        Raises:
            UsageError: See `misses`.
        """
        self.require_data()
        config = self.config
        assert isinstance(config, BaselineConfig)
        mix = config.mix and config.plausibility
        train = prepare_annotated(self.model, self.train, share=config.gold_share, seed=config.gold_seed, mix=mix)
        return train, None if self.dev is None else prepare_annotated(self.model, self.dev)

    @classmethod
    def misses(cls, train: RationaleDataset, config: LoopSettings) -> str | None:
        """Gold highlights, for +P."""
        assert isinstance(config, BaselineConfig)
        if config.plausibility and not has_highlights(train):
            return f"{cls.name}: {NO_HIGHLIGHTS}; use plausibility=false"
        return None
