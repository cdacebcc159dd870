"""Decoding gives what the library's own generation gives, whatever is shared and whatever stands beside a row."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rationale_eval.models.choice_lm import decoder_start
from rationale_eval.models.decode import decode
from rationale_eval.models.decoding import Decoding
from rationale_eval.models.shared_prefix import can_share, read_prefix, sharing
from rationale_eval.models.steps import CausalSteps, Seq2SeqSteps
from tests.helpers.tiny import tiny_causal, tiny_seq2seq

NOTHING = np.zeros(0, dtype=np.int64)


def draw(model, lengths, seed=0, begins=0):
    """Prompts of random tokens; the first `begins` of them are the same in all."""
    random = np.random.default_rng(seed)
    size = len(model.tokenizer)
    common = random.integers(5, size, begins)
    return [np.concatenate([common, random.integers(5, size, length)]) for length in lengths], common


def say(model, prompts, how, shared=NOTHING, *, ends=frozenset(), seeds=None):
    steps = CausalSteps(model, shared) if model.kind == "causal" else Seq2SeqSteps(model)
    with torch.inference_mode():
        return decode(
            steps, prompts, how, ends=ends, to_text=lambda ids: " ".join(f"<{one}>" for one in ids), seeds=seeds
        )


def library(model, prompt, tokens):
    """Greedy tokens of transformers' own generation."""
    network = model.network
    start = {} if model.kind == "causal" else {"decoder_start_token_id": decoder_start(network.config)}
    with torch.inference_mode():
        found = network.generate(
            torch.from_numpy(prompt)[None],
            max_new_tokens=tokens,
            min_new_tokens=tokens,
            do_sample=False,
            num_beams=1,
            pad_token_id=model.pad_id,
            eos_token_id=None,
            forced_eos_token_id=None,
            **start,
        )[0]
    return found[len(prompt) :] if model.kind == "causal" else found[1:]


MODELS = {
    "gpt2": lambda: tiny_causal(architecture="gpt2"),
    "llama, heads that share keys": lambda: tiny_causal(architecture="llama"),
    "t5": lambda: tiny_seq2seq(architecture="t5"),
    "bart": lambda: tiny_seq2seq(architecture="bart"),
}


@pytest.mark.parametrize("name", MODELS)
def test_greedy_tokens_are_the_librarys(name):
    model = MODELS[name]()
    prompts, _ = draw(model, [3, 9, 1, 6])
    found = say(model, prompts, Decoding(max_tokens=8))
    for prompt, said in zip(prompts, found, strict=True):
        expected = library(model, prompt, 8)
        assert said.ids.tolist() == expected[: len(said.ids)].tolist()
        assert said.finish == "length" and said.steps == 8


@pytest.mark.parametrize("name", ["gpt2", "llama, heads that share keys"])
def test_a_shared_prefix_changes_nothing(name):
    model = MODELS[name]()
    assert can_share(model.network)
    prompts, common = draw(model, [4, 1, 7, 2], begins=12)
    how = Decoding(max_tokens=10)
    whole, shared = say(model, prompts, how), say(model, prompts, how, common)
    for one, other in zip(whole, shared, strict=True):
        assert one.ids.tolist() == other.ids.tolist()
        assert other.log_likelihood == pytest.approx(one.log_likelihood, abs=1e-4)


@pytest.mark.parametrize("name", ["gpt2", "llama, heads that share keys"])
@pytest.mark.parametrize("begins", [0, 1, 9])
def test_logits_after_a_prefix_equal_those_of_the_whole_text(name, begins):
    model = MODELS[name]()
    (prompt, longer), common = draw(model, [3, 5], begins=begins)
    with torch.inference_mode():
        found = CausalSteps(model, common).start([prompt, longer])
        expected = [model.network(torch.from_numpy(one)[None]).logits[0, -1] for one in (prompt, longer)]
    torch.testing.assert_close(found, torch.stack(expected), atol=2e-5, rtol=1e-4)


def test_the_prefix_is_read_once_and_kept_for_one_row():
    model = tiny_causal(architecture="llama")
    (prompt, *_), common = draw(model, [2], begins=6)
    with torch.inference_mode():
        prefix = read_prefix(model.network, torch.from_numpy(common))
    assert prefix.tokens == 6 and len(prefix.layers) == 2
    assert all(keys.shape == values.shape == (1, 6, 8) for keys, values in prefix.layers)
    before = model.network.config._attn_implementation
    with sharing(model.network, prefix):
        assert model.network.config._attn_implementation != before
    assert model.network.config._attn_implementation == before
    read = []
    hook = model.network.base_model.register_forward_pre_hook(
        lambda module, args, kwargs: read.append(kwargs["input_ids"].shape), with_kwargs=True
    )
    say(model, [prompt] * 3, Decoding(max_tokens=3), common)
    hook.remove()
    assert read == [(1, 6), (3, 2), (3, 1), (3, 1)]


