"""The oracle computes what its docstring says, so that other tests may lean on it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rationale_eval.data.example import Example
from rationale_eval.data.generated import generate_examples, true_label
from rationale_eval.data.words import gold_mask, split_words
from rationale_eval.engine.case import Question
from rationale_eval.engine.perturb import sequences
from rationale_eval.models.base import Batch
from tests.helpers.oracle import MASK, PAD, TASKS, UNKNOWN, OracleModel

MODELS = {task: OracleModel(task) for task in TASKS}
REMOVALS = ("delete", "mask", "pad", "attention", "zero")


def text(model, words):
    return Example("0", model.task, {"text": words}, model.choices)


def logits(model, example, keep=None, removal="delete"):
    """Logits `[classes]` of the example with the words outside `keep` removed."""
    words = split_words(example)
    keep = np.ones(len(words), dtype=bool) if keep is None else keep
    (part,) = sequences(Question(model.encode(example, words), keep, removal), model)
    batch = model.pad([part.row], None if part.attention is None else [part.attention])
    if part.retain is not None:
        embeds = model.embedding()(batch.ids) * torch.tensor(part.retain)[None, :, None]
        batch = Batch(batch.ids, batch.attention, batch.types, None, batch.lengths, embeds)
    with torch.no_grad():
        return model.scores(batch)[0].numpy()


@pytest.mark.parametrize(
    ("task", "words", "expected"),
    [
        ("keyword", "Anna described the violin near the tower.", [2, 0, 0]),
        ("keyword", "the bench", [0, 0, 0]),
        ("keyword", "the violin and the oven", [2, 2, 0]),
        ("majority", "awful, dull and lovely", [4, 2]),
        ("negation", "The hall was not lovely.", [2, 0]),
        ("negation", "The hall was lovely, not tiled.", [0, 2]),
        ("negation", "not so lovely", [0, 2]),
    ],
)
def test_logits_by_hand(task, words, expected):
    assert logits(MODELS[task], text(MODELS[task], words)).tolist() == expected


def test_strength_scales_the_logits():
    model = OracleModel("keyword", strength=0.5)
    assert logits(model, text(model, "a violin")).tolist() == [0.5, 0, 0]


@pytest.mark.parametrize("task", TASKS)
def test_it_knows_every_word_and_decides_every_example(task):
    model = MODELS[task]
    for example in generate_examples(task, "test", 200):
        (row,) = model.encode(example, split_words(example)).rows
        assert UNKNOWN not in row.ids
        assert logits(model, example).argmax() == example.label


@settings(max_examples=60, deadline=None)
@given(task=st.sampled_from(TASKS), index=st.integers(0, 49), removal=st.sampled_from(REMOVALS), data=st.data())
def test_it_follows_the_label_function_under_every_removal(task, index, removal, data):
    model = MODELS[task]
    example = list(generate_examples(task, "test", index + 1))[-1]
    words = split_words(example)
    keep = np.array(data.draw(st.lists(st.booleans(), min_size=len(words), max_size=len(words))))
    kept = [example.inputs[w.field][w.start : w.end] if k else "_" for w, k in zip(words, keep, strict=True)]
    if removal == "delete":
        kept = [word for word in kept if word != "_"]
    label = true_label(task, {"text": " ".join(kept)})
    scores = logits(model, example, keep, removal)
    best = np.flatnonzero(scores == scores.max())
    assert (best.tolist() == [label]) if label is not None else len(best) > 1


@pytest.mark.parametrize("task", TASKS)
def test_padding_and_batch_size_change_nothing(task):
    model = MODELS[task]
    examples = list(generate_examples(task, "test", 8))
    rows = [model.encode(example, split_words(example)).rows[0] for example in examples]
    together = model.scores(model.pad(rows)).detach().numpy()
    np.testing.assert_array_equal(together, [logits(model, example) for example in examples])


@pytest.mark.parametrize("task", TASKS)
def test_gradients_point_at_the_words_that_vote(task):
    model = MODELS[task]
    for example in generate_examples(task, "test", 30):
        words = split_words(example)
        batch = model.pad(model.encode(example, words).rows)
        embeds = model.embedding()(batch.ids).detach().requires_grad_()
        score = model.scores(Batch(batch.ids, batch.attention, batch.types, None, batch.lengths, embeds))
        (gradient,) = torch.autograd.grad(score[0, example.label], embeds)
        strength = gradient[0, 1:-1].norm(dim=-1).numpy()
        gold = gold_mask(words, example.evidence)
        assert (strength[gold] > 0).all()
        if task == "keyword":
            assert (strength[~gold] == 0).all()


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("removal", REMOVALS)
def test_gold_beats_random_words_of_the_same_number(task, removal):
    model, rng = MODELS[task], np.random.default_rng(0)
    gaps = []
    for example in generate_examples(task, "test", 60):
        gold = gold_mask(split_words(example), example.evidence)

        def probability(keep, example=example):
            scores = logits(model, example, keep, removal)
            return (np.exp(scores) / np.exp(scores).sum())[example.label]

        whole, drawn = probability(np.ones_like(gold)), rng.permutation(gold)
        comprehensiveness = [whole - probability(~mask) for mask in (gold, drawn)]
        sufficiency = [whole - probability(mask) for mask in (gold, drawn)]
        assert comprehensiveness[0] > 0.15
        assert sufficiency[0] < 1e-6
        gaps.append((comprehensiveness[0] - comprehensiveness[1], sufficiency[1] - sufficiency[0]))
    assert (np.mean(gaps, axis=0) > 0.15).all()


def test_long_texts_are_cut_at_the_end():
    model = OracleModel("keyword", max_length=6)
    example = text(model, "the bench and the violin")
    encoding = model.encode(example, split_words(example))
    assert encoding.truncated and encoding.seen.tolist() == [True] * 4 + [False]
    assert len(encoding.rows[0].ids) == 6


def test_save_and_load(tmp_path):
    model = MODELS["negation"]
    model.save(str(tmp_path))
    again = OracleModel.load(str(tmp_path))
    assert again.fingerprint == model.fingerprint
    example = text(model, "not awful")
    np.testing.assert_array_equal(logits(again, example), logits(model, example))
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".safetensors"]


def test_special_tokens_say_nothing():
    for model in MODELS.values():
        assert (model.pad_id, model.mask_id) == (PAD, MASK)
        assert not model.embedding().weight[:5].any()
        assert len({m.fingerprint for m in MODELS.values()}) == 3
