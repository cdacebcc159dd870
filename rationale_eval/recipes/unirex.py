"""UNIREX: a task model and a rationale extractor, trained together to be right, faithful and plausible.

The extractor gives every token a score. For each k in the bins the top k % are the rationale r_k. The task model learns
to answer x, to fail without r_k (comprehensiveness), and to hold its answer on r_k alone (sufficiency); the extractor
learns from gold highlights (plausibility).

Source: Chan et al. 2022, "UNIREX: A Unified Learning Framework for Language Model Rationale Extraction".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.errors import UsageError
from rationale_eval.models.base import TaskModel
from rationale_eval.rationales.extractors import Extractor, Reading
from rationale_eval.rationales.extractors.attributed import BY_DIMENSION, Attributed, Pooling
from rationale_eval.rationales.extractors.heads import Head
from rationale_eval.rationales.extractors.record import hidden_size
from rationale_eval.rationales.extractors.separate import Separate
from rationale_eval.rationales.extractors.shared import Shared
from rationale_eval.rationales.extractors.stored import save_extractor
from rationale_eval.recipes.baseline import NO_HIGHLIGHTS, EncoderRecipe, PaperConfig, has_highlights
from rationale_eval.recipes.fine_tune import LabelLearner, set_dropout
from rationale_eval.recipes.record import Stage, recipe
from rationale_eval.training import top_k
from rationale_eval.training.annotated import Annotated, Read, prepare_annotated, read_batch
from rationale_eval.training.faithfulness import (
    ComprehensivenessForm,
    SufficiencyForm,
    comprehensiveness_loss,
    sufficiency_kl,
    sufficiency_loss,
)
from rationale_eval.training.highlights import mean_auprc
from rationale_eval.training.learner import TrainingSet
from rationale_eval.training.masked import hidden, mixed
from rationale_eval.training.objective import Term
from rationale_eval.training.plausibility import plausibility_loss
from rationale_eval.training.randomness import Moment, derive
from rationale_eval.training.settings import LoopSettings

BINS: Final = (1.0, 5.0, 10.0, 20.0, 50.0)

Choice = Literal["hard", "straight_through", "gumbel", "perturbed"]
Heuristic = Literal["random", "gold", "inverse_gold"]


class UnirexConfig(PaperConfig):
    """Knobs of UNIREX; the defaults are the paper's."""

    metric: Literal["accuracy", "macro_f1", "loss", "auprc"] = Field(  # type: ignore[assignment]
        "accuracy", description="Dev metric that selects the weights and stops early."
    )
    extractor: Literal["aa", "slm", "dlm", "random", "gold", "inverse_gold"] = Field(
        "dlm",
        description=(
            "aa: attributions of the task model; slm: a head on its encoder; dlm: an encoder of its own; or a control."
        ),
    )
    objectives: Literal["task", "F", "P", "FP"] = Field(
        "FP", description="task alone, or beside it F faithfulness (comprehensiveness, sufficiency), P plausibility."
    )
    bins: tuple[float, ...] = Field(BINS, min_length=1, description="Sizes of the rationale in per cent.")
    unit: top_k.Unit = Field("token", description="What a rationale is chosen from: tokens (paper) or words.")
    comp_form: ComprehensivenessForm | Literal["off"] = Field("margin", description="Form of comprehensiveness.")
    comp_margin: float = Field(1.0, ge=0, description="Its margin.")
    suff_form: SufficiencyForm | Literal["off"] = Field("margin", description="Form of sufficiency.")
    suff_margin: float = Field(0.1, ge=0, description="Its margin.")
    task_weight: float = Field(1.0, ge=0, description="Weight of the task loss.")
    comp_weight: float = Field(0.5, ge=0, description="Weight of comprehensiveness.")
    suff_weight: float = Field(0.5, ge=0, description="Weight of sufficiency.")
    head: Head = Field("linear", description="Head of slm and dlm.")
    attribution: str = Field("integrated_gradients", description="Method of aa.")
    steps: int = Field(3, ge=1, le=1000, description="Steps of aa by integrated gradients.")
    pooling: Pooling = Field("sum", description="How aa's scores by dimension become one; mlp is trained.")
    second_order: bool = Field(
        True, description="With aa and P: let plausibility reach the task model through its attributions."
    )
    choice: Choice = Field(
        "hard", description="How tokens are chosen: hard (paper; no gradient to the extractor), or differentiably."
    )
    realise: Literal["auto", "attention", "embedding"] = Field(
        "auto", description="How tokens are taken away: hidden from attention (paper), or moved to padding's embedding."
    )
    temperature: float = Field(1.0, gt=0, description="Softness of a differentiable choice; spread of its noise.")
    draws: int = Field(10, ge=1, le=1000, description="Draws of choice=perturbed.")

    @model_validator(mode="after")
    def _fits(self) -> UnirexConfig:
        if any(not 0 < k <= 100 for k in self.bins):
            raise ValueError("bins are percentages above 0 and at most 100")
        if self.choice != "hard" and self.realise == "attention":
            raise ValueError(f"choice={self.choice} needs realise=embedding, which lets a gradient through")
        if self.choice != "hard" and self.extractor not in ("slm", "dlm"):
            raise ValueError(f"choice={self.choice} trains an extractor; {self.extractor} has none to train that way")
        if "P" in self.objectives and self.extractor in ("random", "gold", "inverse_gold"):
            raise ValueError(f"extractor={self.extractor} cannot learn plausibility; use objectives=F")
        return self


