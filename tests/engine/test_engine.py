"""The engine against one question at a time, computed without it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rationale_eval.data.example import Example
from rationale_eval.data.rationale import WordScores
from rationale_eval.data.words import split_words
from rationale_eval.engine.case import REMOVALS, Case
from rationale_eval.engine.execute import LARGEST_WASTE, execute, pack
from rationale_eval.engine.memory import DiskMemory, ProcessMemory
from rationale_eval.engine.perturb import sequences
from rationale_eval.engine.precision import medium_is_exact, quick_float32
from rationale_eval.engine.run import WINDOW_QUESTIONERS, Engine
from rationale_eval.errors import RationaleEvalError, UsageError
from tests.helpers.linear import MASK, PAD, LinearModel

WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu"]
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)


def example(text: str, choices: tuple[str, ...] = ("a", "b", "c"), name: str = "x") -> Example:
    return Example(name, "toy", {"text": text}, choices, 0)


def case(model: LinearModel, text: str, **more: object) -> Case:
    made = example(text, choices=model.choices or ("red", "green"))
    words = split_words(made)
    return Case(made, words, encoding=model.encode(made, words), **more)


def by_hand(model: LinearModel, text: str, keep: np.ndarray, removal: str) -> np.ndarray:
    """Probabilities computed token by token in float64, without the engine."""
    table = model.embedding().weight.detach().double().numpy()
    scores = []
    for choice in [None] if model.choices else ("red", "green"):
        tail = [] if choice is None else [model.token(choice)]
        tokens: list[tuple[int, float, float]] = [(2, 1.0, 1.0)]  # id, attention, embedding scale
        for word, kept in zip(text.split(), keep, strict=True):
            if kept:
                tokens.append((model.token(word), 1.0, 1.0))
            elif removal == "mask":
                tokens.append((MASK, 1.0, 1.0))
            elif removal == "pad":
                tokens.append((PAD, 1.0, 1.0))
            elif removal == "attention":
                tokens.append((model.token(word), 0.0, 1.0))
            elif removal == "zero":
                tokens.append((model.token(word), 1.0, 0.0))
        tokens += [(token, 1.0, 1.0) for token in [3, *tail]]
        total = sum(
            table[token] * attended * scale * (1 + model.network.slope * place)
            for place, (token, attended, scale) in enumerate(tokens)
        )
        scores.append(total + model.network.curve * total**2)
    flat = np.concatenate(scores)
    exponents = np.exp(flat - flat.max())
    return exponents / exponents.sum()


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(TEXTS, min_size=1, max_size=6),
    removal=st.sampled_from(REMOVALS),
    scorer=st.booleans(),
    batch_tokens=st.integers(8, 200),
    window=st.integers(10, 2000),
    data=st.data(),
)
def test_every_removal_equals_the_hand_computation(texts, removal, scorer, batch_tokens, window, data):
    model = LinearModel(None if scorer else ("a", "b", "c"))
    cases = [case(model, text) for text in texts]
    keeps = [
        np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n))) for n in map(len, (c.words for c in cases))
    ]

    def ask(one, keep):
        answers = yield [one.without(np.flatnonzero(~keep), removal), one.whole()]
        return answers

    engine = Engine(model, batch_tokens=batch_tokens, window_tokens=window)
    found = list(engine.run(ask(one, keep) for one, keep in zip(cases, keeps, strict=True)))
    for text, keep, (part, whole) in zip(texts, keeps, found, strict=True):
        shown = "delete" if removal == "retokenize" else removal
        np.testing.assert_allclose(part, by_hand(model, text, keep, shown), atol=1e-5)
        np.testing.assert_allclose(whole, by_hand(model, text, np.ones(len(keep), bool), "delete"), atol=1e-5)


def test_only_and_without_are_complements():
    model = LinearModel()
    one = case(model, "alpha beta gamma")
    assert one.only([0, 2]).keep.tolist() == [True, False, True]
    assert one.without([0, 2]).keep.tolist() == [False, True, False]


def test_a_question_asked_by_many_runs_once():
    model = LinearModel()

    def ask():
        one = case(model, "alpha beta gamma delta")
        answers = yield [one.whole(), one.without([1]), one.without([1])]
        return answers[1][0]

    engine = Engine(model)
    values = list(engine.run(ask() for _ in range(50)))
    assert engine.tally.questions == 150
    assert engine.tally.passes == 2
    assert len(set(values)) == 1


def test_removing_either_twin_is_one_sequence_when_it_leaves_the_same_text():
    model = LinearModel()
    one = case(model, "alpha alpha beta")
    engine = Engine(model)
    engine.answer([one.without([0]), one.without([1])])
    assert engine.tally.passes == 1


def test_results_keep_their_order_though_questioners_end_at_different_rounds():
    model = LinearModel()

    def ask(rounds):
        one = case(model, "alpha beta gamma delta epsilon")
        for step in range(rounds):
            yield [one.without([step])]
        return rounds

    rounds = [4, 0, 2, 5, 1, 0, 3]
    assert list(Engine(model, window_tokens=20).run(ask(n) for n in rounds)) == rounds


def test_questioners_are_pulled_as_the_window_allows():
    model, pulled = LinearModel(), []

    def ask(number):
        pulled.append(number)
        yield [case(model, "alpha beta gamma").whole()]
        return number

    results = Engine(model, window_tokens=30).run(ask(n) for n in range(1000))
    next(results)
    assert len(pulled) <= 12


def test_few_questioners_are_in_flight_however_little_they_ask():
    model, pulled = LinearModel(), []

    def ask(number):
        pulled.append(number)
        yield [case(model, "alpha").whole()]
        return number

    results = Engine(model).run(ask(n) for n in range(5000))
    next(results)
    assert len(pulled) <= WINDOW_QUESTIONERS
    assert len(list(results)) == 4999


def test_memory_on_disk_answers_without_a_pass(tmp_path):
    model = LinearModel()
    questions = [case(model, "alpha beta gamma").without([n]) for n in range(3)]
    first = Engine(model, memory=DiskMemory(tmp_path / "m.sqlite"))
    second = Engine(model, memory=DiskMemory(tmp_path / "m.sqlite"))
    before, after = first.answer(questions), second.answer(questions)
    assert first.tally.passes == 3
    assert second.tally.passes == 0
    np.testing.assert_array_equal(before, after)


def test_another_model_does_not_recall_this_ones_answers(tmp_path):
    memory = DiskMemory(tmp_path / "m.sqlite")
    one, other = LinearModel(seed=0), LinearModel(seed=1)
    Engine(one, memory=memory).answer([case(one, "alpha beta").whole()])
    engine = Engine(other, memory=memory)
    engine.answer([case(other, "alpha beta").whole()])
    assert engine.tally.passes == 1


def test_an_entry_with_a_flipped_bit_is_computed_again(tmp_path):
    path = tmp_path / "m.sqlite"
    model = LinearModel()
    question = case(model, "alpha beta").whole()
    right = Engine(model, memory=DiskMemory(path)).answer([question])
    with sqlite3.connect(path) as connection:
        key, value = connection.execute("SELECT key, value FROM scores").fetchone()
        flipped = bytes([*value[:6], value[6] ^ 1, *value[7:]])
        connection.execute("UPDATE scores SET value = ? WHERE key = ?", (flipped, key))
    connection.close()
    engine = Engine(model, memory=DiskMemory(path))
    np.testing.assert_array_equal(engine.answer([question]), right)
    assert engine.tally.passes == 1
    assert DiskMemory(path).recall([key])[key].shape == (3,)


@pytest.mark.parametrize("damage", [b"not a database at all, no", b"SQLite format 3\x00" + b"\x00" * 5000])
def test_a_damaged_file_is_set_aside_not_deleted(tmp_path, damage):
    path = tmp_path / "m.sqlite"
    path.write_bytes(damage)
    memory = DiskMemory(path)
    memory.keep({b"k": np.ones(2, np.float32)})
    assert memory.recall([b"k"])[b"k"].tolist() == [1.0, 1.0]
    aside = list(tmp_path.glob("m.sqlite.damaged-*"))
    assert len(aside) == 1 and aside[0].read_bytes() == damage


def test_process_memory_forgets_the_oldest():
    memory = ProcessMemory(entries=2)
    for name in (b"1", b"2", b"3"):
        memory.keep({name: np.ones(1, np.float32)})
    assert set(memory.recall([b"1", b"2", b"3"])) == {b"2", b"3"}


def test_packing_respects_the_budget_and_wastes_little():
    model = LinearModel()
    draw = np.random.default_rng(0)
    found = [
        sequences(case(model, " ".join(draw.choice(WORDS, size=draw.integers(1, 40)))).whole(), model)[0]
        for _ in range(300)
    ]
    batches = pack(found, 256)
    assert sorted(index for batch in batches for index in batch) == list(range(300))
    for batch in batches:
        longest = max(len(found[index]) for index in batch)
        assert len(batch) == 1 or len(batch) * longest <= 256
        assert 1 - sum(len(found[i]) for i in batch) / (len(batch) * longest) <= LARGEST_WASTE


class ShortOfMemory(LinearModel):
    """Fails like a full device above some number of rows."""

    def __init__(self, rows: int):
        super().__init__()
        self.limit = rows

    def scores(self, batch):
        if len(batch.ids) > self.limit:
            raise torch.OutOfMemoryError("out of memory")
        return super().scores(batch)


def test_running_out_of_memory_halves_the_batch_and_changes_nothing():
    small, large = ShortOfMemory(3), LinearModel()
    texts = [" ".join(WORDS[: 2 + n % 9]) for n in range(40)]
    few = Engine(small).answer([case(small, text).whole() for text in texts])
    many = Engine(large).answer([case(large, text).whole() for text in texts])
    np.testing.assert_allclose(few, many, atol=1e-6)


def test_a_single_sequence_that_does_not_fit_is_one_sentence():
    model = ShortOfMemory(0)
    with pytest.raises(RationaleEvalError, match="one sequence of 4 tokens does not fit into memory"):
        Engine(model).answer([case(model, "alpha beta").whole()])


def test_other_errors_pass_through():
    class Broken(LinearModel):
        def scores(self, batch):
            raise RuntimeError("shapes do not match")

    model = Broken()
    found = sequences(case(model, "alpha").whole(), model)
    with pytest.raises(RuntimeError, match="shapes"):
        list(execute(model, found, 100))


def test_soft_edits_are_seeded_by_themselves_not_by_their_batch():
    model = LinearModel()
    one, other = case(model, "alpha beta gamma delta"), case(model, "eta theta iota kappa mu")
    half = np.full(4, 0.5)
    alone = Engine(model).answer([one.soft(half, 7)])[0]
    crowd = Engine(model).answer([other.soft(np.full(5, 0.5), 3), one.soft(half, 7), one.soft(half, 8)])
    np.testing.assert_allclose(alone, crowd[1], atol=1e-7)
    assert not np.allclose(crowd[1], crowd[2])


def test_soft_edit_with_certain_survival_is_the_whole_input_and_with_none_the_zeroed_one():
    model = LinearModel()
    one = case(model, "alpha beta gamma")
    kept, gone, whole, zero = Engine(model).answer(
        [one.soft(np.ones(3), 1), one.soft(np.zeros(3), 1), one.whole(), one.only([], "zero")]
    )
    np.testing.assert_allclose(kept, whole, atol=1e-6)
    np.testing.assert_allclose(gone, zero, atol=1e-6)


def test_masking_without_a_mask_token_says_what_to_choose():
    model = LinearModel()
    model.mask_id = None
    with pytest.raises(UsageError, match="has no mask token; choose --removal"):
        Engine(model).answer([case(model, "alpha beta").without([0], "mask")])


def test_words_cut_off_by_the_model_are_not_ranked():
    model = LinearModel(max_length=6)
    one = case(
        model, "alpha beta gamma delta epsilon", rationale=WordScores("x", "m", (), np.array([1.0, 5.0, 5.0, 9.0, 9.0]))
    )
    assert one.encoding.truncated
    assert one.ranking.tolist() == [1, 2, 0]


def test_quick_kernels_are_taken_only_where_exact():
    before = torch.get_float32_matmul_precision()
    with quick_float32(torch.device("cpu")):
        inside = torch.get_float32_matmul_precision()
    assert inside == ("medium" if medium_is_exact() else before)
    assert torch.get_float32_matmul_precision() == before


def test_a_memory_file_that_cannot_be_opened_is_one_sentence(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(RationaleEvalError, match="cannot be opened"):
        DiskMemory(Path(tmp_path / "folder"))
