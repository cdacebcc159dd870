"""UNIREX: its losses equal hand computations, gradients go where the paper says and nowhere else, and it learns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.errors import UsageError
from rationale_eval.models.load import load_model
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.rationales.extract import Extraction, choose
from rationale_eval.rationales.extractors import read
from rationale_eval.recipes import RECIPES
from rationale_eval.recipes.record import read_config
from rationale_eval.recipes.unirex import Unirex, UnirexConfig, UnirexLearner, make_extractor
from rationale_eval.training.annotated import prepare_annotated, read_batch
from rationale_eval.training.journal import Journal
from rationale_eval.training.loop import fit
from rationale_eval.training.randomness import Moment
from tests.helpers.tiny import COMMONSENSE, SENTIMENT, tiny_causal, tiny_choice_encoder, tiny_classifier

GOOD, BAD = ("wonderful", "surprise"), ("dull", "empty")
NOW = Moment(step=3, micro=0, epoch=0, progress=0.0, seed=1)
KINDS = ("aa", "slm", "dlm")


def sentiment(size: int, *, marked: bool = True, lengths: int = 3) -> RationaleDataset:
    """The label is the one telling word among four or some more; it is highlighted."""
    random = np.random.default_rng(size)
    examples = []
    for i in range(size):
        label = int(random.integers(2))
        words = [str(word) for word in random.choice(["the", "film", "was", "a", "its", "and"], 3 + i % lengths)]
        place = int(random.integers(len(words)))
        words.insert(place, str(random.choice((BAD, GOOD)[label])))
        text = " ".join(words)
        start = len(" ".join(words[:place])) + (place > 0)
        evidence = {"text": ((start, start + len(words[place])),)} if marked else None
        examples.append(Example(f"s{i}", "sentiment", {"text": text}, SENTIMENT.choices, label, evidence=evidence))
    return RationaleDataset.from_examples(examples, SENTIMENT)


def questions(size: int) -> RationaleDataset:
    """The right option is the one that stands in the question, where it is highlighted; two to four options."""
    random = np.random.default_rng(size)
    options = ["eat food", "sleep", "run", "read a book"]
    examples = []
    for i in range(size):
        chosen = [options[j] for j in random.permutation(4)[: random.integers(2, 5)]]
        label = int(random.integers(len(chosen)))
        question = f"people {chosen[label]} when they are hungry"
        evidence = {"question": ((7, 7 + len(chosen[label])),)}
        examples.append(
            Example(f"q{i}", "commonsense", {"question": question}, tuple(chosen), label, evidence=evidence)
        )
    return RationaleDataset.from_examples(examples, COMMONSENSE)


def learner(model: TransformerModel, data: RationaleDataset, **knobs: Any) -> tuple[UnirexLearner, list[Any]]:
    config = read_config(Unirex, {"bins": (20.0, 50.0)} | knobs)
    assert isinstance(config, UnirexConfig)
    items = prepare_annotated(model, data).items
    return UnirexLearner(model, make_extractor(model, config), None, config), list(items)


def by_hand(made: UnirexLearner, item: Any) -> dict[str, float]:
    """The losses of one example of a classifier, bin by bin and row by row, with attention masks."""
    model, config = made.model, made.config
    (row,) = item.encoding.rows
    batch = model.pad([row])

    def ce(mask: list[int]) -> float:
        masked = replace(batch, attention=torch.tensor([mask]))
        return -float(torch.log_softmax(model.scores(masked), dim=1)[0, item.label].detach())

    whole = ce([1] * len(row.ids))
    whole_row = read_batch(made.model, [item])
    logits = made._answer_and_explain(whole_row.reading, [item])[1][0].detach()
    comp, suff = [], []
    for k in config.bins:
        # Every token but the first is a candidate, the separator included; round() goes half to even.
        candidates = sorted(range(1, len(row.ids)), key=lambda t: (-float(logits[t]), t))
        chosen = set(candidates[: max(1, round(len(candidates) * k / 100))])
        only = [int(t == 0 or t in chosen) for t in range(len(row.ids))]
        without = [int(t not in chosen) for t in range(len(row.ids))]
        comp.append(max(-config.comp_margin, whole - ce(without)) + config.comp_margin)
        suff.append(max(-config.suff_margin, ce(only) - whole) + config.suff_margin)
    return {"task": whole, "comp": float(np.mean(comp)), "suff": float(np.mean(suff))}


def losses(made: UnirexLearner, items: list[Any], moment: Moment = NOW) -> dict[str, Tensor]:
    return dict(made.losses(items, moment))


@pytest.mark.parametrize("architecture", ["bert", "roberta", "distilbert"])
@pytest.mark.parametrize("kind", KINDS)
def test_losses_are_those_of_a_computation_by_hand(kind: str, architecture: str) -> None:
    made, items = learner(
        tiny_classifier(SENTIMENT, architecture), sentiment(7), extractor=kind, attribution="input_x_gradient"
    )
    found = losses(made, items)
    for place, item in enumerate(items):
        for name, expected in by_hand(made, item).items():
            assert float(found[name][place].detach()) == pytest.approx(expected, abs=2e-5), name


@pytest.mark.parametrize("form", ["margin", "diff", "abs", "square", "kl"])
def test_leaving_tokens_out_is_hiding_them(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_classifier(SENTIMENT)
    bins = (1.0, 5.0, 10.0, 20.0, 50.0, 100.0)  # of so short texts the first four are one and the same
    made, items = learner(model, sentiment(9), suff_form=form, extractor="slm", bins=bins)
    assert model.keeps_places
    short = losses(made, items)
    monkeypatch.setattr(model, "keeps_places", False)
    whole = losses(made, items)
    for name in short:
        torch.testing.assert_close(short[name], whole[name], atol=1e-5, rtol=1e-5)


def test_choice_scorers_take_parts_of_every_row() -> None:
    model = tiny_choice_encoder()
    made, items = learner(model, questions(6), extractor="slm")
    found = losses(made, items)
    alone = [losses(made, [item]) for item in items]
    for name in ("task", "comp", "suff"):
        together = found[name].detach()
        torch.testing.assert_close(together, torch.cat([one[name] for one in alone]).detach(), atol=1e-5, rtol=1e-5)
        assert torch.isfinite(together).all()


def gradients(made: UnirexLearner, items: list[Any], term: str) -> dict[str, bool]:
    """Which modules a term's gradient reaches."""
    for module in made.modules().values():
        module.zero_grad()
    losses(made, items)[term].sum().backward()
    return {
        name: any(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in module.parameters())
        for name, module in made.modules().items()
    }


