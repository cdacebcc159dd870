"""Own files: columns guessed, shown, overridden; labels and highlights in every form people write."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rationale_eval.data.example import Task
from rationale_eval.data.load import load_dataset
from rationale_eval.data.marks import from_mask, from_words, token_spans, unmark
from rationale_eval.errors import InputError, UsageError


def table(folder, rows, name="mine.jsonl"):
    path = folder / name
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def csv(folder, text, name="mine.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def marked(example, field="text"):
    return [example.inputs[field][start:end] for start, end in example.evidence[field]]


def test_columns_are_guessed_and_shown(tmp_path):
    text = (
        "sentence1,sentence2,gold_label,why\nA man sleeps.,He rests.,entailment,It follows.\nA dog.,A cat.,neutral,\n"
    )
    data = load_dataset(csv(tmp_path, text))
    assert data.origin.mapping == (
        "premise <- sentence1 (guessed)",
        "hypothesis <- sentence2 (guessed)",
        "label <- gold_label (guessed)",
        "rationale <- why (guessed)",
        "choices: entailment, neutral",
    )
    first, second = data
    assert first.inputs == {"premise": "A man sleeps.", "hypothesis": "He rests."}
    assert (first.label, first.rationales, second.rationales, second.evidence) == (0, ("It follows.",), (), None)


def test_what_the_user_says_wins(tmp_path):
    text = "sentence1,text,label,verdict,note\na b,c d,0,yes,x\ne f,g h,1,no,y\n"
    data = load_dataset(csv(tmp_path, text), mapping={"post": "text", "label": "verdict", "rationale": ""})
    first, _ = data
    assert data.origin.mapping == ("post <- text (given)", "label <- verdict (given)", "choices: no, yes")
    assert first.inputs == {"post": "c d"} and first.choices[first.label] == "yes"


def test_unknown_columns_and_kinds_are_refused(tmp_path):
    path = csv(tmp_path, "alpha,beta\nx,y\n")
    with pytest.raises(InputError, match=r"no column looks like an input.*text=alpha \(there are: alpha, beta\)"):
        load_dataset(path)
    with pytest.raises(InputError, match=r"field 'text': there is no column 'gamma'; there are: alpha, beta"):
        load_dataset(path, mapping={"text": "gamma"})
    with pytest.raises(UsageError, match="label can be read as name, index, letter, bool, answer, not as 'colour'"):
        load_dataset(path, mapping={"text": "alpha", "label:colour": "beta"})


@pytest.mark.parametrize("text", ["NA", "null", "None", "007", "1e5x", "TRUE", "nan"])
def test_csv_texts_and_label_names_stay_what_they_are(tmp_path, text):
    (one,) = load_dataset(csv(tmp_path, f"text,label,why\n{text},{text},{text}\n"))
    assert one.inputs == {"text": text} and one.rationales == (text,)
    assert one.choices == (text,)


def test_numeric_labels_are_ordered_by_value(tmp_path):
    data = load_dataset(csv(tmp_path, "text,label\na,10\nb,9\nc,\n"))
    assert data.task.choices == ("9", "10")
    assert [one.label for one in data] == [1, 0, None]


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        (1.0, "fractional number"),
        ("1.0", "fractional number"),
        ("1e5", "fractional number"),
        (True, "truth value"),
        (-1, "negative"),
        ("-1", "negative"),
        ([1], "neither text nor"),
        (2**62, "none of the 2 choices"),
        ("maybe", "none of the 2 choices"),
    ],
)
def test_labels_that_could_mean_several_things_are_rejected(tmp_path, label, reason):
    rows = [{"text": "a", "label": "yes"}, {"text": "b", "label": label}, {"text": "c", "label": "no"}]
    task = Task("t", "classification", ("text",), ("no", "yes"))
    data = load_dataset(table(tmp_path, rows), task=task, on_error="collect")
    assert [one.label for one in data] == [1, 0]
    (group,) = data.rejections
    assert (group.field, group.first[0].row) == ("label", 2) and reason in group.reason


def test_a_column_of_free_text_is_no_label(tmp_path):
    rows = [{"text": "a", "label": f"sentence {number}"} for number in range(1500)]
    with pytest.raises(InputError, match="more than 1000 different values"):
        load_dataset(table(tmp_path, rows))


def test_label_names_are_those_of_all_splits(tmp_path):
    csv(tmp_path, "text,label\na,x\nb,y\nc,z\n", "train.csv")
    csv(tmp_path, "text,label\na,z\n", "test.csv")
    assert load_dataset(tmp_path).task.choices == ("x", "y", "z")
    assert [one.label for one in load_dataset(tmp_path, split="test")] == [2]


def test_truth_values_are_labels_when_the_user_says_so(tmp_path):
    rows = [{"question": "Is it?", "answer": True}, {"question": "Is it so?", "answer": False}]
    data = load_dataset(table(tmp_path, rows), mapping={"label:bool": "answer", "answer": ""})
    assert data.task.choices == ("false", "true") and [one.label for one in data] == [1, 0]


@pytest.mark.parametrize("answers", [["red", "blue"], [0, 1], ["0", "1"], ["A", "B"]])
def test_options_may_be_named_counted_or_lettered(tmp_path, answers):
    rows = [
        {"question": f"Which, {i}?", "choices": ["red", "blue"], "label": answer} for i, answer in enumerate(answers)
    ]
    data = load_dataset(table(tmp_path, rows))
    assert data.task.kind == "multiple_choice" and [one.label for one in data] == [0, 1]


def test_options_in_several_columns_and_in_records(tmp_path):
    text = "q_text,q_op1,q_op2,q_ans,taskB\nWhich?,red,blue,blue,Because.\n"
    (one,) = load_dataset(
        csv(tmp_path, text),
        mapping={"question": "q_text", "choices": "q_op1,q_op2", "label": "q_ans", "rationale": "taskB"},
    )
    assert (one.choices, one.label, one.rationales) == (("red", "blue"), 1, ("Because.",))
    rows = [{"question": "Which?", "options": {"text": ["red", "blue"]}, "label": "blue"}]
    (one,) = load_dataset(table(tmp_path, rows), mapping={"choices": "options.text"})
    assert (one.choices, one.label) == (("red", "blue"), 1)


def test_solutions_are_cut_at_their_mark(tmp_path):
    rows = [{"question": "How many?", "answer": "2 + 2 = 4\n#### 4"}]
    (one,) = load_dataset(
        table(tmp_path, rows), mapping={"rationale:before_hash": "answer", "answer:after_hash": "answer"}
    )
    assert (one.rationales, one.answer, one.label, one.choices) == (("2 + 2 = 4",), "4", None, ())


TEXT = "I like it, I like the film ."


@pytest.mark.parametrize(
    ("evidence", "kind", "words"),
    [
        ([[2, 6], [22, 26]], "spans", ["like", "film"]),
        ([[22, 26], [2, 6]], "spans", ["like", "film"]),
        ([{"start": 2, "end": 6}], "spans", ["like"]),
        ("[[2, 6]]", "spans", ["like"]),
        ({"text": [[2, 6]]}, "spans", ["like"]),
        ([1, 6], "indices", ["like", "film"]),
        ([0, 1, 0, 0, 0, 0, 1, 0], "mask", ["like", "film"]),
        ("I *like* it, I like the *film* .", "marked", ["like", "film"]),
        (["like", "film"], "words", ["like", "like", "film"]),
        (["LIKE THE"], "words", ["like the"]),
        ("the film", "words", ["the film"]),
        ([], None, []),
    ],
)
def test_highlights_in_every_form(tmp_path, evidence, kind, words):
    data = load_dataset(table(tmp_path, [{"text": TEXT, "label": "x", "evidence": evidence}]))
    (one,) = data
    if kind is None:
        assert one.evidence == {}
        return
    assert marked(one) == words
    assert f"evidence <- evidence (guessed, read as {kind})" in data.origin.mapping


def test_token_lists_and_masks(tmp_path):
    rows = [
        {"post_tokens": ["so", "bad", "."], "why": [0, 1, 0], "label": "x"},
        {"post_tokens": ["ok"], "why": [0], "label": "y"},
    ]
    data = load_dataset(
        table(tmp_path, rows), mapping={"text:tokens": "post_tokens", "evidence": "why", "rationale": ""}
    )
    first, second = data
    assert first.inputs == {"text": "so bad ."} and marked(first) == ["bad"] and second.evidence == {"text": ()}


def test_empty_cells_do_not_say_how_highlights_are_written(tmp_path):
    rows = 'text,label,spans\na b,x,\nc d,y,\ne f,x,\ng h,y,"[[0, 1]]"\n'
    examples = list(load_dataset(csv(tmp_path, rows)))
    assert [one.evidence for one in examples] == [None, None, None, {"text": ((0, 1),)}]


def test_numbers_are_indices_unless_all_are_masks(tmp_path):
    rows = [{"text": "a b", "label": "x", "evidence": [0, 1]}, {"text": "a b c", "label": "x", "evidence": [2]}]
    first, second = load_dataset(table(tmp_path, rows))
    assert marked(first) == ["a", "b"] and marked(second) == ["c"]
    (masked,) = load_dataset(table(tmp_path, rows[:1]), mapping={"evidence:mask": "evidence"})
    assert marked(masked) == ["b"]


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        ([[0, 99]], "outside the text"),
        ([[6, 2]], "reversed"),
        ([[0, 4], [2, 6]], "overlaps"),
        ([0, 8], "token 8 is out of range; the text has 8 tokens"),
        ([-1], "token -1 is out of range"),
        (["absent"], "'absent' does not stand in the text"),
        ("I *like it, I like the film .", "does not stand in the text"),
        ([True], r"\[start, end\] pairs"),
    ],
)
def test_highlights_that_do_not_fit_name_their_row(tmp_path, evidence, reason):
    rows = [{"text": TEXT, "label": "x", "evidence": None}, {"text": TEXT, "label": "x", "evidence": evidence}]
    with pytest.raises(InputError, match=rf"row 2, field 'evidence': .*{reason}"):
        list(load_dataset(table(tmp_path, rows)))


def test_highlights_must_say_which_of_two_inputs_they_mark(tmp_path):
    row = {"premise": "a man", "hypothesis": "a cat", "label": "x", "evidence": [[0, 1]]}
    with pytest.raises(InputError, match=r"does not say which input it marks; map evidence\.premise=COLUMN"):
        list(load_dataset(table(tmp_path, [row])))
    (one,) = load_dataset(table(tmp_path, [row]), mapping={"evidence.hypothesis": "evidence"})
    assert one.evidence == {"hypothesis": ((0, 1),)}
    (one,) = load_dataset(table(tmp_path, [row | {"evidence": "a *cat*"}]))
    assert one.evidence == {"hypothesis": ((2, 5),)}


def test_the_original_e_snli_table_is_known(tmp_path):
    columns = "gold_label,Sentence1,Sentence2,Explanation_1,pairID,Sentence1_marked_1,Sentence2_marked_1"
    text = f"{columns}\nneutral,A man walks.,He is tall.,Not all men.,77,A man walks.,He is *tall.*\n"
    data = load_dataset(csv(tmp_path, text), task="esnli")
    (one,) = data
    assert (data.name, one.id, one.label, data.cluster_field) == ("esnli", "77", 1, "premise")
    assert one.evidence == {"premise": (), "hypothesis": ((6, 11),)}
    assert "evidence.hypothesis <- Sentence2_marked_1 (catalogue, unconfirmed, read as marked)" in data.origin.mapping


def test_missing_and_extra_columns(tmp_path):
    rows = [
        {"text": "a", "label": "x"},
        {"label": "x"},
        {"text": 5, "label": "x"},
        {"text": "b", "label": "y", "more": 1},
    ]
    data = load_dataset(table(tmp_path, rows), on_error="collect")
    assert [one.inputs["text"] for one in data] == ["a", "b"]
    assert [(group.first[0].row, group.field, group.reason) for group in data.rejections] == [
        (2, "text", "is empty"),
        (3, "text", "is not text"),
    ]


@given(st.text(st.sampled_from("ab* \n,é"), min_size=1, max_size=30), st.data())
def test_marking_and_unmarking_are_inverse(text, data):
    text = text.replace("*", "")
    tokens = token_spans(text)
    chosen = [token for token in tokens if data.draw(st.booleans())]
    written = text
    for start, end in reversed(chosen):
        written = f"{written[:start]}*{written[start:end]}*{written[end:]}"
    assert unmark(written, text) == tuple(chosen)
    bits = [int(token in chosen) for token in tokens]
    assert from_mask(bits, text) == tuple(chosen)


def test_stars_of_the_text_itself_are_text():
    assert unmark("2 * 3 is *six*", "2 * 3 is six") == ((9, 12),)
    assert unmark("2 * 3", "2 3") is None


def test_words_are_found_as_words():
    assert from_words(["art"], "artful art, party") == ((7, 10),)
    assert from_words(["a b", "b c"], "a b c") == ((0, 5),)
