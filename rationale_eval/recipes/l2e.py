"""L2E, learning to explain: an encoder learns to give in one pass what attributions of a model take many for.

The attributions of the tokens fall into five bins, from strongly negative to strongly positive; the explainer learns
to tell the bin. The task model is trained first, or given, and then stays as it is.

Source: Situ et al. 2021, "Learning to Explain: Generating Stable Explanations Fast"; Chan et al. 2022 (UNIREX),
released code, for integrated gradients as what is learned and for where the bins part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from rationale_eval.durable import digest
from rationale_eval.errors import UsageError
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.rationales.extractors import Reading
from rationale_eval.rationales.extractors.apply import token_scores
from rationale_eval.rationales.extractors.attributed import Attributed
from rationale_eval.rationales.extractors.binned import Binned, bins_of, expected
from rationale_eval.rationales.extractors.heads import Head
from rationale_eval.rationales.extractors.stored import save_extractor
from rationale_eval.recipes.baseline import Baseline, BaselineConfig, first_stage
from rationale_eval.recipes.fine_tune import LabelLearner, set_dropout
from rationale_eval.recipes.record import Stage, recipe
from rationale_eval.training.annotated import Annotated, read_batch
from rationale_eval.training.examples import by_length
from rationale_eval.training.highlights import mean_auprc
from rationale_eval.training.learner import TrainingSet
from rationale_eval.training.objective import Term
from rationale_eval.training.plausibility import plausibility_loss
from rationale_eval.training.randomness import Moment, derive

NO_BIN = -100


class L2eConfig(BaselineConfig):
    """Knobs of L2E."""

    task_model: Literal["auto", "train", "keep"] = Field(
        "auto", description="Train the task model first, or keep it as it is; auto: train it if it has a fresh head."
    )
    attribution: str = Field("integrated_gradients", description="The attributions that are learned.")
    steps: int = Field(3, ge=1, le=1000, description="Steps of integrated gradients.")
    head: Head = Field("linear", description="Head of the explainer.")
    bin_weight: float = Field(1.0, ge=0, description="Weight of the loss of the bins.")


@dataclass(frozen=True, slots=True, eq=False)
class Attributions(Annotated):
    """An example and the bins of its tokens.

    Args:
        bins: For each row int64 `[tokens]`.
    """

    bins: tuple[NDArray[np.int64], ...] = ()


@recipe
class L2e(Baseline):
    """Task model: -log p(y | x). Then: the mean over tokens of -log p(bin of the token), and for +P 0.5 L_plaus."""

    name = "l2e"
    title = "Learn to predict the attributions of a trained model (L2E)"
    cite = "Situ et al. 2021 (L2E)"
    describe = (
        "An encoder learns to name, in one pass, the bin of every token's attribution, of a task model that is "
        "trained first or given and then stays as it is."
    )
    avoid = (
        "Not where the attributions themselves are poor: it can be no more faithful than what it imitates. Not "
        "for exact scores, since it tells five bins apart."
    )
    Config = L2eConfig

    def stages(self) -> Iterator[Stage]:
        """The task model, unless it is given, then the explainer."""
        config = self.config
        assert isinstance(config, L2eConfig)
        train, dev = self.annotated()
        teacher = Attributed(
            config.attribution, {"steps": config.steps} if config.attribution == "integrated_gradients" else {}
        )
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(derive(self.seed, "extractor", self.name))
            # From the weights before training, as UNIREX's second encoder.
            self.extractor = Binned.build(self.model, {"head": config.head}).to(self.model.device)
        for network in (self.network, self.extractor):
            if config.dropout is not None:
                set_dropout(network, config.dropout)
        trained = self.encoder().trained
        if config.task_model == "keep" and not trained:
            raise UsageError(
                f"{self.name}: task_model=keep needs a trained task model, and the head of {self.model.name} is fresh; "
                "name one (--model run:ID) or use task_model=train"
            )
        if config.task_model == "train" or not trained:
            self.model.embedding().weight.requires_grad_(not config.freeze_embeddings)
            yield Stage("task", LabelLearner(self.model, dev), train, first_stage(config))
        self.network.requires_grad_(False)
        model = self.encoder()
        learner = L2eLearner(model, self.extractor, None if dev is None else taught(model, dev, teacher), config)
        settings = config.model_copy(update={"metric": "loss"})
        yield Stage(self.name, learner, taught(model, train, teacher), settings)

    def save(self, folder: Path) -> None:
        """The task model, and beside it the explainer."""
        super().save(folder)
        save_extractor(self.extractor, folder / "extractor")


def taught(model: TransformerModel, data: TrainingSet[Annotated], teacher: Attributed) -> TrainingSet[Annotated]:
    """The examples with the bins of their tokens, which explain the model's own answer."""
    found = iter(token_scores(model, teacher, [row for item in data.items for row in item.encoding.rows]))
    items = [
        Attributions(
            **{field.name: getattr(item, field.name) for field in fields(item)},
            bins=tuple(bins_of(next(found)) for _ in item.encoding.rows),
        )
        for item in data.items
    ]
    made = digest([data.fingerprint, model.fingerprint, teacher.settings()])
    return TrainingSet(items, data.ids, data.lengths, made, data.truncated, data.pool)


