"""The bundled sets: in the schema, correct where a program can tell, and without shortcuts."""

import json
from collections import Counter, defaultdict
from itertools import combinations

import pytest

from rationale_eval.data.load import BUNDLED, load_dataset
from rationale_eval.data.schema import to_example, to_record
from rationale_eval.data.words import gold_mask, split_words

SIZES = {
    "nli": {"train": 168, "validation": 24, "test": 48},
    "commonsense": {"train": 70, "validation": 10, "test": 20},
    "sentiment": {"train": 112, "validation": 16, "test": 32},
}
KEYS = ["id", "task", "inputs", "choices", "label", "rationale", "rationales", "evidence", "meta"]
FIELDS = {"nli": ["premise", "hypothesis"], "commonsense": ["question"], "sentiment": ["text"]}


def read(task, split):
    with open(BUNDLED / task / f"{split}.jsonl", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def everything(task):
    return [(split, record) for split in SIZES[task] for record in read(task, split)]


def markings(record):
    """All evidence objects of a record."""
    own = [] if record["evidence"] is None else [record["evidence"]]
    return own + record["meta"].get("evidence_by_annotator", [])


@pytest.mark.parametrize("task", SIZES)
def test_sizes_keys_and_identities(task):
    for split, size in SIZES[task].items():
        records = read(task, split)
        assert len(records) == size
        assert len({record["id"] for record in records}) == size
        for number, record in enumerate(records, start=1):
            assert list(record) == KEYS
            assert record["task"] == task
            assert list(record["inputs"]) == FIELDS[task]
            assert record["rationales"][:1] == ([record["rationale"]] if record["rationale"] else [])
            example = to_example(record, number)
            assert to_record(example) == record


@pytest.mark.parametrize("task", SIZES)
def test_texts_are_clean(task):
    for _, record in everything(task):
        for text in [*record["inputs"].values(), *record["rationales"]]:
            assert text == " ".join(text.split())
            assert text[0].isupper() or text[0].isdigit(), text
            assert text[-1] in ".?!", text
            assert not set("[]{}<>|*") & set(text), text


@pytest.mark.parametrize("task", ["nli", "sentiment"])
def test_every_span_begins_and_ends_at_a_word_border(task):
    for number, (_, record) in enumerate(everything(task)):
        words = split_words(to_example(record, number))
        for evidence in markings(record):
            for field, spans in evidence.items():
                starts = {word.start for word in words if word.field == field}
                ends = {word.end for word in words if word.field == field}
                for start, end in spans:
                    assert start in starts and end in ends, (record["id"], field, start, end)


@pytest.mark.parametrize("task", ["nli", "sentiment"])
def test_highlights_say_something_and_not_everything(task):
    for number, (_, record) in enumerate(everything(task)):
        example = to_example(record, number)
        words = split_words(example)
        for marked in (example.evidence, *example.annotators):
            assert 0 < gold_mask(words, marked).mean() < 0.7, record["id"]


def test_labels_are_balanced():
    for split, size in SIZES["nli"].items():
        assert Counter(r["label"] for r in read("nli", split)) == dict.fromkeys(range(3), size // 3)
    for split, size in SIZES["sentiment"].items():
        assert Counter(r["label"] for r in read("sentiment", split)) == dict.fromkeys(range(2), size // 2)
    for split, size in SIZES["commonsense"].items():
        assert Counter(r["label"] for r in read("commonsense", split)) == dict.fromkeys(range(5), size // 5)


@pytest.mark.parametrize("task", SIZES)
def test_no_duplicates_and_no_text_in_two_splits(task):
    seen = Counter(tuple(record["inputs"].values()) for _, record in everything(task))
    assert max(seen.values()) == 1
    for field in FIELDS[task]:
        texts = {split: {record["inputs"][field] for record in read(task, split)} for split in SIZES[task]}
        for one, other in combinations(texts.values(), 2):
            assert not one & other


def test_nli_neither_sentence_alone_tells_the_label():
    for split in SIZES["nli"]:
        by_premise, by_hypothesis = defaultdict(list), defaultdict(list)
        for record in read("nli", split):
            by_premise[record["inputs"]["premise"]].append(record["label"])
            by_hypothesis[record["inputs"]["hypothesis"]].append(record["label"])
        assert all(sorted(labels) == [0, 1, 2] for labels in by_premise.values())
        pairs = Counter(tuple(sorted(labels)) for labels in by_hypothesis.values())
        assert len(pairs) == 3 and len(set(pairs.values())) == 1, pairs


@pytest.mark.parametrize("fields", [["hypothesis"], ["premise"]])
def test_nli_bag_of_words_of_one_sentence_is_near_chance(fields):
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    train, test = read("nli", "train"), read("nli", "validation") + read("nli", "test")
    texts = [[" ".join(r["inputs"][f] for f in fields) for r in part] for part in (train, test)]
    model = make_pipeline(CountVectorizer(ngram_range=(1, 2)), LogisticRegression(max_iter=1000))
    model.fit(texts[0], [r["label"] for r in train])
    accuracy = model.score(texts[1], [r["label"] for r in test])
    assert accuracy < 1 / 3 + 0.12, accuracy


def test_nli_negations_stand_in_all_classes_alike():
    negations = {"not", "no", "nobody", "none", "never", "without", "cannot", "nothing"}
    counts = Counter(
        record["label"]
        for _, record in everything("nli")
        if negations & set(record["inputs"]["hypothesis"].lower().rstrip(".").split())
    )
    assert min(counts.values()) >= 0.6 * max(counts.values()), counts


def test_nli_marks_the_premise_unless_it_is_neutral():
    for _, record in everything("nli"):
        for evidence in markings(record):
            assert bool(evidence["premise"]) == (record["label"] != 1), record["id"]
            assert evidence["hypothesis"]


def test_nli_explanations_differ_from_one_another():
    texts = [text for _, record in everything("nli") for text in record["rationales"]]
    assert len(set(texts)) == len(texts)
    assert any(len(record["rationales"]) == 2 for record in read("nli", "test"))


@pytest.mark.parametrize(("task", "least"), [("nli", 24), ("sentiment", 16)])
def test_second_highlights(task, least):
    twice = [record for record in read(task, "test") if "evidence_by_annotator" in record["meta"]]
    assert len(twice) >= least
    agreements = []
    for number, record in enumerate(twice):
        first, second = record["meta"]["evidence_by_annotator"]
        assert first == record["evidence"]
        words = split_words(to_example(record, number))
        one, other = gold_mask(words, first), gold_mask(words, second)
        agreements.append(2 * (one & other).sum() / (one.sum() + other.sum()))
    assert min(agreements) > 0
    assert 0.5 < sum(agreements) / len(agreements) < 0.95


def test_commonsense_options_are_five_different_texts():
    for _, record in everything("commonsense"):
        assert len({choice.lower() for choice in record["choices"]}) == 5
        assert record["rationales"] and record["evidence"] is None


def test_commonsense_longest_option_is_no_shortcut():
    records = [record for _, record in everything("commonsense")]
    longest = sum(max(range(5), key=lambda i, r=r: len(r["choices"][i])) == r["label"] for r in records)
    assert longest < 0.4 * len(records)


def test_examples_of_one_premise_are_one_cluster():
    data = load_dataset("bundled/nli")
    assert data.cluster_field == "premise"
    assert len({data.cluster(example) for example in data}) == 16
