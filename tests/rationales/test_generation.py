"""Prompts, reading of texts, and generation that goes on where it was stopped."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.data.load import load_dataset
from rationale_eval.errors import InputError, UsageError
from rationale_eval.models.decoding import Decoding
from rationale_eval.rationales.choosing import best
from rationale_eval.rationales.completion import (
    Completion,
    CompletionFile,
    choice_named,
    read_completions,
    read_text,
)
from rationale_eval.rationales.generation import Generation
from rationale_eval.rationales.shots import draw_shots
from rationale_eval.rationales.template import TEMPLATES
from tests.helpers.tiny import COMMONSENSE, NLI, tiny_causal, tiny_classifier, tiny_seq2seq

QUESTION = Example(
    "q1",
    "commonsense",
    {"question": "What do people do?"},
    ("eat food", "sleep", "a book"),
    1,
    rationales=("Tired\n people.",),
)
PAIR = Example("p1", "nli", {"premise": "A man plays.", "hypothesis": "Nobody plays."}, NLI.choices, 2)


def examples(count: int) -> list[Example]:
    return [
        replace(QUESTION, id=f"q{i}", inputs={"question": f"What do {'people ' * (i % 3)}do?"}, label=i % 3)
        for i in range(count)
    ]


def test_a_case_shows_inputs_choices_and_what_is_given():
    assert TEMPLATES["few_shot"].prompt(PAIR) == (
        "Premise: A man plays.\nHypothesis: Nobody plays.\nOptions: entailment, neutral, contradiction\nAnswer:"
    )
    assert TEMPLATES["label_given"].prompt(QUESTION, "sleep").endswith("\nAnswer: sleep\nBecause:")
    assert TEMPLATES["few_shot"].shot(QUESTION).endswith("\nAnswer: sleep because Tired people.\n\n")
    assert TEMPLATES["reason_first"].shot(QUESTION).endswith("\nReason: Tired people. So the answer is sleep\n\n")
    with pytest.raises(UsageError, match="needs a label and a rationale"):
        TEMPLATES["few_shot"].shot(PAIR)


@pytest.mark.parametrize("name", [name for name, one in TEMPLATES.items() if one.order != "rationale"])
def test_what_a_shot_says_is_read_back(name):
    template = TEMPLATES[name]
    said = template.shot(QUESTION).removeprefix(template.prompt(QUESTION)).strip("\n")
    assert read_text(template, QUESTION, said) == {"answer": 1, "rationale": "Tired people.", "format_ok": True}


@pytest.mark.parametrize(
    ("text", "answer", "rationale", "ok"),
    [
        (" Sleep because they are tired because of work.", 1, "they are tired because of work.", True),
        (" (b) sleep. because tired", 1, "tired", True),
        (" b because tired", 1, "tired", True),
        (" The book because paper", 2, "paper", True),
        (" nothing because tired", None, "tired", False),
        (" sleep because ", 1, "", False),
        (" sleep", 1, "", False),
        (" they are tired", None, "they are tired", False),
        ("", None, "", False),
    ],
)
def test_texts_are_read_without_guessing(text, answer, rationale, ok):
    found = read_text(TEMPLATES["few_shot"], QUESTION, text)
    assert found == {"answer": answer, "rationale": rationale, "format_ok": ok}


def test_a_chain_of_thought_may_use_its_last_words_twice():
    said = " Some say: So the answer is eat food. But no. So the answer is sleep"
    found = read_text(TEMPLATES["reason_first"], QUESTION, said)
    assert found["answer"] == 1 and found["rationale"] == "Some say: So the answer is eat food. But no."


def test_a_text_that_names_two_choices_names_none():
    twins = replace(QUESTION, choices=("the book", "a book", "sleep"))
    assert choice_named(twins, "book") is None
    assert choice_named(twins, "sleep") == 2


def test_shots_are_solved_examples_drawn_by_seed_and_never_those_explained():
    data = RationaleDataset.from_examples([*examples(30), replace(QUESTION, id="bare", rationales=())], COMMONSENSE)
    first = draw_shots(data, 6, 0, apart=frozenset({"q1", "q2"}))
    assert len({one.id for one in first}) == 6 and not {"q1", "q2", "bare"} & {one.id for one in first}
    assert [one.id for one in draw_shots(data, 6, 0, apart=frozenset({"q1", "q2"}))] == [one.id for one in first]
    assert {one.id for one in draw_shots(data, 6, 1)} != {one.id for one in first}
    with pytest.raises(UsageError, match="has 30 with a label"):
        draw_shots(data, 31, 0)


def generation(model=None, name="few_shot", **options):
    return Generation(
        model or tiny_causal(),
        TEMPLATES[name],
        options.pop("how", Decoding(max_tokens=5, stop=("\n",))),
        shots=options.pop("shots", examples(2)),
        **options,
    )


def texts(found):
    return {one.key: (one.text, one.finish) for batch in found for one in batch}


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "t5", "bart"])
def test_texts_do_not_depend_on_sharing_batches_or_order(architecture):
    model = (tiny_seq2seq if architecture in ("t5", "bart") else tiny_causal)(architecture=architecture, max_length=256)
    shown, how = examples(9), Decoding(max_tokens=5, temperature=2.0, stop=("\n",))
    one = {"how": how, "shots": examples(1)}
    expected = texts(generation(model, **one, batch_size=1, share=False).run(shown))
    assert len(expected) == 9 and len(set(expected.values())) > 1
    assert texts(generation(model, **one, batch_size=4).run(shown)) == expected
    assert texts(generation(model, **one, batch_size=9).run(shown[::-1])) == expected


def test_every_choice_gets_a_rationale_and_the_label_where_it_is_given():
    model = tiny_causal(max_length=256)
    found = [one for batch in generation(model, "per_choice").run(examples(2)) for one in batch]
    assert {one.key for one in found} == {(f"q{i}", choice, 0) for i in range(2) for choice in range(3)}
    assert all(f"Answer: {QUESTION.choices[one.choice]}\n" in one.prompt for one in found)
    assert all(one.answer == one.choice and one.correct is None for one in found)
    (given,) = next(iter(generation(model, "label_given").run([QUESTION])))
    assert "Answer: sleep\n" in given.prompt and given.choice is None
    with pytest.raises(InputError, match="no label"):
        list(generation(model, "label_given").run([replace(QUESTION, label=None)]))


def test_draws_differ_and_repeat():
    model = tiny_causal(max_length=256)
    how = Decoding(max_tokens=5, temperature=1.0)
    first = texts(generation(model, how=how, draws=4).run([QUESTION]))
    assert len(first) == 4 and len(set(first.values())) > 1
    assert texts(generation(model, how=how, draws=4).run([QUESTION])) == first
    assert texts(generation(model, how=how, draws=4, seed=1).run([QUESTION])) != first
    with pytest.raises(UsageError, match="all draws are the same"):
        generation(model, draws=2)


def test_a_prompt_that_does_not_fit_is_told_and_nothing_is_cut():
    model = tiny_causal(max_length=100)
    long = replace(QUESTION, id="long", inputs={"question": "people " * 90})
    found = {one.example_id: one for batch in generation(model, shots=()).run([QUESTION, long]) for one in batch}
    assert found["long"].finish == "too_long" and found["long"].text == "" and not found["long"].complete
    assert found["long"].answer is None and found["long"].correct is None and found["long"].log_likelihood is None
    assert found["q1"].finish != "too_long"


def test_an_encoder_writes_nothing():
    with pytest.raises(UsageError, match="writes no text"):
        generation(tiny_classifier())


def test_the_best_draw_keeps_the_form_first():
    made = Completion("q1", None, 0, "", "", "stop", 4, -4.0, 1, "tired", True, True, True)
    likelier = replace(made, draw=1, log_likelihood=-2.0)
    odd = replace(made, draw=2, log_likelihood=-0.1, format_ok=False)
    cut = replace(made, draw=3, log_likelihood=-0.2, complete=False)
    other = replace(made, example_id="q2")
    assert best([made, likelier, odd, cut, other]) == [likelier, other]


def test_a_file_of_completions_keeps_what_was_made_and_drops_half_a_line(tmp_path: Path):
    model = tiny_causal(max_length=256)
    shown = examples(6)
    expected = texts(generation(model).run(shown))
    path = tmp_path / "completions.jsonl"
    file = CompletionFile(path)
    file.add(next(iter(generation(model, batch_size=2).run(shown))))
    file.close()
    with path.open("ab") as torn:
        torn.write(b'{"example_id": "q5", "cho')
    again = CompletionFile(path)
    assert len(again.keys) == 2
    asked = list(generation(model, batch_size=2).run(shown, frozenset(again.keys)))
    assert sum(map(len, asked)) == 4
    for batch in asked:
        again.add(batch)
        again.add(batch)  # nothing is kept twice
    again.close()
    found = list(read_completions(path))
    assert texts([found]) == expected and len(found) == 6


def test_a_changed_file_is_refused_by_its_line(tmp_path: Path):
    path = tmp_path / "completions.jsonl"
    path.write_text('{"example_id": "a"}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"completions.jsonl, row 1: is not a completion"):
        CompletionFile(path)
    assert json.loads(path.read_text())  # and left as it is


def test_the_bundled_questions_can_be_asked():
    data = load_dataset("bundled/commonsense", "test", 2)
    assert len(draw_shots(load_dataset("bundled/commonsense", "train"), 2, 0)) == 2
    made = Generation(tiny_causal(data.task), TEMPLATES["zero_shot"], Decoding(max_tokens=3))
    assert made.asking.count(data) == 2 == sum(len(batch) for batch in made.run(data))