@recipe
class Unirex(EncoderRecipe):
    """L = L_task + 0.5 L_comp + 0.5 L_suff + 0.5 L_plaus."""

    name = "unirex"
    title = "Train a task model and its rationale extractor together (UNIREX)"
    cite = "Chan et al. 2022 (UNIREX), sections 4.1 to 4.4"
    describe = (
        "A task model and an extractor are trained together: to answer, to fail without the rationale, to hold "
        "the answer on the rationale alone, and to choose the words that people marked."
    )
    avoid = (
        "Not without highlights for its plausibility objective (objectives=F needs none). Not for comparing "
        "faithfulness with models that never saw texts with holes: this one was trained on them."
    )
    Config = UnirexConfig

    @classmethod
    def misses(cls, train: RationaleDataset, config: LoopSettings) -> str | None:
        """Gold highlights, for P."""
        assert isinstance(config, UnirexConfig)
        if "P" in config.objectives and not has_highlights(train):
            return f"{cls.name}: {NO_HIGHLIGHTS}; use objectives=F"
        return None

    def stages(self) -> Iterator[Stage]:
        """One stage: everything together."""
        config = self.config
        assert isinstance(config, UnirexConfig)
        self.require_data()
        train = prepare_annotated(
            self.model, self.train, share=config.gold_share, seed=config.gold_seed, mix=config.mix
        )
        dev = None if self.dev is None else prepare_annotated(self.model, self.dev)
        self.model.embedding().weight.requires_grad_(not config.freeze_embeddings)
        self.extractor = make_extractor(self.model, config, self.seed)
        for network in (self.model.network, self.extractor):
            if config.dropout is not None and network is not None:
                set_dropout(network, config.dropout)
        yield Stage(self.name, UnirexLearner(self.model, self.extractor, dev, config), train, config)

    def save(self, folder: Path) -> None:
        """The task model, and beside it the extractor."""
        super().save(folder)
        if self.extractor is not None:
            save_extractor(self.extractor, folder / "extractor")


def make_extractor(model: TaskModel, config: UnirexConfig, seed: int = 0) -> Extractor | None:
    """The extractor of a configuration, with a fresh head; None for controls."""
    width = hidden_size(model)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive(seed, "extractor", config.extractor))
        if config.extractor == "slm":
            made: Extractor = Shared(width, config.head)
        elif config.extractor == "dlm":
            made = Separate.build(model, {"head": config.head})
        elif config.extractor == "aa":
            params = {"steps": config.steps} if config.attribution == "integrated_gradients" else {}
            second_order = config.second_order and "P" in config.objectives and config.attribution in BY_DIMENSION
            made = Attributed(config.attribution, params, config.pooling, width=width, second_order=second_order)
            if "P" in config.objectives and not second_order and config.pooling == "sum":
                raise UsageError(
                    f"unirex: plausibility cannot reach the model through {config.attribution} with "
                    "second_order=false or a method without scores by dimension; use pooling=mlp or objectives=F"
                )
        else:
            return None
    return made.to(model.device)


