"""Self-rationalizing models: what they are shown, what they learn, and that a saved one says it again."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.errors import InputError, UsageError
from rationale_eval.models.load import load_model
from rationale_eval.models.new_t5 import Sizes, new_t5
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.rationales.completion import read_text
from rationale_eval.rationales.own_prompt import own_template, predict
from rationale_eval.rationales.template import read_template
from rationale_eval.recipes.record import read_config
from rationale_eval.recipes.self_rationalize import SelfRationalize, template_for, template_texts
from rationale_eval.training.journal import Journal
from rationale_eval.training.loop import fit
from rationale_eval.training.outcome import Outcome
from rationale_eval.training.text_to_text import TextLearner, prepare_pairs, token_losses
from rationale_eval.verbs.generate import generate
from tests.helpers.tiny import COMMONSENSE, NLI, SENTIMENT, tiny_causal, tiny_classifier, tiny_seq2seq

SMALL = Sizes(vocabulary=1024, width=32, layers=1, heads=2, inner=64, max_length=64)
QUESTION = Example(
    "q1", "commonsense", {"question": "What do people do?"}, ("eat food", "sleep"), 1, rationales=("Tired\n people.",)
)
FORMATS = ("i-or", "i-ro", "ir-o", "i-o")


def sentiment(size: int, *, seed: int = 0) -> RationaleDataset:
    """The label is the one telling word, and the rationale names it."""
    random = np.random.default_rng(seed)
    examples = []
    for i in range(size):
        label = int(random.integers(2))
        word = str(random.choice((("dull", "empty"), ("wonderful", "surprise"))[label]))
        words = [*map(str, random.choice(["the", "film", "was"], 2)), word]
        text = {"text": " ".join(words)}
        examples.append(Example(f"s{i}", "sentiment", text, SENTIMENT.choices, label, rationales=(f"it is {word}",)))
    return RationaleDataset.from_examples(examples, SENTIMENT)


def small(data: RationaleDataset, **options: object) -> TransformerModel:
    template = template_for(data.task, "i-or", causal=False)
    return new_t5(template_texts(template, data), task=data.task, sizes=SMALL, **options)


def causal(data: RationaleDataset) -> TransformerModel:
    return tiny_causal(SENTIMENT)


def learn(model: TransformerModel, data: RationaleDataset, folder: Path, **knobs: object) -> tuple[Outcome, object]:
    folder.mkdir(exist_ok=True)
    config = read_config(
        SelfRationalize, {"precision": "no", "batch_size": 8, "lr": 1e-2, "decoded": 16, "selection": "last"} | knobs
    )
    recipe = SelfRationalize(model, data, data, config)
    (stage,) = recipe.stages()
    journal = Journal(folder / "m")
    try:
        return fit(stage.learner, stage.data, stage.settings, folder=folder / "c", journal=journal), recipe
    finally:
        journal.close()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RationaleDataset, Outcome]:
    """A small T5 that has learned to say which word tells, saved."""
    data, folder = sentiment(256), tmp_path_factory.mktemp("trained")
    model = small(data)
    outcome, recipe = learn(model, data, folder, epochs=5, batch_size=16, decoded=48)
    recipe.save(folder / "model")
    return folder / "model", data, outcome


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("causal", [False, True])
def test_what_is_to_be_written_is_read_back(format: str, causal: bool) -> None:
    template = template_for(COMMONSENSE, format, causal=causal)
    rationale = "Tired people." if format in ("i-or", "i-ro") else ""
    found = read_text(template, QUESTION, template.says_of(QUESTION))
    assert found == {"answer": 1, "rationale": rationale, "format_ok": True}
    assert read_template(json.loads(json.dumps(template.record()))) == template


def test_prompts_name_fields_and_options() -> None:
    shown = template_for(COMMONSENSE, "i-or", causal=False).prompt(QUESTION)
    assert shown == "explain commonsense question: What do people do? (A) eat food (B) sleep"
    pair = Example("p", "nli", {"premise": "A man plays.", "hypothesis": "Nobody."}, NLI.choices, 2)
    template = template_for(NLI, "ir-o", causal=True)
    assert template.prompt(pair) == "nli premise: A man plays. hypothesis: Nobody. explanation: \nAnswer:"
    own = template_for(NLI, "i-o", causal=False, prompt="{hypothesis} from {premise}?")
    assert own.prompt(pair) == "Nobody. from A man plays.?"
    with pytest.raises(UsageError, match=r"names 'claim', and the examples have premise, hypothesis"):
        template_for(NLI, "i-o", causal=False, prompt="{claim}").prompt(pair)


@pytest.mark.parametrize(
    ("text", "answer", "rationale", "ok"),
    [
        ("positive explanation: it is dull", 1, "it is dull", True),
        ("positive explanation:", 1, "", False),
        ("positive", 1, "", False),
        ("good explanation: it is dull", None, "it is dull", False),
        ("it is dull", None, "it is dull", False),
        ("", None, "", False),
    ],
)
def test_a_text_without_a_label_has_no_answer(text: str, answer: int | None, rationale: str, ok: bool) -> None:
    found = read_text(template_for(SENTIMENT, "i-or", causal=False), next(iter(sentiment(1))), text)
    assert found == {"answer": answer, "rationale": rationale, "format_ok": ok}


@pytest.mark.parametrize("make", [tiny_causal, tiny_seq2seq])
def test_the_loss_is_that_of_the_target_alone(make) -> None:
    """Against the networks' own losses, one example at a time; padding and what is shown do not count."""
    model = make(SENTIMENT, max_length=128)
    model.network.config.decoder_start_token_id = model.pad_id
    template = template_for(SENTIMENT, "i-or", causal=model.kind == "causal")
    pairs = list(prepare_pairs(model, template, sentiment(5)).items)
    with torch.no_grad():
        nats, counted = token_losses(model, pairs)
        for place, pair in enumerate(pairs):
            said = torch.tensor(pair.target)[None]
            if model.kind == "causal":
                ids = torch.cat([torch.tensor(pair.source)[None], said], dim=1)
                labels = ids.clone()
                labels[:, : len(pair.source)] = -100
                loss = model.network(input_ids=ids, labels=labels).loss
            else:
                loss = model.network(input_ids=torch.tensor(pair.source)[None], labels=said).loss
            assert int(counted[place].sum()) == len(pair.target)
            assert float(nats[place].sum() / len(pair.target)) == pytest.approx(float(loss), abs=1e-5)
        nats = nats.detach()
    by_example = TextLearner(model, template, None).losses(pairs, None)["text"]
    by_token = TextLearner(model, template, None, reduction="tokens").losses(pairs, None)["text"]
    assert by_example.shape == (5,)
    assert float(by_token.detach()) == pytest.approx(float(nats.sum() / counted.sum()), abs=1e-5)