class L2eLearner(LabelLearner):
    """The losses of L2E.

    Args:
        model: The task model, which stays as it is.
        extractor: The explainer.
        dev: What it is evaluated on: examples with bins.
        config: The knobs.
    """

    def __init__(
        self, model: TransformerModel, extractor: Binned, dev: TrainingSet[Annotated] | None, config: L2eConfig
    ):
        super().__init__(model, dev)
        self.extractor, self.config, self.taught_dev = extractor, config, dev
        terms = [Term("bins", config.bin_weight)]
        if config.plausibility:
            terms.append(Term("plaus", config.plaus_weight, reduction="batch"))
        self.terms = tuple(terms)

    def modules(self) -> Mapping[str, nn.Module]:
        """The explainer."""
        return {"extractor": self.extractor}

    def losses(self, batch: Sequence[Annotated], moment: Moment) -> Mapping[str, Tensor]:  # type: ignore[override]
        """`bins` `[examples]`, `plaus` a scalar."""
        read = read_batch(self.model, batch)
        bins = self.extractor.bins(self.model, read.reading)
        found = {"bins": bin_loss(bins, batch)}
        if self.config.plausibility:
            found["plaus"] = plausibility_loss(expected(bins), read.gold, read.inside, self.config.plaus_form)
        return found

    def evaluate(self) -> Mapping[str, float]:
        """`loss` of the bins; `auprc` over the dev examples with highlights; of the task `accuracy` and `macro_f1`."""
        if self.taught_dev is None:
            return {}
        losses: list[Tensor] = []
        for batch in by_length(self.taught_dev):
            read = read_batch(self.model, batch)
            losses.append(bin_loss(self.extractor.bins(self.model, read.reading), batch).double().cpu())

        def explain(reading: Reading, _: Any) -> Tensor:
            return self.extractor.logits(self.model, reading)

        found = dict(super().evaluate()) | mean_auprc(self.model, self.taught_dev, explain)
        return found | {"loss": float(torch.cat(losses).mean())}


def bin_loss(bins: Tensor, batch: Sequence[Annotated]) -> Tensor:
    """Mean over an example's tokens, special ones included, of -log p(bin), `[examples]`.

    Args:
        bins: Logits `[rows, tokens, bins]`.
        batch: `Attributions`, whose rows these are.
    """
    true = np.full(bins.shape[:2], NO_BIN, dtype=np.int64)
    owner: list[int] = []
    for place, item in enumerate(batch):
        assert isinstance(item, Attributions)
        for row in item.bins:
            true[len(owner), : len(row)] = row
            owner.append(place)
    wanted = torch.from_numpy(true).to(bins.device)
    loss = nn.functional.cross_entropy(bins.transpose(1, 2), wanted, ignore_index=NO_BIN, reduction="none")
    rows = torch.tensor(owner, device=bins.device)
    sums = loss.new_zeros(len(batch)).index_add(0, rows, loss.sum(dim=1))
    counts = loss.new_zeros(len(batch)).index_add(0, rows, (wanted != NO_BIN).sum(dim=1).to(loss))
    return sums / counts
