"""A2R: a predictor that reads the selected words alone, tied to one that reads all words, weighted by attention.

Choosing words lets no gradient through, and a predictor that only ever sees what a poor extractor chose comes to suit
it (the two are interlocked). So the extractor learns through the soft predictor, which sees every word weighted by
attention, and the soft and the hard predictor are kept from drifting apart. The hard predictor is what is kept.

Source: Yu et al. 2021, "Understanding Interlocking Dynamics of Cooperative Rationalization"; Chan et al. 2022 (UNIREX),
released code, for the top-k choice and the variant `released` of the term that ties the predictors.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from rationale_eval.models.base import NO_WORD
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.rationales.extractors import Extractor, Reading
from rationale_eval.rationales.extractors.heads import Head
from rationale_eval.rationales.extractors.separate import Separate
from rationale_eval.rationales.extractors.stored import save_extractor
from rationale_eval.rationales.select_first import Counting, Form, Rule, SelectFirst, narrowed, select
from rationale_eval.recipes.baseline import Baseline, RationaleMetric
from rationale_eval.recipes.fine_tune import LabelLearner, cross_entropy, set_dropout
from rationale_eval.recipes.record import Stage, recipe
from rationale_eval.training.annotated import Annotated, Read, read_batch
from rationale_eval.training.examples import Prepared, choice_scores
from rationale_eval.training.highlights import mean_auprc
from rationale_eval.training.learner import TrainingSet
from rationale_eval.training.objective import Term
from rationale_eval.training.plausibility import plausibility_loss
from rationale_eval.training.randomness import Moment, derive

Tie = Literal["js", "released"]
Weighting = Literal["softmax", "rescaled"]


class A2rConfig(RationaleMetric):
    """Knobs of A2R."""

    share: float = Field(20.0, gt=0, le=100, description="Words the hard predictor reads, in per cent; at least one.")
    rationale: Form = Field("top", description="top: the highest scores; span: the run of words with the highest sum.")
    counting: Counting = Field("half_even", description="How a share becomes a number of words.")
    head: Head = Field("linear", description="Head of the extractor.")
    tie: Tie = Field("js", description="js: Jensen-Shannon divergence (paper); released: with KL(m || p) in it.")
    weighting: Weighting = Field(
        "softmax", description="What the soft predictor's embeddings are multiplied by; rescaled: mean weight 1."
    )
    task_weight: float = Field(1.0, ge=0, description="Weight of the hard predictor's loss.")
    soft_weight: float = Field(1.0, ge=0, description="Weight of the soft predictor's loss.")
    tie_weight: float = Field(1.0, ge=0, description="Weight of the term that ties them.")


@recipe
class A2r(Baseline):
    """L = -log p_hard(y | r(x)) - log p_soft(y | x, a) + JS(p_hard, p_soft), and for +P 0.5 L_plaus."""

    name = "a2r"
    title = "A hard and a soft predictor tied together, so that the extractor learns from all words (A2R)"
    cite = "Yu et al. 2021 (A2R)"
    describe = (
        "An extractor chooses words for a hard predictor; a soft predictor reads all words weighted by the "
        "extractor's attention, and the two are kept alike, so that the extractor gets a gradient. The hard "
        "predictor is kept."
    )
    avoid = (
        "Not for long rationales out of very short texts, where there is little to choose; and not with a weight "
        "of the tie near 0, for then the hard predictor and the extractor may settle on a poor choice that suits "
        "them both."
    )
    Config = A2rConfig

    def stages(self) -> Iterator[Stage]:
        """One stage: extractor and both predictors."""
        config = self.config
        assert isinstance(config, A2rConfig)
        train, dev = self.annotated()
        self.model.embedding().weight.requires_grad_(not config.freeze_embeddings)
        self.rule = Rule(config.share, config.rationale, config.counting)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(derive(self.seed, "extractor", self.name))
            self.extractor = Separate.build(self.model, {"head": config.head}).to(self.model.device)
        learner = A2rLearner(self.encoder(), self.extractor, dev, config, self.rule)
        for network in learner.modules().values():
            if config.dropout is not None:
                set_dropout(network, config.dropout)
        yield Stage(self.name, learner, train, config)

    def save(self, folder: Path) -> None:
        """The hard predictor with the rule by which it reads, and the extractor; the soft predictor is not kept."""
        self.encoder().narrowing = SelectFirst(self.rule, self.extractor)
        super().save(folder)
        save_extractor(self.extractor, folder / "extractor")


class A2rLearner(LabelLearner):
    """The losses of A2R.

    Args:
        model: The hard predictor.
        extractor: Gives tokens their attention.
        dev: What both are evaluated on.
        config: The knobs.
        rule: Which words the hard predictor reads.
    """

    def __init__(
        self,
        model: TransformerModel,
        extractor: Extractor,
        dev: TrainingSet[Annotated] | None,
        config: A2rConfig,
        rule: Rule,
    ):
        super().__init__(model, dev)
        self.extractor, self.config, self.rule, self.annotated_dev = extractor, config, rule, dev
        self.soft = model.with_network(copy.deepcopy(model.network))
        terms = [
            Term("task", config.task_weight),
            Term("soft", config.soft_weight),
            Term("tie", config.tie_weight),
        ]
        if config.plausibility:
            terms.append(Term("plaus", config.plaus_weight, reduction="batch"))
        self.terms = tuple(terms)

    def modules(self) -> Mapping[str, nn.Module]:
        """Hard predictor, soft predictor, extractor."""
        return {"network": self.model.network, "soft": self.soft.network, "extractor": self.extractor}

    def losses(self, batch: Sequence[Annotated], moment: Moment) -> Mapping[str, Tensor]:  # type: ignore[override]
        """`task`, `soft` and `tie` `[examples]`, `plaus` a scalar."""
        read = read_batch(self.model, batch)
        attention = self.extractor.logits(self.model, read.reading)
        hard, soft = self._hard(batch, attention), self._soft(read, attention)
        found = {
            "task": cross_entropy(hard, batch),
            "soft": cross_entropy(soft, batch),
            "tie": tie(hard, soft, self.config.tie),
        }
        if self.config.plausibility:
            found["plaus"] = plausibility_loss(attention, read.gold, read.inside, self.config.plaus_form)
        return found

    def answers(self, batch: Sequence[Prepared]) -> Tensor:
        """What the hard predictor says to the selected words, `[examples, choices]`."""
        read = read_batch(self.model, [item for item in batch if isinstance(item, Annotated)])
        return self._hard(batch, self.extractor.logits(self.model, read.reading))

    def _hard(self, batch: Sequence[Prepared], attention: Tensor) -> Tensor:
        scores = iter(attention.detach().double().cpu().numpy())
        encodings = []
        for item in batch:
            rows = item.encoding.rows
            kept = [select(item.encoding, row, next(scores)[: len(row.ids)], self.rule) for row in rows]
            encodings.append(narrowed(item.encoding, kept))
        return choice_scores(self.model, encodings).float()

    def _soft(self, read: Read, attention: Tensor) -> Tensor:
        weights = token_weights(attention, read.reading, self.config.weighting)
        text = self.soft.embedding()(read.reading.batch.ids)
        embeds = weights[..., None].to(text) * text
        return read.choices(self.soft.scores(replace(read.reading.batch, embeds=embeds))).float()

    def evaluate(self) -> Mapping[str, float]:
        """Those of the hard predictor; and `auprc` over the dev examples with highlights."""
        found = dict(super().evaluate())
        if self.annotated_dev is None:
            return found

        def explain(reading: Reading, _: Any) -> Tensor:
            return self.extractor.logits(self.model, reading)

        return found | mean_auprc(self.model, self.annotated_dev, explain)


def token_weights(attention: Tensor, reading: Reading, form: Weighting) -> Tensor:
    """What each token's embedding is multiplied by, float32 `[rows, tokens]`.

    The softmax over the tokens of words (times their number, if rescaled); 1 for tokens that belong to no word, which
    are no candidates. The sources do not say what becomes of those; this is ours.

    Args:
        attention: Token logits `[rows, tokens]`.
        reading: The rows.
        form: The form.
    """
    words = reading.word != NO_WORD
    # A row without words has no attention to share; its own softmax is then of no use and must not be NaN.
    some = words.any(dim=1, keepdim=True)
    shares = torch.softmax(attention.masked_fill(~words & some, -torch.inf), dim=1)
    if form == "rescaled":
        shares = shares * words.sum(dim=1, keepdim=True)
    return torch.where(words, shares, torch.ones_like(shares))


def tie(hard: Tensor, soft: Tensor, form: Tie) -> Tensor:
    """How far two answers p and q are apart, at least 0, `[examples]`.

    With m = (p + q) / 2. js: (KL(p || m) + KL(q || m)) / 2. released: (KL(m || p) + KL(m || q)) / 2.

    Args:
        hard: Scores of the choices `[examples, choices]`; -inf where there is no such choice.
        soft: Likewise.
        form: The form.
    """
    there = torch.isfinite(hard)
    log_p = torch.log_softmax(hard, dim=1).masked_fill(~there, 0.0)
    log_q = torch.log_softmax(soft, dim=1).masked_fill(~there, 0.0)
    log_m = torch.logaddexp(log_p, log_q) - torch.log(torch.tensor(2.0, device=hard.device))
    total = torch.zeros_like(log_p)
    for log_one in (log_p, log_q):
        over, under = (log_one, log_m) if form == "js" else (log_m, log_one)
        total = total + over.exp() * (over - under) / 2
    return total.masked_fill(~there, 0.0).sum(dim=1)
