"""The generated tasks: the evidence is exactly what the label depends on."""

import random
import tracemalloc
from collections import Counter, deque
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rationale_eval.data import generated_words as vocab
from rationale_eval.data.generated import GENERATED, SIZES, generate, generate_examples, true_label, unmark
from rationale_eval.data.words import gold_mask, split_words
from rationale_eval.errors import UsageError

NAMES = sorted(GENERATED)
HELD = {name: list(generate_examples(name, "test", 300)) for name in NAMES}


def without(example, removed, filler=""):
    """Inputs after deleting the words whose flag is set, or putting `filler` in their place."""
    texts = {field: [] for field in example.inputs}
    for word, gone in zip(split_words(example), removed, strict=True):
        texts[word.field].append(filler if gone else example.inputs[word.field][word.start : word.end])
    return {field: " ".join(part for part in parts if part) for field, parts in texts.items()}


def label(example, inputs):
    return true_label(example.task, inputs, example.choices)


an_example = st.builds(lambda name, i: HELD[name][i], st.sampled_from(NAMES), st.integers(0, 299))
filler = st.sampled_from(["", "_"])


@pytest.mark.parametrize("name", NAMES)
def test_the_label_function_agrees_with_every_label(name):
    for split in SIZES:
        for example in generate_examples(name, split, 300, seed=5):
            assert label(example, example.inputs) == example.label


@settings(max_examples=150, deadline=None)
@given(example=an_example, filler=filler, data=st.data())
def test_removing_other_words_never_changes_the_label(example, filler, data):
    gold = gold_mask(split_words(example), example.evidence)
    removed = [not is_gold and data.draw(st.booleans()) for is_gold in gold]
    assert label(example, without(example, removed, filler)) == example.label


@settings(max_examples=100, deadline=None)
@given(example=an_example, filler=filler)
def test_the_evidence_alone_gives_the_label(example, filler):
    gold = gold_mask(split_words(example), example.evidence)
    assert label(example, without(example, ~gold, filler)) == example.label


@settings(max_examples=100, deadline=None)
@given(example=an_example, filler=filler)
def test_without_the_evidence_the_label_is_lost(example, filler):
    gold = gold_mask(split_words(example), example.evidence)
    assert label(example, without(example, gold, filler)) != example.label


@settings(max_examples=100, deadline=None)
@given(example=an_example.filter(lambda e: e.task != "majority"), filler=filler)
def test_every_single_evidence_word_is_needed(example, filler):
    gold = gold_mask(split_words(example), example.evidence)
    for place in gold.nonzero()[0]:
        removed = [i == place for i in range(len(gold))]
        assert label(example, without(example, removed, filler)) != example.label


def test_majority_evidence_is_the_winning_side_and_only_that():
    for example in HELD["majority"]:
        side = vocab.POSITIVE if example.label else vocab.NEGATIVE
        text = example.inputs["text"]
        marked = {text[start:end] for start, end in example.evidence["text"]}
        assert marked == {word for word in side if f" {word}." in text}


@pytest.mark.parametrize(
    ("name", "inputs", "choices", "expected"),
    [
        ("keyword", {"text": "Anna saw the Violin."}, (), 0),
        ("keyword", {"text": "Anna saw the violin and the oven."}, (), None),
        ("keyword", {"text": ""}, (), None),
        ("keyword", {}, (), None),
        ("majority", {"text": "awful awful lovely"}, (), 0),
        ("majority", {"text": "awful lovely"}, (), None),
        ("negation", {"text": "not awful"}, (), 1),
        ("negation", {"text": "not _ awful"}, (), 0),
        ("negation", {"text": "not tiled"}, (), None),
        ("pair_match", {"premise": "a red cup", "hypothesis": "The cup is red."}, (), 0),
        ("pair_match", {"premise": "a cup", "hypothesis": "The cup is red."}, (), 1),
        ("pair_match", {"premise": "a blue cup", "hypothesis": "The cup is red."}, (), 2),
        ("pair_match", {"premise": "a blue cup", "hypothesis": "The cup is."}, (), None),
        ("pair_match", {"premise": "a blue cup", "hypothesis": "It is red."}, (), None),
        ("choice_lookup", {"context": "Leo attic Mira shed", "question": "Mira?"}, ("shed", "attic"), 0),
        ("choice_lookup", {"context": "Leo Mira shed", "question": "Leo?"}, ("shed", "attic"), None),
        ("choice_lookup", {"context": "Leo attic", "question": "Vera?"}, ("shed", "attic"), None),
        ("choice_lookup", {"context": "Leo office", "question": "Leo?"}, ("shed", "attic"), None),
    ],
)
def test_label_function_by_hand(name, inputs, choices, expected):
    assert true_label(name, inputs, choices) == expected