def test_a_target_ends_the_text_and_what_is_too_long_is_cut_and_counted() -> None:
    data = sentiment(3)
    for model in (tiny_causal(SENTIMENT, max_length=64), tiny_seq2seq(SENTIMENT, max_length=64)):
        causal = model.kind == "causal"
        template = template_for(SENTIMENT, "i-or", causal=causal)
        ended = {int(pair.target[-1]) for pair in prepare_pairs(model, template, data).items}
        assert ended == {model.tokenizer.eos_token_id}
        model.max_length = 20
        found = prepare_pairs(model, template, data)
        assert found.truncated == 3
        for pair in found.items:
            whole = len(pair.source) + (len(pair.target) if causal else 0)
            assert whole <= 20 and len(pair.target) <= 10


def test_examples_without_a_rationale_are_left_out_where_one_is_needed() -> None:
    model, data = tiny_seq2seq(SENTIMENT), sentiment(2)
    alone = Example("b", "sentiment", {"text": "dull"}, SENTIMENT.choices, 0)
    bare = RationaleDataset.from_examples([alone], SENTIMENT)
    assert len(prepare_pairs(model, template_for(SENTIMENT, "i-o", causal=False), bare).items) == 1
    with pytest.raises(UsageError, match="has a label and a rationale"):
        prepare_pairs(model, template_for(SENTIMENT, "i-or", causal=False), bare)
    model.template = template_for(SENTIMENT, "ir-o", causal=False).record()
    with pytest.raises(InputError, match="has no rationale"):
        predict(model, bare, max_tokens=2)
    assert len(predict(model, data, max_tokens=2)) == 2


