"""`RationaleDataset` and the schema: streaming, identity, parts, rejections."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example, Task
from rationale_eval.data.load import load_dataset
from rationale_eval.data.rejections import Rejection, Rejections
from rationale_eval.data.schema import to_example, to_record
from rationale_eval.data.words import gold_mask
from rationale_eval.errors import InputError, UsageError

TASK = Task("mood", "classification", ("text",), ("bad", "good"))


def example(number, text="a fine day", label=1):
    return Example(str(number), "mood", {"text": text}, TASK.choices, label, evidence={"text": ((2, 6),)})


def record(**changes):
    whole = {"id": "1", "task": "t", "inputs": {"text": "a fine day"}, "choices": ["bad", "good"], "label": 1}
    return whole | {"rationale": None, "rationales": [], "evidence": None, "meta": {}} | changes


def write_lines(path, records):
    path.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
    return path


def test_it_can_be_read_again_and_again():
    data = RationaleDataset.from_examples([example(1), example(2)], TASK)
    assert len(data) == 2 and list(data) == list(data)
    assert [word.start for word in data.words(example(1))] == [0, 2, 7]
    assert data.cluster(example(1)) is None


def test_clusters_are_the_shared_text():
    data = RationaleDataset.from_examples([example(1)], TASK, cluster_field="text")
    assert data.cluster(example(1)) == "a fine day"


def test_two_passes_may_run_at_once():
    data = RationaleDataset.from_examples([example(i) for i in range(3)], TASK)
    assert [(a.id, b.id) for a in data for b in data] == [(str(i), str(j)) for i in range(3) for j in range(3)]


def test_reading_is_lazy_and_a_limit_stops_it():
    seen = []

    def source():
        for number in range(1000):
            seen.append(number)
            yield example(number)

    data = RationaleDataset("d", "test", TASK, source)
    assert [one.id for one in data.limit(3)] == ["0", "1", "2"]
    assert len(seen) <= 4
    with pytest.raises(UsageError, match="negative"):
        data.limit(-1)
    assert data.limit(None) is data and not data.is_part and data.limit(2).is_part


def test_where_keeps_what_it_is_told():
    data = RationaleDataset.from_examples([example(i, label=i % 2) for i in range(6)], TASK)
    assert [one.id for one in data.where(lambda one: one.label == 1).limit(2)] == ["1", "3"]


def test_an_id_that_stands_there_twice_is_an_error():
    with pytest.raises(InputError, match=r"row 2, field 'id': '1' stands there twice"):
        RationaleDataset.from_examples([example(1), example(1, "another")], TASK)


def test_rejected_rows_raise_or_are_counted():
    def source():
        yield example(1)
        yield Rejection(2, "label", "is wrong", "f.csv")
        yield example(3)

    strict = RationaleDataset("d", "test", TASK, source)
    with pytest.raises(InputError, match=r"f\.csv, row 2, field 'label': is wrong"):
        list(strict)
    lenient = RationaleDataset("d", "test", TASK, source, on_error="collect")
    for _ in range(2):
        assert [one.id for one in lenient] == ["1", "3"]
        assert len(lenient.rejections) == 1
    assert len(lenient) == 2


def test_rejections_show_the_first_three_of_each_kind():
    found = Rejections()
    for row in range(1, 501):
        found.add(Rejection(row, "label" if row % 2 else None, "is wrong"))
    assert len(found) == 500
    assert [(group.field, group.count, [one.row for one in group.first]) for group in found] == [
        ("label", 250, [1, 3, 5]),
        (None, 250, [2, 4, 6]),
    ]
    for row in range(1000):
        found.add(Rejection(row, None, f"reason {row}"))
    assert len(list(found)) <= 101 and len(found) == 1500


def test_the_fingerprint_is_that_of_the_content():
    one = RationaleDataset.from_examples([example(1), example(2)], TASK, name="a", split="x")
    same = RationaleDataset.from_examples([example(1), example(2)], TASK, name="b", split="y")
    others = [
        RationaleDataset.from_examples([example(2), example(1)], TASK),
        RationaleDataset.from_examples([example(1)], TASK),
        RationaleDataset.from_examples([example(1), example(2, label=0)], TASK),
        RationaleDataset.from_examples([example(1), example(2)], TASK, word_rule="whitespace"),
    ]
    assert one.fingerprint() == same.fingerprint() and len(one.fingerprint()) == 64
    assert len({one.fingerprint(), *(other.fingerprint() for other in others)}) == 5


def test_composed_and_decomposed_letters_are_different_texts():
    twins = [example(1, "caf\u00e9 day"), example(2, "cafe\u0301 day")]
    data = RationaleDataset.from_examples(twins, TASK)
    assert [len(one.inputs["text"]) for one in data] == [8, 9]


def test_offsets_count_code_points_in_awkward_text(tmp_path):
    text = "👩‍👩‍👧 \U0001f600 \u202eabc\u202c e\u0301nd"
    start = text.index("e\u0301")
    path = write_lines(
        tmp_path / "test.jsonl", [record(inputs={"text": text}, evidence={"text": [[start, len(text)]]})]
    )
    data = load_dataset(path, word_rule="whitespace")
    (found,) = data
    words = data.words(found)
    marked = words[int(np.flatnonzero(gold_mask(words, found.evidence))[0])]
    assert found.inputs["text"] == text and text[marked.start : marked.end] == "e\u0301nd"


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"label": 2}, "label", "2 is out of range"),
        ({"label": -1}, "label", "-1 is out of range"),
        ({"label": 1.0}, "label", "a fractional number"),
        ({"label": "1"}, "label", "is text"),
        ({"label": True}, "label", "a truth value"),
        ({"label": 2**63 - 1}, "label", "out of range"),
        ({"choices": ["a", 1]}, "choices", "not a list of texts"),
        ({"inputs": {}}, "inputs", "at least one text"),
        ({"inputs": {"text": ""}}, "inputs.text", "is empty"),
        ({"inputs": {"text": " \n"}}, "inputs.text", "is empty"),
        ({"inputs": {"text": 7}}, "inputs.text", "not text"),
        ({"id": ""}, "id", "empty"),
        ({"id": 1.5}, "id", "a fractional number"),
        ({"rationale": 3}, "rationale", "not text"),
        ({"rationales": "why"}, "rationales", "not a list of texts"),
        ({"meta": []}, None, None),
        ({"meta": [1]}, "meta", "not an object"),
        ({"evidence": []}, "evidence", "not an object"),
        ({"evidence": {"other": []}}, "evidence", "names 'other', which is not an input"),
        ({"evidence": {"text": [[0, 11]]}}, "evidence.text", r"[0, 11] is empty, reversed or outside"),
        ({"evidence": {"text": [[-1, 2]]}}, "evidence.text", "outside"),
        ({"evidence": {"text": [[5, 2]]}}, "evidence.text", "reversed"),
        ({"evidence": {"text": [[2, 2]]}}, "evidence.text", "empty"),
        ({"evidence": {"text": [[0, 4], [3, 6]]}}, "evidence.text", "overlaps"),
        ({"evidence": {"text": [[4, 6], [0, 1]]}}, "evidence.text", "out of order"),
        ({"evidence": {"text": [[0, 1.5]]}}, "evidence.text", "whole numbers"),
        ({"evidence": {"text": [0, 1]}}, "evidence.text", "[start, end] pairs"),
        ({"meta": {"evidence_by_annotator": [{"text": [[0, 99]]}]}}, "meta.evidence_by_annotator.text", "outside"),
    ],
)
def test_bad_records_name_their_field(changes, field, reason):
    if field is None:
        assert to_example(record(**changes), 1).meta == {}
        return
    with pytest.raises(InputError) as caught:
        to_example(record(**changes), 1)
    assert caught.value.field == field and reason in caught.value.problem


def test_null_evidence_is_not_annotated_and_an_empty_one_is():
    assert to_example(record(evidence=None), 1).evidence is None
    assert to_example(record(evidence={"text": []}), 1).evidence == {"text": ()}


def test_open_answers_and_targets():
    assert to_example(record(choices=[], label=None, meta={"answer": "72"}), 1).answer == "72"
    target = {"id": "1", "task": "t", "inputs": {"a": "x"}, "target": 5.0, "meta": {}}
    assert to_example(target, 1).answer == "5.0"
    with pytest.raises(InputError, match="a tag for every token"):
        to_example({"id": "1", "task": "ner", "tokens": ["x"], "tags": ["O"]}, 1)


def test_a_missing_id_is_the_row():
    without = {key: value for key, value in record().items() if key != "id"}
    assert to_example(without, 41).id == "41"


@st.composite
def examples(draw):
    texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=20)
    inputs = draw(st.dictionaries(st.sampled_from(["premise", "hypothesis", "text"]), texts, min_size=1))
    choices = tuple(draw(st.lists(texts, max_size=4)))
    label = draw(st.none() | st.integers(0, len(choices) - 1)) if choices else None

    def spans(text):
        ends = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
        return tuple(zip(ends[::2], ends[1::2], strict=False))

    evidence = draw(st.none() | st.just({}))
    if evidence is not None:
        evidence = {name: spans(text) for name, text in inputs.items()}
    rationales = tuple(draw(st.lists(texts, max_size=3)))
    return Example("x", "t", inputs, choices, label, draw(st.none() | texts), rationales, evidence)


@given(examples())
def test_records_and_examples_are_the_same_thing(one):
    assert to_example(json.loads(json.dumps(to_record(one))), 1) == one


def test_memory_does_not_grow_with_the_file(tmp_path):
    import tracemalloc

    def peak(rows):
        path = write_lines(
            tmp_path / f"{rows}.jsonl", (record(id=str(i), inputs={"text": f"day {i} " * 40}) for i in range(rows))
        )
        data = load_dataset(path, task=Task("t", "classification", ("text",), ("bad", "good")))
        tracemalloc.start()
        for _ in data:
            pass
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest, path.stat().st_size

    small, _ = peak(1000)
    large, size = peak(8000)
    assert large < small + size / 4


def test_a_sample_is_drawn_from_all_by_seed_and_nested():
    """The first half of the data has one label; a sample has both, whatever else is in the file."""
    examples = [Example(f"e{i}", "t", {"text": "a"}, ("x", "y"), int(i >= 500)) for i in range(1000)]
    data = RationaleDataset.from_examples(examples, Task("t", "classification", ("text",), ("x", "y")))
    drawn = list(data.sample(100))
    assert len(drawn) == 100 and data.sample(100).is_part
    assert 30 < sum(one.label == 1 for one in drawn) < 70
    places = [int(one.id[1:]) for one in drawn]
    assert places == sorted(places)
    assert [one.id for one in data.sample(100)] == [one.id for one in drawn]
    assert {one.id for one in data.sample(40)} < {one.id for one in drawn}
    assert {one.id for one in data.sample(100, seed=1)} != {one.id for one in drawn}
    assert len(list(data.sample(5000))) == 1000 and data.sample(None) is data
    with pytest.raises(UsageError):
        data.sample(-1)


def test_which_examples_are_drawn_is_settled_once():
    passes = []

    def source():
        passes.append(1)
        yield from (example(number) for number in range(100))

    drawn = RationaleDataset("d", "test", TASK, source).sample(10)
    first = [one.id for one in drawn]
    assert len(passes) == 2
    assert [one.id for one in drawn] == first
    assert len(passes) == 3