class UnirexLearner(LabelLearner):
    """The losses of UNIREX.

    Args:
        model: The task model F.
        extractor: The extractor E; None where a control stands in for it.
        dev: What both are evaluated on.
        config: The knobs.
    """

    def __init__(
        self,
        model: TaskModel,
        extractor: Extractor | None,
        dev: TrainingSet[Annotated] | None,
        config: UnirexConfig,
    ):
        super().__init__(model, dev)
        self.extractor, self.config, self.annotated_dev = extractor, config, dev
        weights = {"task": config.task_weight}
        if "F" in config.objectives:
            weights |= {"comp": config.comp_weight} if config.comp_form != "off" else {}
            weights |= {"suff": config.suff_weight} if config.suff_form != "off" else {}
        terms = [Term(name, weight) for name, weight in weights.items()]
        if "P" in config.objectives:
            terms.append(Term("plaus", config.plaus_weight, reduction="batch"))
        self.terms = tuple(terms)

    def modules(self) -> Mapping[str, nn.Module]:
        """The task model's network and the extractor."""
        trained = {"network": self.model.network}
        if self.extractor is not None and any(True for _ in self.extractor.parameters()):
            trained["extractor"] = self.extractor
        return trained

    def losses(self, batch: Sequence[Annotated], moment: Moment) -> Mapping[str, Tensor]:  # type: ignore[override]
        """`task`, `comp` and `suff` `[examples]`, `plaus` a scalar."""
        read = read_batch(self.model, batch)
        scores, logits = self._answer_and_explain(read.reading, batch)
        full = read.choices(scores)
        ce = _cross_entropy(full, read.labels)
        found = {"task": ce}
        if "F" in self.config.objectives:
            found |= self._faithfulness(read, logits, full, ce, moment)
        if "P" in self.config.objectives:
            found["plaus"] = plausibility_loss(logits, read.gold, read.inside, self.config.plaus_form)
        return found

    def _answer_and_explain(self, reading: Reading, batch: Sequence[Annotated]) -> tuple[Tensor, Tensor]:
        """F(x) `[rows, outputs]` and E(x) `[rows, tokens]`; a shared encoder runs once for both."""
        if self.extractor is None:
            return self.model.scores(reading.batch), self._control(reading, batch)
        if self.extractor.needs_states:
            scores, states = self.model.scores_and_states(reading.batch)
            return scores, self.extractor.logits(self.model, reading.with_states(states))
        return self.model.scores(reading.batch), self.extractor.logits(self.model, reading)

    def _faithfulness(self, read: Read, logits: Tensor, full: Tensor, ce: Tensor, moment: Moment) -> dict[str, Tensor]:
        """L_comp and L_suff over all bins; every part of every example goes through the task model at once."""
        config = self.config
        units = top_k.units(read.reading, config.unit)
        parts = top_k.shares(self._chosen(logits, units, moment), units)
        run = hidden if _realised(config) == "attention" else mixed
        wanted = [name for name in ("comp", "suff") if name in {term.name for term in self.terms}]
        kept = torch.cat([parts.rest if name == "comp" else parts.rationale for name in wanted])
        answers = read.choices(run(self.model, read.reading, kept)).split(len(config.bins))
        found: dict[str, Tensor] = {}
        for name, scores in zip(wanted, answers, strict=True):
            if name == "suff" and config.suff_form == "kl":
                found[name] = sufficiency_kl(full, scores)
                continue
            part = torch.stack([_cross_entropy(one, read.labels) for one in scores])
            if name == "comp":
                assert config.comp_form != "off"
                found[name] = comprehensiveness_loss(ce, part, config.comp_form, config.comp_margin)
            else:
                assert config.suff_form != "off"
                found[name] = sufficiency_loss(ce, part, config.suff_form, config.suff_margin)
        return found

    def _chosen(self, logits: Tensor, units: top_k.Units, moment: Moment) -> Tensor:
        """The rationale of every bin, `[bins, rows, units]`: booleans, or shares with a gradient."""
        config = self.config
        scores, sizes = top_k.pooled(logits, units), top_k.counts(units, config.bins)
        if config.choice == "hard":
            chosen = top_k.top_k(scores, units, sizes)
            return chosen if _realised(config) == "attention" else chosen.to(scores)
        if config.choice == "straight_through":
            return top_k.straight_through(scores, units, sizes, config.temperature)
        draw = moment.numpy("choice")
        if config.choice == "gumbel":
            noise = torch.from_numpy(draw.random(tuple(scores.shape))).to(scores)
            return top_k.gumbel(scores, units, sizes, config.temperature, noise)
        noise = torch.from_numpy(draw.standard_normal((config.draws, *scores.shape))).to(scores)
        return top_k.perturbed(scores, units, sizes, config.temperature, noise)

    def _control(self, reading: Reading, batch: Sequence[Annotated]) -> Tensor:
        scores = torch.zeros(reading.word.shape)
        lines = iter(scores)
        for item in batch:
            values = _control_scores(item, self.config.extractor)
            for row in item.encoding.rows:
                inside = np.flatnonzero(row.word >= 0)
                next(lines)[inside] = torch.from_numpy(values[row.word[inside]]).float()
        return scores.to(reading.word.device)

    def evaluate(self) -> Mapping[str, float]:
        """Those of the task; and `auprc`, the mean over dev examples with highlights, unless a control extracts."""
        found = dict(super().evaluate())
        if self.annotated_dev is None or self.extractor is None:
            return found
        explained = mean_auprc(self.model, self.annotated_dev, lambda *given: self._answer_and_explain(*given)[1])
        return found | explained


def _realised(config: UnirexConfig) -> Literal["attention", "embedding"]:
    if config.realise == "auto":
        return "attention" if config.choice == "hard" else "embedding"
    return config.realise


def _cross_entropy(scores: Tensor, labels: Tensor) -> Tensor:
    return nn.functional.cross_entropy(scores.float(), labels, reduction="none")


def _control_scores(item: Annotated, control: str) -> np.ndarray:
    words = item.encoding.words
    if control == "random":
        return np.random.default_rng(derive(0, "control", item.example.id)).standard_normal(words)
    if item.gold is None:
        return np.zeros(words)
    return (item.gold if control == "gold" else ~item.gold).astype(np.float64)