def test_a_new_model_is_the_same_for_the_same_seed_and_reads_back_every_text(tmp_path: Path) -> None:
    data = sentiment(20)
    model = small(data)
    assert small(data).fingerprint == model.fingerprint != small(data, seed=1).fingerprint
    text = "The film isn't “dull” 漢😀.\nNew  line"
    assert model.tokenizer.decode(model.tokenizer(text)["input_ids"], skip_special_tokens=True) == text
    assert model.tokenizer("film")["input_ids"][-1] == model.tokenizer.eos_token_id
    model.save(str(tmp_path / "m"))
    again = load_model(str(tmp_path / "m"))
    assert again.fingerprint == model.fingerprint and not again.trained
    with pytest.raises(UsageError, match="there are none"):
        new_t5([" "])
    with pytest.raises(UsageError, match="only `rationale-eval train` starts from one"):
        load_model("new/t5")


def test_it_learns_label_and_rationale_and_the_saved_model_says_them(trained) -> None:
    folder, data, outcome = trained
    assert outcome.metrics["accuracy"] >= 0.95 and outcome.metrics["answered"] == 1.0
    model = load_model(str(folder))
    assert own_template(model).order == "answer_first"
    unlabelled = RationaleDataset.from_examples(
        [Example(one.id, one.task, one.inputs, one.choices) for one in data], SENTIMENT
    )
    said = predict(model, unlabelled, max_tokens=12)
    assert list(said) == [one.id for one in data]
    assert np.mean([said[one.id][0] == one.label for one in data]) >= 0.95
    assert np.mean([said[one.id][1] == one.rationales[0] for one in data]) >= 0.9
    texts = generate(model, data, max_tokens=12)
    assert {one.example_id: (one.answer, one.rationale) for one in texts} == said
    assert texts.params["prompt"] == "self_rationalize:i-or" and texts.params["template"]["case"].startswith(
        "explain sentiment"
    )
    assert {one.text: one.target for one in texts.rationales()}


@pytest.mark.parametrize(("make", "format"), [(small, "i-ro"), (small, "ir-o"), (small, "i-o"), (causal, "i-or")])
def test_every_format_and_kind_of_model_learns(tmp_path: Path, make, format: str) -> None:
    data = sentiment(64)
    knobs = {"format": format, "written": 12}
    before, _ = learn(make(data), data, tmp_path / "before", max_steps=1, lr=1e-9, **knobs)
    after, _ = learn(make(data), data, tmp_path / "after", epochs=2, **knobs)
    assert after.metrics["loss"] < 0.7 * before.metrics["loss"]
    assert after.metrics["answered"] >= before.metrics["answered"]


def test_a_model_that_never_names_a_label_is_counted(tmp_path: Path) -> None:
    data = sentiment(8)
    model = small(data)
    outcome, _ = learn(model, data, tmp_path, lr=1e-9, epochs=1)
    assert outcome.metrics["answered"] == outcome.metrics["accuracy"] == 0.0
    assert math.isfinite(outcome.metrics["loss"])
    assert all(answer is None for answer, _ in predict(model, data, max_tokens=3).values())


def test_encoders_and_models_without_a_prompt_are_refused() -> None:
    encoder = tiny_classifier(SENTIMENT)
    assert "writes no text" in (SelfRationalize.is_compatible(SENTIMENT, encoder) or "")
    assert SelfRationalize.is_compatible(SENTIMENT, tiny_seq2seq(SENTIMENT)) is None
    with pytest.raises(UsageError, match="has no prompt of its own"):
        predict(tiny_seq2seq(SENTIMENT), sentiment(1))
    with pytest.raises(InputError, match="cannot be read"):
        read_template({"name": "x"})
