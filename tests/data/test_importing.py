"""Outputs of other tools: tokens found again in the text, merged to words, checked, saved and opened again."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rationale_eval.data.align import merge_scores, token_words
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example, Task
from rationale_eval.data.explanations import load_explanations, save_explanations
from rationale_eval.data.importing import import_predictions, import_scores, import_texts
from rationale_eval.data.rationale import Explanations, WordScores
from rationale_eval.data.store import import_file
from rationale_eval.data.words import split_words
from rationale_eval.errors import InputError, RationaleEvalError

TASK = Task("nli", "classification", ("premise", "hypothesis"), ("no", "yes"))


def pair(number, premise="Two men aren't unhappy.", hypothesis="Café!"):
    return Example(str(number), "nli", {"premise": premise, "hypothesis": hypothesis}, TASK.choices, 1)


def dataset(*examples):
    return RationaleDataset.from_examples(examples, TASK, name="pairs")


def write(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def owners(tokens, example):
    words = split_words(example)
    texts = [example.inputs[word.field][word.start : word.end] for word in words]
    return [None if place < 0 else texts[place] for place in token_words(tokens, example.inputs, words)]


def test_word_pieces_of_an_uncased_model():
    tokens = ["[CLS]", "two", "men", "aren", "'", "t", "un", "##hap", "##py", ".", "[SEP]", "cafe", "!", "[SEP]"]
    expected = [
        None,
        "Two",
        "men",
        "aren't",
        "aren't",
        "aren't",
        "unhappy",
        "unhappy",
        "unhappy",
        ".",
        None,
        "Café",
        "!",
        None,
    ]
    assert owners(tokens, pair(1)) == expected


def test_byte_level_pieces():
    tokens = ["<s>", "Two", "Ġmen", "Ġaren", "'t", "Ġunh", "appy", ".", "</s>", "</s>", "C", "afÃ©", "!", "</s>"]
    assert owners(tokens, pair(1)) == [
        None, "Two", "men", "aren't", "aren't", "unhappy", "unhappy", ".", None, None, "Café", "Café", "!", None,
    ]  # fmt: skip


def test_byte_level_pieces_of_one_character_and_blank_pieces():
    example = Example("1", "t", {"text": "Good 😂\n\n case\u00a0it"})
    tokens = ["Good", "ĠðŁĺ", "Ĥ", "ĊĊ", "Ġcase", "Âł", "it"]
    assert owners(tokens, example) == ["Good", "😂", "😂", None, "case", None, "it"]
    # The mark of a blank is a letter too, and must not be taken for one.
    assert owners(["Ġood", "Ġgood"], Example("1", "t", {"text": "ood good"})) == ["ood", "good"]


def test_marks_that_a_tokenizer_drops_do_not_stop_it():
    assert owners(["a", "❤", "b"], Example("1", "t", {"text": "a ❤\ufe0f b"})) == ["a", "❤", "b"]


def test_sentence_pieces_and_end_of_word_marks():
    assert owners(["▁Two", "▁men", "▁", "aren't", "▁un", "happy", ".", "</s>", "▁Café", "!"], pair(1))[:4] == [
        "Two",
        "men",
        None,
        "aren't",
    ]
    assert owners(["two</w>", "men</w>"], pair(1)) == ["Two", "men"]


def test_plain_words_need_no_separator():
    assert owners(["Two", "men", "aren't", "unhappy", ".", "Café", "!"], pair(1))[-2:] == ["Café", "!"]


def test_a_field_that_was_cut_short_ends_at_its_separator():
    assert owners(["[CLS]", "two", "[SEP]", "cafe", "[SEP]", "[PAD]", "[PAD]"], pair(1)) == [
        None, "Two", None, "Café", None, None, None,
    ]  # fmt: skip


def test_unknown_tokens_stand_for_one_piece_of_text():
    assert owners(["[UNK]", "men", "[UNK]", "unhappy"], pair(1)) == ["Two", "men", "aren't", "unhappy"]


def test_separators_in_the_text_are_text():
    example = pair(1, "a [SEP] b", "c")
    assert owners(["a", "[SEP]", "b", "[SEP]", "c"], example)[0] == "a"
    assert owners(["a", "[SEP]", "b", "[SEP]", "c"], example)[-1] == "c"


@given(st.text(st.sampled_from("abÄé'!. \u200d👩e\u0301"), min_size=1, max_size=40).filter(str.strip), st.data())
def test_any_cut_of_a_text_is_found_again(text, data):
    example = Example("1", "t", {"text": text})
    words = split_words(example, "whitespace")
    tokens, expected = [], []
    for place, word in enumerate(words):
        piece = text[word.start : word.end]
        cut = data.draw(st.integers(1, len(piece)))
        # A cut before a combining mark leaves a piece that no tokenizer makes.
        parts = [part for part in (piece[:cut], piece[cut:]) if part]
        if any(part[0] in "\u0301\u200d" or part[-1] == "\u200d" for part in parts):
            parts = [piece]
        if all(letter in "\u0301\u200d" for letter in piece):
            continue
        tokens += parts
        expected += [place] * len(parts)
    if not any(letter in text for letter in "\u0301\u200d"):
        assert token_words(tokens, example.inputs, words).tolist() == expected


def test_merging():
    owner = np.array([-1, 0, 0, 2])
    scores = np.array([9.0, 1.0, -3.0, 0.5])
    assert np.array_equal(merge_scores(scores, owner, 3), [-2.0, np.nan, 0.5], equal_nan=True)
    assert np.array_equal(merge_scores(scores, owner, 3, "mean"), [-1.0, np.nan, 0.5], equal_nan=True)
    assert np.array_equal(merge_scores(scores, owner, 3, "max"), [1.0, np.nan, 0.5], equal_nan=True)


def test_scores_come_in_the_order_of_the_data(tmp_path):
    data = dataset(pair(1), pair(2))
    tokens = ["[CLS]", "two", "men", "aren", "'", "t", "un", "##hap", "##py", ".", "[SEP]", "cafe", "!", "[SEP]"]
    rows = [
        {"id": "2", "tokens": tokens, "scores": list(range(14)), "target": "no", "hard": [0] * 7 + [1] + [0] * 6},
        {"id": "1", "tokens": tokens, "scores": [0.5] * 14},
    ]
    found = import_scores(write(tmp_path / "their method.jsonl", rows), data)
    for _ in range(2):
        first, second = found
        assert (first.example_id, first.method, first.target, first.hard) == ("1", "their method", None, None)
        assert first.scores.tolist() == [0.5, 0.5, 1.5, 1.5, 0.5, 0.5, 0.5]
        assert second.scores.tolist() == [1, 2, 3 + 4 + 5, 6 + 7 + 8, 9, 11, 12] and second.target == 0
        assert second.hard.tolist() == [False, False, False, True, False, False, False]


def test_our_words_need_no_tokens_and_rows_no_ids(tmp_path):
    rows = [{"scores": [1, 2, 3, 4, 5, 6, 7]}, {"scores": [7, 6, 5, 4, 3, 2, 1]}]
    first, second = import_scores(write(tmp_path / "a.jsonl", rows), dataset(pair(1), pair(2)), method="m")
    assert first.scores.tolist() == [1, 2, 3, 4, 5, 6, 7] and second.scores[0] == 7 and second.method == "m"


def test_tables_with_a_row_a_token_and_lists_in_cells(tmp_path):
    data = dataset(pair(1, "good film", "yes"))
    long = tmp_path / "long.csv"
    long.write_text("id,token,score\n1,good,0.5\n1,fi,1\n1,lm,2\n1,yes,-1\n")
    (one,) = import_scores(long, data)
    assert one.scores.tolist() == [0.5, 3.0, -1.0]
    wide = tmp_path / "wide.csv"
    wide.write_text('id,tokens,scores\n1,good film yes,"[0.5, 3, -1]"\n')
    assert next(iter(import_scores(wide, data))).scores.tolist() == one.scores.tolist()


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (
            {"id": "1", "tokens": ["two", "women"], "scores": [1, 2]},
            "row 1, field 'tokens': the token 'women' does not continue the text of 'premise' "
            "at character 4 ('men aren't unhappy.')",
        ),
        ({"id": "1", "tokens": ["two"], "scores": [1, 2]}, "field 'scores': has 2 numbers for 1 tokens"),
        ({"id": "1", "scores": [1, 2]}, "has 2 numbers for 7 words"),
        ({"id": "1", "scores": [1, 2, 3, 4, 5, 6, "x"]}, "'x' is not a finite number"),
        ({"id": "1", "scores": [1, 2, 3, 4, 5, 6, "nan"]}, "'nan' is not a finite number"),
        ({"id": "1", "scores": [1, 2, 3, 4, 5, 6, True]}, "'True' is not a finite number"),
        ({"id": "1"}, "field 'scores': is missing"),
        ({"id": "1", "scores": [0] * 7, "target": 2}, "field 'target': '2' is none of the 2 choices"),
        ({"id": "1", "scores": [0] * 7, "hard": [1]}, "field 'hard': has 1 marks"),
        ({"id": "9", "scores": [0] * 7}, "has no row for the example '1'"),
    ],
)  # fmt: skip
def test_rows_that_do_not_fit_are_named(tmp_path, row, sentence):
    path = write(tmp_path / "a.jsonl", [row])
    with pytest.raises(InputError) as caught:
        list(import_scores(path, dataset(pair(1))))
    assert sentence in str(caught.value) and str(path) in str(caught.value)


def test_too_many_rows_are_named_unless_the_data_is_a_part(tmp_path):
    rows = [{"id": str(number), "scores": [0] * 7} for number in (1, 2, 3)]
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(InputError, match="row 3: '3' is no example of pairs"):
        list(import_scores(path, dataset(pair(1), pair(2))))
    assert len(list(import_scores(path, dataset(pair(1), pair(2), pair(3)).limit(2)))) == 2
    twice = write(tmp_path / "b.jsonl", [rows[1], rows[1], rows[0]])
    with pytest.raises(InputError, match="'2' stands there twice"):
        list(import_scores(twice, dataset(pair(1), pair(2))))


def test_predictions(tmp_path):
    data = dataset(pair(1), pair(2), pair(3), pair(4))
    rows = [
        {"id": "1", "label": "yes"},
        {"id": "2", "prediction": 0},
        {"id": "3", "probabilities": [0.25, 0.75]},
        {"id": "4", "probabilities": {"yes": 0.25, "no": 0.75}, "label": "no"},
    ]
    found = list(import_predictions(write(tmp_path / "a.jsonl", rows), data))
    assert [one.label for one in found] == [1, 0, 1, 0]
    assert found[0].probabilities is None and found[3].probabilities.tolist() == [0.75, 0.25]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({}, "field 'label': is missing"),
        ({"label": "perhaps"}, "'perhaps' is none of the 2 choices"),
        ({"probabilities": [0.5]}, "is not a list of 2 numbers"),
        ({"probabilities": [0.9, 0.9]}, "add up to 1"),
        ({"probabilities": [-0.5, 1.5]}, "at least 0"),
        ({"probabilities": {"yes": 1.0}}, "does not name the choices"),
        ({"probabilities": [0.9, 0.1], "label": 1}, "not the likeliest"),
    ],
)
def test_bad_predictions_are_named(tmp_path, row, sentence):
    with pytest.raises(InputError, match=sentence):
        list(import_predictions(write(tmp_path / "a.jsonl", [{"id": "1"} | row]), dataset(pair(1))))


def test_texts(tmp_path):
    rows = [{"id": "1", "explanation": "Because.", "target": "yes"}, {"id": "2", "explanation": None}]
    first, second = import_texts(write(tmp_path / "a.jsonl", rows), dataset(pair(1), pair(2)))
    assert (first.text, first.target, second.text, second.target) == ("Because.", 1, "", None)
    with pytest.raises(InputError, match="field 'text': is not text"):
        list(import_texts(write(tmp_path / "b.jsonl", [{"id": "1", "text": 7}]), dataset(pair(1))))


# Saved rationales.


def scores(example, values, **more):
    return WordScores(example.id, "m", split_words(example), np.array(values, dtype=np.float64), **more)


def same(one, other):
    assert (one.example_id, one.method, one.words, one.target) == (
        other.example_id,
        other.method,
        other.words,
        other.target,
    )
    assert np.array_equal(one.scores, other.scores, equal_nan=True)
    assert (one.hard is None) == (other.hard is None) and (one.hard is None or one.hard.tolist() == other.hard.tolist())
    assert one.notes.keys() == other.notes.keys()


def test_saved_rationales_come_back_bit_by_bit(tmp_path):
    data = dataset(pair(1), pair(2), pair(3, "Awkward 👩‍👩‍👧 text", "\u202eabc"))
    values = [0.1, 1 / 3, np.nan, -1e-300, 5e-324, 1e300, 0.0]
    given = [
        scores(pair(1), values, target=1, notes={"delta": 0.25}),
        scores(pair(2), values, hard=np.array([True] + [False] * 6)),
        scores(pair(3, "Awkward 👩‍👩‍👧 text", "\u202eabc"), [1.0] * len(data.words(list(data)[2]))),
    ]
    path = save_explanations(Explanations("m", lambda: given, {"steps": 50}), tmp_path / "x.parquet", data)
    found = load_explanations(path, data)
    assert found.method == "m" and found.params == {"steps": 50}
    for _ in range(2):
        for one, other in zip(given, found, strict=True):
            same(one, other)
    with pytest.raises(InputError, match="was made for other data than pairs"):
        load_explanations(path, dataset(pair(1)))


def test_long_sets_are_written_in_groups(tmp_path):
    def many():
        for number in range(2500):
            yield scores(pair(number), [number] * 7)

    path = save_explanations(Explanations("m", many), tmp_path / "x.parquet")
    assert pq.ParquetFile(path).num_row_groups == 3
    assert [one.scores[0] for one in load_explanations(path)] == list(range(2500))


def test_a_file_that_is_none_of_ours_is_refused(tmp_path):
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1 nothing")
    with pytest.raises(InputError, match="holds no saved rationales"):
        load_explanations(path)
    given = Explanations("m", lambda: [scores(pair(1), [np.inf] * 7)])
    with pytest.raises(RationaleEvalError, match="infinite score for the example '1'"):
        save_explanations(given, tmp_path / "y.parquet")
    assert not (tmp_path / "y.parquet").exists()


def test_an_import_is_written_whole_or_not_at_all(tmp_path):
    data = dataset(pair(1), pair(2))
    rows = [{"id": "1", "scores": [0] * 7}, {"id": "2", "scores": [0]}]
    with pytest.raises(InputError, match="row 2"):
        import_file(write(tmp_path / "a.jsonl", rows), data, tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()
    rows[1]["scores"] = [1] * 7
    done = import_file(write(tmp_path / "a.jsonl", rows), data, tmp_path / "out.parquet", name="theirs")
    assert (done.name, done.rows) == ("theirs", 2)
    assert [one.scores.sum() for one in load_explanations(tmp_path / "out.parquet", data)] == [0, 7]
    labels = write(tmp_path / "b.jsonl", [{"id": "1", "label": 1}, {"id": "2", "label": 0}])
    import_file(labels, data, tmp_path / "labels.jsonl", kind="predictions")
    again = import_predictions(tmp_path / "labels.jsonl", data)
    assert [one.label for one in again] == [1, 0]