@pytest.mark.parametrize("name", NAMES)
def test_spans_are_whole_words(name):
    for example in HELD[name]:
        words = split_words(example)
        spans = [(field, *span) for field, found in example.evidence.items() for span in found]
        assert set(spans) <= {(word.field, word.start, word.end) for word in words}
        assert 0 < gold_mask(words, example.evidence).mean() < 0.5


@pytest.mark.parametrize("name", NAMES)
def test_any_prefix_is_balanced(name):
    classes = GENERATED[name].classes
    for size in (classes, 3 * classes + 1, 50):
        counts = Counter(example.label for example in HELD[name][:size])
        assert max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.parametrize("name", NAMES)
def test_same_arguments_same_examples_other_seed_others(name):
    again = list(generate_examples(name, "test", 50))
    assert again == HELD[name][:50]
    other = list(generate_examples(name, "test", 50, seed=1))
    assert not {str(e.inputs) for e in again} & {str(e.inputs) for e in other}


@pytest.mark.parametrize("name", NAMES)
def test_splits_are_disjoint_whatever_the_seeds(name):
    texts = [
        {tuple(example.inputs.values()) for example in generate_examples(name, split, 700, seed=seed)}
        for seed, split in enumerate(SIZES)
    ]
    for one, other in combinations(texts, 2):
        assert not one & other
    assert min(map(len, texts)) > 695


@pytest.mark.parametrize("name", ["majority", "negation", "keyword"])
def test_other_words_do_not_go_with_a_class(name):
    cues = GENERATED[name].cues
    counts = {place: Counter() for place in range(GENERATED[name].classes)}
    for example in generate_examples(name, "train", 3000):
        counts[example.label].update(set(example.inputs["text"].lower().replace(".", "").split()) - set(cues))
    total = sum(counts.values(), Counter())
    size = 3000 / len(counts)
    for word in total:
        shares = [counts[place][word] / size for place in counts]
        # Three standard errors of the difference of two shares, with room for the many words compared.
        spread = (2 * max(shares) * (1 - min(shares)) / size) ** 0.5
        assert max(shares) - min(shares) <= 5 * spread + 1e-9, (word, shares)


def test_the_wrong_colour_is_often_one_of_the_premise():
    wrong = [example for example in HELD["pair_match"] if example.label == 2]
    present = sum(
        any(colour in example.inputs["premise"] for colour in _colours(example.inputs["hypothesis"]))
        for example in wrong
    )
    assert 0.3 < present / len(wrong) < 0.7


def _colours(text):
    return [colour for colour in vocab.COLOURS if f" {colour}." in text]


def test_word_lists_do_not_overlap_within_a_task():
    for lists in (
        [*vocab.TOPICS.values(), vocab.THINGS, vocab.SITES, vocab.VERBS, vocab.SIDES],
        [vocab.POSITIVE, vocab.NEGATIVE, vocab.PLAIN, vocab.ASPECTS, ("not",)],
        [vocab.COLOURS, vocab.OBJECTS, vocab.SURFACES],
        [vocab.PLACES, vocab.BELONGINGS, [name.lower() for name in vocab.PEOPLE]],
    ):
        words = [word for one in lists for word in one]
        assert len(words) == len(set(words))


def test_many_examples_stream_with_flat_memory():
    def peak(size):
        tracemalloc.start()
        deque(generate_examples("keyword", "train", size), maxlen=0)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(2000) < peak(200) + 50_000


@pytest.mark.parametrize("name", NAMES)
def test_as_a_data_set(name):
    data = generate(name, "validation", limit=12, seed=3)
    assert len(data) == 12
    assert list(data) == list(data) == list(generate_examples(name, "validation", 12, seed=3))
    assert len({example.id for example in data}) == 12
    assert data.task.name == name
    assert data.fingerprint() != generate(name, "validation", limit=12, seed=4).fingerprint()
    assert len(generate(name, "validation")) == SIZES["validation"]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [(("keywords",), "keyword"), (("keyword", "dev"), "validation"), (("keyword", "test", -1), "0 or more")],
)
def test_wrong_arguments_are_refused_at_once(arguments, hint):
    with pytest.raises(UsageError, match=hint):
        generate(*arguments)


def test_unknown_task_of_the_label_function():
    with pytest.raises(UsageError, match="majority"):
        true_label("majorities", {"text": "x"})


@given(parts=st.lists(st.tuples(st.text("ab é😀", max_size=6), st.booleans()), max_size=8))
def test_unmark_gives_text_and_spans(parts):
    parts = [(text, marked and bool(text)) for text, marked in parts]
    text, spans = unmark("".join(f"[{text}]" if marked else text for text, marked in parts))
    assert text == "".join(part for part, _ in parts)
    assert [text[start:end] for start, end in spans] == [part for part, marked in parts if marked]


def test_ids_do_not_repeat_over_seeds():
    random_seeds = random.Random(0).sample(range(10**6), 3)
    ids = [e.id for seed in random_seeds for e in generate_examples("keyword", "test", 5, seed)]
    assert len(set(ids)) == 15
