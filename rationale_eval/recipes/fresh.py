"""FRESH: a support model says which words matter, and a second model learns to answer from those words alone.

The support model is trained on the labels; the words with the highest attributions to its answer are the rationale,
which is then data like any other. The second model starts from the same weights as the support model did and never
sees the other words, in training or later, so its answers are faithful to the rationale by construction. With
plausibility=true the words are chosen by an encoder that was trained on gold highlights instead.

Source: Jain et al. 2020, "Learning to Faithfully Rationalize by Construction".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from pydantic import Field
from torch import Tensor, nn

from rationale_eval.models.base import TaskModel
from rationale_eval.rationales.extractors import Extractor
from rationale_eval.rationales.extractors.frozen import Frozen
from rationale_eval.rationales.extractors.heads import Head
from rationale_eval.rationales.extractors.separate import Separate
from rationale_eval.rationales.extractors.stored import save_extractor
from rationale_eval.rationales.select_first import Counting, Form, Rule, SelectFirst
from rationale_eval.recipes.baseline import Baseline, BaselineConfig, first_stage
from rationale_eval.recipes.fine_tune import LabelLearner, set_dropout
from rationale_eval.recipes.record import Stage, recipe
from rationale_eval.training.annotated import Annotated, read_batch
from rationale_eval.training.highlights import mean_auprc
from rationale_eval.training.learner import Learner, TrainingSet
from rationale_eval.training.narrowed import narrow
from rationale_eval.training.objective import Term
from rationale_eval.training.plausibility import PlausibilityForm, plausibility_loss
from rationale_eval.training.randomness import Moment, derive


class FreshConfig(BaselineConfig):
    """Knobs of FRESH."""

    share: float = Field(20.0, gt=0, le=100, description="Words that are kept, in per cent; at least one word.")
    rationale: Form = Field("top", description="top: the highest scores; span: the run of words with the highest sum.")
    counting: Counting = Field("floor", description="How a share becomes a number of words.")
    attribution: str = Field("integrated_gradients", description="Attribution method of the support model.")
    steps: int = Field(3, ge=1, le=1000, description="Steps of integrated gradients.")
    head: Head = Field("linear", description="Head of the extractor of plausibility=true.")


@recipe
class Fresh(Baseline):
    """Support: -log p(y | x). Then, with the rationale r(x) fixed: -log p(y | r(x))."""

    name = "fresh"
    title = "Answer from the words that a support model finds important, and from no others (FRESH)"
    cite = "Jain et al. 2020 (FRESH)"
    describe = (
        "A support model is trained and explained; a second model learns from the words found important and never"
        " sees the others, so that its rationales are faithful by construction."
    )
    avoid = (
        "Not where accuracy matters most, since what the support model misses is gone for good; and not as "
        "evidence that the support model was faithful, which is another model."
    )
    Config = FreshConfig

    def stages(self) -> Iterator[Stage]:
        """What chooses the words, then what answers from them."""
        config = self.config
        assert isinstance(config, FreshConfig)
        train, dev = self.annotated()
        self.network.get_input_embeddings().weight.requires_grad_(not config.freeze_embeddings)
        if config.dropout is not None:
            set_dropout(self.network, config.dropout)
        if config.plausibility:
            extractor: Extractor = _marker(self.model, config.head, self.seed)
            learner: Learner[Annotated] = MarkLearner(self.model, extractor, dev, config.plaus_form)
            yield Stage("extractor", learner, train, first_stage(config, metric="auprc"))
        else:
            params = {"steps": config.steps} if config.attribution == "integrated_gradients" else {}
            untrained = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
            support = Frozen.build(self.model, {"method": config.attribution, "params": params})  # refuses odd methods
            yield Stage("support", LabelLearner(self.model, dev), train, first_stage(config))
            support.network.load_state_dict(self.network.state_dict())
            self.network.load_state_dict(untrained)
            extractor = support
        self.extractor = extractor.eval().requires_grad_(False)
        self.narrowing = SelectFirst(Rule(config.share, config.rationale, config.counting), self.extractor)
        kept, kept_dev = (self._kept(data) for data in (train, dev))
        assert kept is not None
        yield Stage(self.name, LabelLearner(self.model, kept_dev), kept, config)

    def _kept(self, data: TrainingSet[Annotated] | None) -> TrainingSet[Annotated] | None:
        return None if data is None else narrow(data, self.encoder(), self.narrowing)

    def save(self, folder: Path) -> None:
        """The second model with the rule by which it reads, and beside it what chooses the words."""
        self.encoder().narrowing = self.narrowing
        super().save(folder)
        save_extractor(self.extractor, folder / "extractor")


def _marker(model: TaskModel, head: Head, seed: int) -> Separate:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive(seed, "extractor", "fresh"))
        return Separate.build(model, {"head": head}).to(model.device)


class MarkLearner(Learner[Annotated]):
    """Learns to mark what people marked.

    Args:
        model: The task model, which stays as it is.
        extractor: What is trained.
        dev: What it is evaluated on, or None.
        form: Form of the loss.
    """

    terms: Sequence[Term] = (Term("plaus", reduction="batch"),)

    def __init__(
        self, model: TaskModel, extractor: Extractor, dev: TrainingSet[Annotated] | None, form: PlausibilityForm
    ):
        self.model, self.extractor, self.dev, self.form = model, extractor, dev, form

    @property
    def device(self) -> torch.device:
        """Where the model lives."""
        return self.model.device

    def modules(self) -> Mapping[str, nn.Module]:
        """The extractor."""
        return {"extractor": self.extractor}

    def losses(self, batch: Sequence[Annotated], moment: Moment) -> Mapping[str, Tensor]:
        """`plaus`, a scalar."""
        read = read_batch(self.model, batch)
        logits = self.extractor.logits(self.model, read.reading)
        return {"plaus": plausibility_loss(logits, read.gold, read.inside, self.form)}

    def evaluate(self) -> Mapping[str, float]:
        """`auprc` on the dev examples with highlights; nothing where there are none."""
        if self.dev is None:
            return {}
        return mean_auprc(self.model, self.dev, lambda reading, _: self.extractor.logits(self.model, reading))
