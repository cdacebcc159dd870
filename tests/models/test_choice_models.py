"""Scores of choosers: equal to the formula computed by hand, whatever stands beside a row in its batch."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from rationale_eval.data.example import Example, Task
from rationale_eval.data.words import split_words
from rationale_eval.errors import InputError, UsageError
from rationale_eval.models.base import Row
from rationale_eval.models.load import load_model
from rationale_eval.models.prompt import PROMPTS, Prompt, find_prompt
from rationale_eval.models.transformer import TransformerModel
from tests.helpers.tiny import (
    COMMONSENSE,
    NLI,
    SENTIMENT,
    example,
    tiny_causal,
    tiny_choice_encoder,
    tiny_classifier,
    tiny_folder,
    tiny_seq2seq,
)

MODELS: dict[str, tuple[Any, Task, str]] = {
    "bert": (tiny_classifier, NLI, "bert"),
    "roberta": (tiny_classifier, NLI, "roberta"),
    "distilbert": (tiny_classifier, NLI, "distilbert"),
    "electra": (tiny_classifier, NLI, "electra"),
    "deberta-v2": (tiny_classifier, NLI, "deberta-v2"),
    "choice-bert": (tiny_choice_encoder, COMMONSENSE, "bert"),
    "gpt2": (tiny_causal, COMMONSENSE, "gpt2"),
    "llama": (tiny_causal, COMMONSENSE, "llama"),
    "t5": (tiny_seq2seq, COMMONSENSE, "t5"),
    "bart": (tiny_seq2seq, COMMONSENSE, "bart"),
}


@pytest.fixture(scope="module", params=MODELS)
def named(request: pytest.FixtureRequest) -> tuple[TransformerModel, Task]:
    make, task, architecture = MODELS[request.param]
    return make(task, architecture), task


def rows_of(model: TransformerModel, *examples: Example) -> list[Row]:
    return [row for item in examples for row in model.encode(item, split_words(item)).rows]


def scores(model: TransformerModel, rows: list[Row], **how: Any) -> np.ndarray:
    with torch.inference_mode():
        return model.scores(model.pad(rows, **how)).numpy()


def two(task: Task) -> tuple[Example, Example]:
    short = {"premise": "A man", "question": "What?"}
    return example(task), example(task, name="two", **{k: v for k, v in short.items() if k in task.fields})


def test_what_stands_beside_a_row_changes_nothing(named: tuple[TransformerModel, Task]) -> None:
    model, task = named
    rows = rows_of(model, *two(task))
    together = scores(model, rows)
    alone = np.concatenate([scores(model, [row]) for row in rows])
    backwards = scores(model, rows[::-1])[::-1]
    assert together.shape == (len(rows), model.outputs)
    assert np.ptp(together) > 0.01
    assert_allclose(together, alone, atol=1e-5)
    assert_allclose(together, backwards, atol=1e-5)


def test_given_embeddings_replace_ids_and_receive_gradients(named: tuple[TransformerModel, Task]) -> None:
    model, task = named
    batch = model.pad(rows_of(model, *two(task)))
    embeds = model.embedding()(batch.ids).detach().requires_grad_()
    other = dataclasses.replace(batch, ids=torch.zeros_like(batch.ids), embeds=embeds)
    # The ids of padding are replaced too, so only what the embeddings say may count.
    found = model.scores(other)
    assert_allclose(found.detach().numpy(), scores(model, rows_of(model, *two(task))), atol=1e-5)
    found.sum().backward()
    assert embeds.grad is not None
    inside = torch.arange(batch.ids.shape[1])[None] < batch.lengths[:, None]
    assert (embeds.grad.abs().sum(2)[inside] > 0).float().mean() > 0.8
    assert (embeds.grad[~inside] == 0).all()


def test_hidden_tokens_do_not_matter(named: tuple[TransformerModel, Task]) -> None:
    model, task = named
    rows = rows_of(model, example(task))
    masks = [(row.word != 2).astype(np.int64) for row in rows]
    changed = [dataclasses.replace(row, ids=np.where(row.word == 2, 5, row.ids)) for row in rows]
    hidden = scores(model, rows, attention=masks)
    assert_allclose(hidden, scores(model, changed, attention=masks), atol=1e-5)
    assert np.abs(hidden - scores(model, rows)).max() > 1e-4


def test_pad_ids_in_the_place_of_a_word_move_no_position() -> None:
    model = tiny_classifier(NLI, "roberta")
    (row,) = rows_of(model, example(NLI))
    padded = dataclasses.replace(row, ids=np.where(row.word == 2, model.pad_id, row.ids))
    batch = model.pad([padded])
    by_embedding = dataclasses.replace(batch, embeds=model.embedding()(batch.ids))
    with torch.inference_mode():
        assert_allclose(model.scores(batch).numpy(), model.scores(by_embedding).numpy(), atol=1e-6)


@pytest.mark.parametrize("attn", ["eager", "sdpa"])
@pytest.mark.parametrize(("make", "architecture"), [(tiny_causal, "gpt2"), (tiny_causal, "llama")])
def test_causal_score_is_the_mean_log_likelihood_of_the_choice(make: Any, architecture: str, attn: Any) -> None:
    model = make(COMMONSENSE, architecture, attn=attn)
    item = example(COMMONSENSE)
    found = scores(model, rows_of(model, item))[:, 0]
    prompt = "Question: What do people do when they are hungry?\nAnswer:"
    for choice, score in zip(item.choices, found, strict=True):
        before = model.tokenizer(prompt)["input_ids"]
        ids = model.tokenizer(f"{prompt} {choice}")["input_ids"]
        assert ids[: len(before)] == before
        with torch.inference_mode():
            chances = model.network(torch.tensor([ids])).logits[0].double().softmax(-1)
        logs = [math.log(chances[place - 1, ids[place]]) for place in range(len(before), len(ids))]
        assert score == pytest.approx(sum(logs) / len(logs), abs=1e-5)


@pytest.mark.parametrize(("architecture", "start"), [("t5", "<pad>"), ("bart", "</s>")])
def test_encoder_decoder_score_is_the_mean_log_likelihood_of_the_choice(architecture: str, start: str) -> None:
    model = tiny_seq2seq(COMMONSENSE, architecture)
    item = example(COMMONSENSE)
    found = scores(model, rows_of(model, item))[:, 0]
    prompt = model.tokenizer("Question: What do people do when they are hungry?\nAnswer:", return_tensors="pt")
    for choice, score in zip(item.choices, found, strict=True):
        said = model.tokenizer(choice, add_special_tokens=False)["input_ids"]
        written, logs = [model.tokenizer.convert_tokens_to_ids(start)], []
        for token in said:  # one token at a time, as it would be generated
            with torch.inference_mode():
                logits = model.network(prompt["input_ids"], decoder_input_ids=torch.tensor([written])).logits
            logs.append(math.log(logits[0, -1].double().softmax(-1)[token]))
            written.append(token)
        assert score == pytest.approx(sum(logs) / len(logs), abs=1e-5)


def test_language_models_classify_by_label_names_or_other_words() -> None:
    plain = tiny_causal(SENTIMENT, "gpt2")
    item = example(SENTIMENT)
    rows = rows_of(plain, item)
    assert plain.tokenizer.decode(rows[1].ids) == (
        "Text: The film was a wonderful surprise.\nOptions: (a) negative (b) positive\nAnswer: positive"
    )
    words = Prompt("verbal", "Review: {text} It was", words={"negative": "dull", "positive": "wonderful"})
    verbal = tiny_causal(SENTIMENT, "gpt2", prompt=words)
    (low, high) = rows_of(verbal, item)
    assert verbal.tokenizer.decode(low.ids) == "Review: The film was a wonderful surprise. It was dull"
    assert verbal.tokenizer.decode(high.target) == " wonderful"
    assert plain.fingerprint != verbal.fingerprint


def test_multiple_choice_network_equals_its_own_forward() -> None:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        tiny_folder(Path(folder), "bert", "multiple_choice")
        model = load_model(folder, task=COMMONSENSE, device="cpu")
    assert model.kind == "choice_encoder"
    item = example(COMMONSENSE)
    rows = rows_of(model, item)
    batch = model.pad(rows)
    with torch.inference_mode():
        whole = model.network(
            input_ids=batch.ids[None],
            token_type_ids=batch.types[None],
            attention_mask=None if batch.attention is None else batch.attention[None],
        ).logits[0]
    assert_allclose(scores(model, rows)[:, 0], whole.numpy(), atol=1e-5)


def test_half_precision_scores_come_back_in_float32() -> None:
    full, half = (tiny_causal(COMMONSENSE, "llama", dtype=dtype) for dtype in ("float32", "bfloat16"))
    rows = rows_of(full, example(COMMONSENSE))
    assert half.dtype == torch.bfloat16
    assert scores(half, rows).dtype == np.float32
    assert_allclose(scores(half, rows), scores(full, rows), atol=0.3)
    assert full.fingerprint != half.fingerprint


def test_no_mask_is_made_where_nothing_is_hidden() -> None:
    model = tiny_classifier(NLI)
    (row,) = rows_of(model, example(NLI))
    assert "attention_mask" not in model.forward_args(model.pad([row, row]))
    with_padding = model.pad([row, dataclasses.replace(row, ids=row.ids[:4], types=row.types[:4])])
    assert "attention_mask" in model.forward_args(with_padding)


def test_retokenize_deletes_decodes_and_reads_again() -> None:
    model = tiny_classifier(NLI)
    (row,) = rows_of(model, example(NLI, premise="A man is playing", hypothesis="Nobody plays"))
    ids = model.retokenize(row, row.word != 1)
    assert model.tokenizer.decode(ids) == "[CLS] a is playing [SEP] nobody plays [SEP]"
    everything = model.retokenize(row, row.word < 0)
    assert model.tokenizer.convert_ids_to_tokens(everything) == ["[CLS]", "[SEP]", "[SEP]"]


def test_a_scorer_needs_two_choices() -> None:
    item = dataclasses.replace(example(COMMONSENSE), choices=("eat food",))
    for model in (tiny_choice_encoder(), tiny_causal(), tiny_seq2seq()):
        with pytest.raises(InputError, match="'one' has 1 choices"):
            model.encode(item, split_words(item))


def test_a_choice_without_tokens_is_an_input_error() -> None:
    item = dataclasses.replace(example(COMMONSENSE), choices=("eat food", ""))
    model = tiny_seq2seq()
    with pytest.raises(InputError, match="no tokens"):
        model.encode(item, split_words(item))


def test_an_example_of_another_task_is_an_input_error() -> None:
    model = tiny_classifier(NLI)
    item = dataclasses.replace(example(NLI), choices=("no", "yes"))
    with pytest.raises(InputError, match=r"2 choices.*3 classes"):
        model.encode(item, split_words(item))


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("{choices} Answer:", "must hold either"),
        ("{inputs} {inputs}", "each once"),
        ("{inputs} {question}", "must hold either"),
        ("{question", "cannot be read"),
        ("{question!r}", "plain name"),
        ("{question:>9}", "plain name"),
    ],
)
def test_prompts_that_cannot_be_used(template: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        find_prompt(template, COMMONSENSE)


def test_prompts_are_named_and_keep_literal_braces() -> None:
    with pytest.raises(UsageError, match="there is no prompt 'pintoo'"):
        find_prompt("pintoo", COMMONSENSE)
    pieces = PROMPTS["pinto"].pieces({"question": "Why {so}?"}, ("a", "b"))
    assert "".join(piece.text for piece in pieces) == "Question: Why {so}? Answer Choices: (a) a (b) b ."
    prompt = find_prompt("{{q}}: {question}", COMMONSENSE)
    assert "".join(piece.text for piece in prompt.pieces({"question": "x"}, ())) == "{q}: x"
    with pytest.raises(UsageError, match="'claim', but the examples have question"):
        find_prompt("Say {claim}", COMMONSENSE).pieces({"question": "x"}, ())


def test_a_prompt_that_starts_with_an_input_needs_a_start_token() -> None:
    item = example(COMMONSENSE)
    with pytest.raises(UsageError, match="start with text of its own"):
        tiny_causal(COMMONSENSE, "gpt2", prompt="{question} Answer:").encode(item, split_words(item))
    started = tiny_causal(COMMONSENSE, "llama", prompt="{question} Answer:").encode(item, split_words(item))
    assert_array_equal(started.rows[0].word[:2], [-1, 0])
