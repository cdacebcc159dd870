"""Words and tokens: offsets lead back to the text, nothing is lost, the longest field is cut at its end."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from rationale_eval.data.words import Word, split_words
from rationale_eval.errors import InputError
from rationale_eval.models.base import NO_WORD
from rationale_eval.models.layout import Piece, first_overlap, lay_out, reading_order, tokenise
from rationale_eval.models.transformer import TransformerModel
from tests.helpers.tiny import (
    COMMONSENSE,
    NLI,
    SENTIMENT,
    example,
    tiny_causal,
    tiny_choice_encoder,
    tiny_classifier,
    tiny_seq2seq,
)

ARCHITECTURES = ("bert", "roberta", "gpt2", "llama", "t5")
TEXTS = st.text(
    alphabet=st.one_of(
        st.sampled_from("aethnos .,!?'’éßİﬁ🤷🏽\u200d♂️中文\u0301\u00a0"),
        st.characters(exclude_categories=("Cs", "Cc")),
    ),
    min_size=1,
    max_size=40,
).filter(str.strip)


@cache
def model(architecture: str) -> TransformerModel:
    if architecture in ("gpt2", "llama"):
        return tiny_causal(COMMONSENSE, architecture)
    return tiny_seq2seq() if architecture == "t5" else tiny_classifier(SENTIMENT, architecture)


@given(left=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 6))), seed=st.integers(0, 99))
def test_first_overlap_equals_looking_at_every_pair(left: list[tuple[int, int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 22, 10)
    end = start + rng.integers(0, 5, 10)
    begins = np.array([place for place, _ in left], dtype=np.int64)
    stops = np.array([place + size for place, size in left], dtype=np.int64)
    expected = []
    for s, e in zip(start, end, strict=True):
        hits = [
            (begins[i], i)
            for i in range(len(begins))
            if begins[i] < stops[i] and s < e and begins[i] < e and s < stops[i]
        ]
        expected.append(min(hits)[1] if hits else -1)
    assert_array_equal(first_overlap(start, end, begins, stops), expected)


@settings(max_examples=60, deadline=None)
@given(text=TEXTS, architecture=st.sampled_from(ARCHITECTURES))
def test_tokens_of_a_word_cover_its_characters(text: str, architecture: str) -> None:
    item = example(SENTIMENT, text=text)
    words = split_words(item, "whitespace")
    row = tokenise(model(architecture).tokenizer, ((Piece("Text: "), Piece(text, "text")),), words)
    inside = row.field >= 0  # a blank of the layout's own text can go with a word too; its place is not in the field
    for token in np.flatnonzero((row.word >= 0) & inside):
        start, end = int(row.start[token]), int(row.end[token])
        if text[start:end].strip():
            overlapped = [i for i, word in enumerate(words) if word.start < end and start < word.end]
            assert row.word[token] == overlapped[0]
        else:
            assert row.word[token] == row.word[token + 1]
    if architecture in ("roberta", "gpt2", "llama"):  # they have no normaliser that drops characters
        for i, word in enumerate(words):
            mine = np.flatnonzero((row.word == i) & inside)
            covered = text[row.start[mine].min() : row.end[mine].max()]
            assert covered.strip() == text[word.start : word.end]
    owned = row.word[row.word >= 0]
    assert (np.diff(owned) >= 0).all()


@settings(max_examples=40, deadline=None)
@given(text=TEXTS, architecture=st.sampled_from(("roberta", "gpt2", "llama")))
def test_byte_vocabularies_see_every_word(text: str, architecture: str) -> None:
    item = example(SENTIMENT, text=text)
    words = split_words(item, "whitespace")
    row = tokenise(model(architecture).tokenizer, ((Piece("Text: "), Piece(text, "text")),), words)
    assert set(row.word[row.word >= 0]) == set(range(len(words)))


@pytest.mark.parametrize("architecture", ["roberta", "gpt2", "llama"])
def test_emoji_of_many_tokens_is_one_word(architecture: str) -> None:
    item = example(SENTIMENT, text="so 🤷 then")
    row = tokenise(model(architecture).tokenizer, ((Piece("so 🤷 then", "text"),),), split_words(item))
    assert (row.word == 1).sum() >= 4


def test_special_tokens_belong_to_no_word_and_none_is_lost() -> None:
    item = example(NLI)
    encoding = tiny_classifier(NLI, "bert").encode(item, split_words(item))
    (row,) = encoding.rows
    assert [row.word[0], row.word[-1]] == [NO_WORD, NO_WORD]
    assert (row.word == NO_WORD).sum() == 3  # [CLS], [SEP], [SEP]
    assert encoding.seen.all()
    assert not encoding.truncated


def test_models_without_special_tokens_keep_their_first_and_last_word() -> None:
    causal = tiny_causal(SENTIMENT, "gpt2", prompt="Say: {text}")
    item = example(SENTIMENT, text="the film")
    row = causal.encode(item, split_words(item)).rows[0]
    assert row.word[len(row.word) - len(row.target) - 1] == 1
    assert_array_equal(row.ids[-len(row.target) :], row.target)


def test_pair_is_first_field_and_the_rest_joined_by_a_newline() -> None:
    ((first, second),) = reading_order({"a": "x", "b": "y", "c": "z"}, ())
    assert "".join(piece.text for piece in first) == "x"
    assert "".join(piece.text for piece in second) == "y\nz"
    assert [piece.field for piece in second] == ["b", None, "c"]


def test_choices_of_an_encoder_are_read_one_by_one() -> None:
    scorer = tiny_choice_encoder()
    item = example(COMMONSENSE)
    encoding = scorer.encode(item, split_words(item))
    texts = [scorer.tokenizer.decode(row.ids) for row in encoding.rows]
    assert texts[1] == "[CLS] q : what do people do when they are hungry? [SEP] a : sleep [SEP]"
    for row in encoding.rows:
        assert set(row.word) == {NO_WORD, *range(len(split_words(item)))}


def test_word_without_a_token_of_its_own_is_not_seen() -> None:
    reader = tiny_seq2seq()  # its vocabulary has "hungry?" as one token
    item = example(COMMONSENSE)
    words = split_words(item)
    seen = reader.encode(item, words).seen
    assert item.inputs["question"][words[-1].start :] == "?"
    assert_array_equal(seen, [True] * (len(words) - 1) + [False])


def test_longest_field_is_cut_at_its_end_first() -> None:
    reader = tiny_classifier(NLI, "bert", max_length=12)
    item = example(NLI, premise="a man is playing a guitar on the stage", hypothesis="the film was dull")
    encoding = reader.encode(item, split_words(item))
    (row,) = encoding.rows
    assert reader.tokenizer.decode(row.ids) == "[CLS] a man is playing a [SEP] the film was dull [SEP]"
    assert_array_equal(encoding.seen, [True] * 5 + [False] * 4 + [True] * 4)
    assert encoding.truncated


def test_equally_long_fields_lose_their_ends_in_turn_the_later_first() -> None:
    reader = tiny_classifier(NLI, "bert", max_length=8)
    item = example(NLI, premise="a man is playing", hypothesis="the film was dull")
    (row,) = reader.encode(item, split_words(item)).rows
    assert reader.tokenizer.decode(row.ids) == "[CLS] a man is [SEP] the film [SEP]"


@settings(max_examples=40, deadline=None)
@given(words=st.integers(1, 120), most=st.integers(30, 64), architecture=st.sampled_from(ARCHITECTURES))
def test_every_row_fits_and_keeps_the_start_of_the_text(words: int, most: int, architecture: str) -> None:
    text = " ".join(["the film was dull"] * words)
    item = example(SENTIMENT, text=text)
    rows, truncated = lay_out(model(architecture).tokenizer, reading_order, item, split_words(item), max_length=most)
    assert all(len(row) <= most for row in rows)
    kept = rows[0].word[rows[0].word >= 0]
    assert_array_equal(np.unique(kept), np.arange(kept.max() + 1))
    whole = tokenise(model(architecture).tokenizer, ((Piece(text, "text"),),), split_words(item))
    assert truncated == (len(whole) > most)
    assert truncated or set(kept) == set(whole.word[whole.word >= 0])
    assert not truncated or len(rows[0]) >= most - 8


def test_rows_of_one_example_are_cut_alike() -> None:
    scorer = tiny_causal(COMMONSENSE, "gpt2", max_length=40)
    item = example(COMMONSENSE, question="What do people do when " + "they are hungry " * 20)
    encoding = scorer.encode(item, split_words(item))
    seen = [set(row.word[row.word >= 0]) for row in encoding.rows]
    assert seen[0] == seen[1] == seen[2]
    assert max(len(row.ids) for row in encoding.rows) <= 40
    assert encoding.truncated


def test_choices_that_do_not_fit_are_an_input_error() -> None:
    scorer = tiny_causal(COMMONSENSE, "gpt2", max_length=8)
    item = example(COMMONSENSE, name="q-17")
    with pytest.raises(InputError, match=r"'q-17' does not fit"):
        scorer.encode(item, split_words(item))


def test_words_given_by_a_reader_may_be_any_stretch() -> None:
    item = example(SENTIMENT, text="wonderful surprise")
    words = (Word("text", 0, 6), Word("text", 6, 18))
    row = tiny_classifier(SENTIMENT, "bert").encode(item, words).rows[0]
    assert_array_equal(row.word, [NO_WORD, 0, 1, NO_WORD])  # the first token lies in the first word it overlaps