def test_a_network_that_looks_back_only_so_far_shares_nothing():
    model = tiny_causal(architecture="llama")
    model.network.config.sliding_window = 4
    assert not can_share(model.network)
    _, common = draw(model, [3, 5], begins=6)
    assert CausalSteps(model, common)._prefix.tokens == 0


@pytest.mark.parametrize("name", MODELS)
def test_what_stands_beside_a_row_changes_nothing(name):
    model = MODELS[name]()
    prompts, _ = draw(model, [5, 2, 8])
    how = Decoding(max_tokens=6, temperature=0.9, top_p=0.9)
    together = say(model, prompts, how, seeds=[11, 12, 13])
    alone = [say(model, [prompt], how, seeds=[seed])[0] for prompt, seed in zip(prompts, (11, 12, 13), strict=True)]
    assert [one.ids.tolist() for one in together] == [one.ids.tolist() for one in alone]
    other = say(model, prompts, how, seeds=[21, 22, 23])
    assert [one.ids.tolist() for one in together] != [one.ids.tolist() for one in other]


def test_rows_that_end_leave_the_batch_and_the_others_go_on_alike():
    model = tiny_causal(architecture="llama")
    prompts, _ = draw(model, [5, 2, 8, 3])
    free = say(model, prompts, Decoding(max_tokens=12))
    end = int(free[0].ids[1])
    ends = frozenset({end})
    found = say(model, prompts, Decoding(max_tokens=12), ends=ends)
    for whole, cut in zip(free, found, strict=True):
        ids = whole.ids.tolist()
        if end in ids:
            assert cut.finish == "end" and cut.ids.tolist() == ids[: ids.index(end)]
            assert cut.steps == len(cut.ids) + 1
        else:
            assert cut.finish == "length" and cut.ids.tolist() == ids


def test_a_stop_string_ends_the_text_and_is_not_part_of_it():
    model = tiny_causal(architecture="gpt2")
    (prompt,), _ = draw(model, [5])
    (free,) = say(model, [prompt], Decoding(max_tokens=9))
    stop = f"<{int(free.ids[4])}>"
    first = free.ids.tolist().index(int(free.ids[4]))
    (cut,) = say(model, [prompt], Decoding(max_tokens=9, stop=("never", stop)))
    assert cut.finish == "stop" and stop not in cut.text
    assert cut.ids.tolist() == free.ids[: first + 1].tolist()
    assert cut.log_likelihood > free.log_likelihood


def test_likelihoods_are_the_models_own():
    model = tiny_causal(architecture="gpt2")
    (prompt,), _ = draw(model, [5])
    (said,) = say(model, [prompt], Decoding(max_tokens=4, temperature=2.0), seeds=[3])
    whole = torch.from_numpy(np.concatenate([prompt, said.ids]))[None]
    with torch.inference_mode():
        logs = model.network(whole).logits[0].float().log_softmax(-1)
    expected = sum(float(logs[len(prompt) - 1 + i, token]) for i, token in enumerate(said.ids))
    assert said.log_likelihood == pytest.approx(expected, abs=1e-4)


def test_draws_follow_the_probabilities():
    """Of 4,000 draws of one token, each token's share lies within four standard errors of its probability."""
    model = tiny_causal(architecture="gpt2")
    (prompt,), _ = draw(model, [5])
    with torch.inference_mode():
        expected = model.network(torch.from_numpy(prompt)[None]).logits[0, -1].float().softmax(-1).numpy()
    count = 4000
    found = say(model, [prompt] * count, Decoding(max_tokens=1, temperature=1.0), seeds=range(count))
    share = np.bincount([int(one.ids[0]) for one in found], minlength=len(expected)) / count
    assert (np.abs(share - expected) < 4 * np.sqrt(expected / count) + 1e-3).all()
    few = say(model, [prompt] * 500, Decoding(max_tokens=1, temperature=1.0, top_p=0.3), seeds=range(500))
    order = np.argsort(-expected)
    least = order[: int((np.cumsum(expected[order]) < 0.3).sum()) + 1]
    assert {int(one.ids[0]) for one in few} <= set(least.tolist())