@pytest.mark.parametrize("kind", ["slm", "dlm"])
@pytest.mark.parametrize("term", ["comp", "suff"])
def test_faithfulness_sends_no_gradient_into_a_hard_extractor(kind: str, term: str) -> None:
    made, items = learner(tiny_classifier(SENTIMENT), sentiment(8), extractor=kind)
    assert gradients(made, items, term) == {"network": True, "extractor": False}


def test_plausibility_trains_the_second_encoder_alone() -> None:
    made, items = learner(tiny_classifier(SENTIMENT), sentiment(8), extractor="dlm")
    assert gradients(made, items, "plaus") == {"network": False, "extractor": True}


def test_plausibility_reaches_the_task_model_through_a_shared_encoder() -> None:
    made, items = learner(tiny_classifier(SENTIMENT), sentiment(8), extractor="slm")
    assert gradients(made, items, "plaus") == {"network": True, "extractor": True}


@pytest.mark.parametrize("attribution", ["input_x_gradient", "integrated_gradients"])
def test_plausibility_reaches_the_task_model_through_its_attributions(attribution: str) -> None:
    made, items = learner(tiny_classifier(SENTIMENT), sentiment(8), extractor="aa", attribution=attribution)
    assert gradients(made, items, "plaus") == {"network": True}
    made, items = learner(
        tiny_classifier(SENTIMENT),
        sentiment(8),
        extractor="aa",
        attribution=attribution,
        pooling="mlp",
        second_order=False,
    )
    assert gradients(made, items, "plaus") == {"network": False, "extractor": True}


@pytest.mark.parametrize("choice", ["straight_through", "gumbel", "perturbed"])
@pytest.mark.parametrize("kind", ["slm", "dlm"])
def test_a_differentiable_choice_trains_the_extractor_on_faithfulness(kind: str, choice: str) -> None:
    made, items = learner(tiny_classifier(SENTIMENT), sentiment(8), extractor=kind, choice=choice)
    assert gradients(made, items, "comp") == {"network": True, "extractor": True}
    assert gradients(made, items, "suff") == {"network": True, "extractor": True}


