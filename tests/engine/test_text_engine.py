"""Requests of text metrics: the same numbers as reading every text whole, asked once, remembered between processes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rationale_eval.engine.ask_text import Choose, Embed, Filler, Write
from rationale_eval.engine.memory import DiskTexts
from rationale_eval.engine.score_choices import _by_row, _texts, score_choices
from rationale_eval.engine.text_engine import TextEngine, filler
from rationale_eval.errors import UsageError
from rationale_eval.models.choice_tree import Said, grow
from tests.helpers.tiny import tiny_causal, tiny_classifier, tiny_seq2seq

START = "Q: What do people do?\n"
CHOICES = (" eat food", " sleep", " read a book")


def requests(beginning: str = START) -> list[Choose]:
    said = ["people watch", "people watch him while the film is empty", "the street", "people"]
    return [
        Choose(beginning, f"Text: {one} So the answer is", CHOICES[: 2 + place % 2]) for place, one in enumerate(said)
    ]


def scores(model, asked):
    return {place: found for batch in score_choices(model, asked) for place, found in batch.items()}


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
@pytest.mark.parametrize("beginning", ["", START, START * 3])
def test_a_tree_scores_as_whole_texts_do(architecture, beginning):
    model = tiny_causal(architecture=architecture)
    asked = requests(beginning)
    found = scores(model, asked)
    texts = list(enumerate(_texts(model, asked)))
    plain = {place: one for batch in _by_row(model, texts) for place, one in batch.items()}
    assert sorted(found) == list(range(len(asked)))
    for place in found:
        np.testing.assert_allclose(found[place], plain[place], atol=1e-5)
        assert np.ptp(found[place]) > 0.01


def test_a_tree_holds_what_texts_share_once():
    texts = [Said(np.array(ids), 2) for ids in ([7, 1, 2, 3], [7, 1, 2, 4, 5], [7, 1, 2, 3, 6], [7, 9, 9, 9])]
    first, second = grow(texts, 1, 100)
    assert first.ids.tolist() == [1, 2, 3, 6, 4, 5] and first.parent.tolist() == [-1, 0, 1, 2, 1, 4]
    assert first.depth.tolist() == [0, 1, 2, 3, 2, 3] and first.texts == (0, 2, 1)
    assert [one.tolist() for one in first.scored] == [[1, 2], [1, 2, 3], [1, 4, 5]]
    assert first.sees()[3].tolist() == [True, True, True, True, False, False]
    assert first.sees()[5].tolist() == [True, True, False, False, True, True]
    assert second.texts == (3,)
    assert [len(tree) for tree in grow(texts, 1, 4)] == [4, 4, 3]


@pytest.mark.parametrize("make", [tiny_causal, tiny_seq2seq])
def test_what_does_not_fit_is_told_and_the_rest_answered(make):
    model = make(max_length=40)
    long = "people " * 60
    asked = [Choose("", f"Text: {one}", CHOICES) for one in ("people", long)]
    found = TextEngine(model).answer([*asked, Write("", long, 4), Write("", "people", 4)])
    assert found[0].shape == (3,) and found[0].sum() == pytest.approx(1)
    assert found[1] is None and isinstance(found[3], str)
    if model.kind == "causal":
        assert found[2] is None


def test_each_request_is_asked_once_and_a_killed_process_loses_one_batch_at_most(tmp_path: Path, monkeypatch):
    model = tiny_causal()
    asked = [*requests(), *requests(), Write("", "people", 5), Write("", "people", 5, seed=3)]
    with TextEngine(model, memory=tmp_path) as engine:
        first = engine.answer(asked)
        assert vars(engine.asked) == {"requests": 10, "distinct": 5, "remembered": 0, "scored": 4, "written": 1}
    with TextEngine(model, helper=tiny_causal(seed=1), memory=tmp_path) as engine:
        again = engine.answer([*asked, Write("", "people", 5, who="helper")])
        assert engine.asked.remembered == 5 and engine.asked.scored == 0 and engine.asked.written == 1
    for one, other in zip(first, again, strict=False):
        assert one == other if isinstance(one, str) else np.array_equal(one, other)
    with TextEngine(tiny_causal(seed=1), memory=tmp_path) as engine:
        engine.answer(requests())
        assert engine.asked.remembered == 0


def test_an_empty_text_is_remembered_and_a_damaged_one_is_not(tmp_path: Path):
    texts = DiskTexts(tmp_path / "texts.sqlite")
    texts.keep({b"a": "", b"b": "é\n"})
    assert texts.recall([b"a", b"b", b"c"]) == {b"a": "", b"b": "é\n"}
    texts._write("UPDATE scores SET value = x'00000000ff' WHERE key = ?", [(b"b",)])
    assert texts.recall([b"a", b"b"]) == {b"a": ""}


def test_sampled_texts_follow_from_their_seed():
    model = tiny_causal()
    one, two, three = (Write("", "people", 8, temperature=3.0, seed=seed) for seed in (0, 1, 0))
    found = TextEngine(model).answer([one, two, three])
    assert found[0] == found[2] != found[1]
    assert TextEngine(model).answer([two, Write("", "The film was", 8, temperature=3.0), one])[2] == found[0]


@pytest.mark.parametrize("text", ["", "people", "people watch him while the film is empty"])
def test_filler_takes_as_many_tokens_as_the_text(text):
    model = tiny_causal()
    made = filler(model, Filler(text))
    size = [len(model.tokenizer(each)["input_ids"]) for each in (made, made + " ...", text)]
    assert size[0] <= size[2] < size[1] and set(made) <= set(" .")


def test_every_batch_shows_life_after_it_was_remembered(tmp_path: Path):
    """A run that is to be cancelled is stopped from here, and must not lose what it has."""

    class Cancelled(Exception):
        pass

    def stop() -> None:
        raise Cancelled

    asked = [*requests(), Write("", "people", 5)]
    for expected in ({"scored": 4, "written": 0}, {"scored": 0, "written": 1}):
        with TextEngine(tiny_causal(), memory=tmp_path, tick=stop) as engine:
            with pytest.raises(Cancelled):
                engine.answer(asked)
            assert vars(engine.asked).items() >= expected.items()
    with TextEngine(tiny_causal(), memory=tmp_path, tick=stop) as engine:
        engine.answer(asked)
        assert engine.asked.remembered == 5


def test_an_encoder_and_a_missing_encoder_are_refused():
    with pytest.raises(UsageError, match="writes no text"):
        TextEngine(tiny_classifier())
    with pytest.raises(ValueError, match="no encoder"):
        TextEngine(tiny_causal()).answer([Embed("a")])