@pytest.mark.parametrize("kind", [*KINDS, "random", "gold", "inverse_gold"])
def test_every_extractor_trains_and_repeats_to_the_bit(kind: str, tmp_path: Path) -> None:
    weights = []
    for run in ("a", "b"):
        model = tiny_classifier(SENTIMENT)
        knobs = {"extractor": kind, "objectives": "FP" if kind in KINDS else "F", "precision": "no", "epochs": 1}
        config = read_config(Unirex, knobs | {"batch_size": 8, "choice": "hard"})
        recipe = Unirex(model, sentiment(24), sentiment(9), config)
        (stage,) = recipe.stages()
        journal = Journal(tmp_path / f"{run}.jsonl")
        fit(stage.learner, stage.data, stage.settings, folder=tmp_path / run, journal=journal)
        journal.close()
        weights.append([parameter.detach().clone() for parameter in model.network.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*weights, strict=True))
    names = {line.split('"name": "')[1].split('"')[0] for line in (tmp_path / "a.jsonl").read_text().splitlines()}
    assert {"loss/task", "loss/comp", "loss/suff", "dev/accuracy"} <= names


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_extractor_gives_the_same_scores(kind: str, tmp_path: Path) -> None:
    data = sentiment(40)
    model = tiny_classifier(SENTIMENT)
    knobs = {"extractor": kind, "precision": "no", "epochs": 2, "batch_size": 8, "lr": 5e-3, "pooling": "mlp"}
    recipe = Unirex(model, data, sentiment(9), read_config(Unirex, knobs))
    (stage,) = recipe.stages()
    journal = Journal(tmp_path / "m.jsonl")
    fit(stage.learner, stage.data, stage.settings, folder=tmp_path / "c", journal=journal)
    journal.close()
    model.network.eval()
    model.trained = True
    recipe.save(tmp_path / "model")
    loaded = load_model(str(tmp_path / "model"))
    extraction = Extraction([choose("learned")], loaded, target="gold")
    assert recipe.extractor is not None
    recipe.extractor.eval()
    for example in list(data)[:10]:
        (found,) = next(extraction.run([(example, data.words(example))]))
        encoding = model.encode(example, data.words(example))
        reading = read(model, encoding.rows, [example.label or 0])
        tokens = recipe.extractor.logits(model, reading)[0].detach().double().numpy()
        word = encoding.rows[0].word
        expected = [tokens[word == i].mean() for i in range(encoding.words)]
        np.testing.assert_allclose(found.scores, expected, atol=1e-5)
        assert found.hard is not None
        np.testing.assert_array_equal(found.hard, found.scores > 0)


@pytest.mark.parametrize("kind", ["slm", "dlm"])
def test_highlights_are_learned(kind: str, tmp_path: Path) -> None:
    model = tiny_classifier(SENTIMENT)
    knobs = {"extractor": kind, "precision": "no", "epochs": 14, "batch_size": 16, "lr": 1e-2, "warmup": 0.0}
    data = sentiment(96, lengths=1)
    recipe = Unirex(
        model,
        data,
        data,
        read_config(Unirex, knobs | {"patience": None, "metric": "auprc", "plaus_weight": 2.0, "comp_weight": 0.1}),
    )
    (stage,) = recipe.stages()
    assert isinstance(stage.learner, UnirexLearner)
    with torch.no_grad():
        before = stage.learner.evaluate()["auprc"]
    journal = Journal(tmp_path / "m.jsonl")
    outcome = fit(stage.learner, stage.data, stage.settings, folder=tmp_path / "c", journal=journal)
    journal.close()
    assert before < 0.7
    assert outcome.metrics["auprc"] > 0.9


def test_a_share_of_gold_is_nested_and_mixed_into_every_batch() -> None:
    model = tiny_classifier(SENTIMENT)
    small = prepare_annotated(model, sentiment(100), share=0.05, mix=True)
    large = prepare_annotated(model, sentiment(100), share=0.2, mix=True)
    some = {item.example.id for item in small.items if item.gold is not None}
    more = {item.example.id for item in large.items if item.gold is not None}
    assert len(some) == 5
    assert len(more) == 20
    assert some < more
    assert small.pool is not None
    assert {small.ids[place] for place in small.pool} == some
    assert prepare_annotated(model, sentiment(100)).pool is None


def test_only_the_right_options_row_learns_highlights() -> None:
    model = tiny_choice_encoder()
    made, items = learner(model, questions(5), extractor="slm")
    rows = read_batch(made.model, [items[0]])
    marked = rows.inside.any(dim=1).nonzero().flatten().tolist()
    assert marked == [items[0].label]
    assert rows.gold.sum() > 0


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"choice": "gumbel", "realise": "attention"}, "needs realise=embedding"),
        ({"choice": "gumbel", "extractor": "aa"}, "has none to train"),
        ({"extractor": "gold"}, "use objectives=F"),
        ({"bins": (0.0, 10.0)}, "percentages above 0"),
        ({"extractor": "slmm"}, "extractor"),
    ],
)
def test_knobs_that_do_not_fit_are_refused(knobs: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_config(Unirex, knobs)


def test_plausibility_without_highlights_is_refused() -> None:
    model = tiny_classifier(SENTIMENT)
    with pytest.raises(UsageError, match="no gold highlights"):
        list(Unirex(model, sentiment(9, marked=False), None, read_config(Unirex, {})).stages())


def test_a_language_model_is_refused() -> None:
    assert "encoder" in (Unirex.is_compatible(COMMONSENSE, tiny_causal()) or "")


@pytest.mark.parametrize("name", ["unirex", "sgt", "fresh", "a2r", "l2e"])
def test_defaults_are_those_of_the_paper(name: str) -> None:
    config = RECIPES[name].Config()
    assert (config.epochs, config.lr, config.batch_size, config.warmup, config.patience) == (10, 2e-5, 32, 0.1, 5)
    assert (config.beta1, config.beta2, config.eps, config.weight_decay) == (0.9, 0.98, 1e-8, 0.0)
