"""Small simulators: what they read, that a stack changes nothing, that they learn and are kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example, Task
from rationale_eval.errors import UsageError
from rationale_eval.simulators.config import SimulatorConfig
from rationale_eval.simulators.reading import UNKNOWN, Vocabulary, ngrams, read, words_of
from rationale_eval.simulators.service import Answers, Simulators, train_together
from rationale_eval.simulators.small import Shape, Stack
from rationale_eval.simulators.small_simulator import Order, SmallSimulator, train_small
from rationale_eval.simulators.stacked import Member, Pages, SmallSettings, _look
from tests.simulators.test_simulators import answers

QUESTION = Task("question", "multiple_choice", ("question",), ())


def questions(count: int, seed: int) -> RationaleDataset:
    """The rationale names the right option, which only its words tell."""
    draw = np.random.default_rng(seed)
    words = [f"word{n}" for n in range(40)]
    found = []
    for number in range(count):
        options = tuple(str(each) for each in draw.choice(words, int(draw.integers(2, 5)), replace=False))
        label = int(draw.integers(len(options)))
        inputs = {"question": "which one", "rationale": f"it is {options[label]}"}
        found.append(Example(f"{seed}-{number}", "question", inputs, options, label))
    return RationaleDataset.from_examples(found, Task("question", "multiple_choice", ("question", "rationale"), ()))


def test_words_pairs_and_overlaps_are_read_part_by_part() -> None:
    assert words_of("It's Red.") == ["it", "'", "s", "red", "."]
    assert ngrams(["a", "b", "c"]) == ["a", "b", "c", "a b", "b c"]
    task = Task("t", "multiple_choice", ("text", "rationale"), ())
    one = Example("1", "t", {"text": "red sky red sky", "rationale": "sky is blue"}, ("blue sky", "dog"), 0)
    data = RationaleDataset.from_examples([one], task)
    words = Vocabulary.of(data, most=3)
    # By count, then alphabet: sky 4, then "blue", "red" and "red sky" with 2; three are kept.
    assert list(words.ids) == ["sky", "blue", "red"] and len(words) == 4
    found = read(data, words)
    assert found.sizes.tolist() == [[3, 5, 7], [1, 5, 7]]
    assert found.features[:3].tolist() == [words.ids["blue"], words.ids["sky"], UNKNOWN]
    assert found.overlaps[0].tolist() == pytest.approx([1.0, 0.5, 1 / 3, 2 / 3])
    assert found.overlaps[1].tolist() == pytest.approx([0.0, 0.0, 1 / 3, 0.0])
    assert found.rows.tolist() == [[0, 1]] and found.labels.tolist() == [0]


def test_a_network_equals_the_sums_written_out() -> None:
    data = questions(3, 0)
    words = Vocabulary.of(data, most=50)
    items, stack = read(data, words), Stack(Shape(len(words), 1, 5), [7])
    weights = {name: value.detach()[0].double().numpy() for name, value in stack.weights.items()}
    (found,) = Pages([items], stack.shape).probabilities(stack)
    for place, row in enumerate(items.rows):
        scores = []
        for at in row[row >= 0]:
            own = items.features[items.starts[at] : items.starts[at + 1]]
            parts = np.split(own, np.cumsum(items.sizes[at])[:-1])
            state = [weights["ngram"][part].mean(0) if len(part) else np.zeros(5) for part in parts]
            state = np.concatenate([*state, items.overlaps[at]])
            hidden = np.maximum(state @ weights["hidden_weight"] + weights["hidden_bias"][0], 0)
            scores.append(float((hidden @ weights["out_weight"] + weights["out_bias"][0])[0]))
        wanted = np.exp(scores) / np.exp(scores).sum()
        assert found[place][: len(scores)] == pytest.approx(wanted, abs=1e-6)
        assert not found[place][len(scores) :].any()


def test_a_stack_gives_what_each_gives_alone() -> None:
    settings = SmallSettings(steps=60, every=20, width=16, patience=2)
    orders = [Order(questions(60 + 20 * n, n), questions(30, 10 + n), n) for n in range(3)]
    together = train_small(orders, settings, device="cpu")
    for order, (one, told) in zip(orders, together, strict=True):
        ((alone, alike),) = train_small([order], settings, device="cpu")
        assert alike == told
        mine, its = one.guesses(order.dev), alone.guesses(order.dev)
        assert all(mine[key] == pytest.approx(its[key], abs=1e-4) for key in its)


def test_those_that_have_stopped_leave_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    inner = Stack.forward
    monkeypatch.setattr(
        Stack, "forward", lambda self, *given: sizes.append(len(self.weights["out_bias"])) or inner(self, *given)
    )
    settings = SmallSettings(steps=120, every=5, width=16, patience=1)
    orders = [Order(questions(60, n), questions(30, 10 + n), n) for n in range(4)]
    together = train_small(orders, settings, device="cpu")
    assert sizes[0] == 4 and len(set(sizes)) > 1 and sizes == sorted(sizes, reverse=True)
    for order, (one, told) in zip(orders, together, strict=True):
        ((alone, alike),) = train_small([order], settings, device="cpu")
        mine, its = one.guesses(order.dev), alone.guesses(order.dev)
        assert alike == told and all(mine[key] == pytest.approx(its[key], abs=1e-4) for key in its)


def test_gradients_of_looked_up_rows_are_those_of_the_table() -> None:
    items = [read(data, Vocabulary.of(data, most=50)) for data in (questions(6, 0), questions(6, 1))]
    stack = Stack(Shape(51, 1, 5), [3, 4])
    pages, chosen = Pages(items, stack.shape), np.array([[0, 1, 2], [3, 4, 5]])
    for picked in (chosen, chosen[::-1]):  # the second step leaves nothing of the first
        stack.forget()
        pages.scores(stack, picked).softmax(-1)[..., 0].sum().backward()
        stack.clip(1e9)
    mine = {name: weight.grad.clone() for name, weight in stack.weights.items()}
    stack.forget()

    def whole(table: torch.Tensor) -> torch.Tensor:
        stack._look_up = lambda features, _: (features, table.flatten(0, 1))  # type: ignore[method-assign]
        return pages.scores(stack, chosen[::-1]).softmax(-1)[..., 0].sum()

    (wanted,) = torch.autograd.grad(whole(stack.weights["ngram"]), stack.weights["ngram"])
    assert torch.allclose(mine["ngram"], wanted, atol=1e-7) and wanted.abs().max() > 0


def test_of_two_choices_that_read_alike_the_first_is_guessed() -> None:
    member = Member(read(questions(1, 0), Vocabulary({})), read(questions(1, 0), Vocabulary({})), 0)
    member.dev.labels[0] = 0

    class Dev:
        def probabilities(self, _: Stack) -> list[np.ndarray]:
            return [np.array([[0.4, 0.4 + 1e-8, 0.2]])]

    _look(Stack(Shape(1, 1, 2), [0]), [member], Dev(), 1)  # type: ignore[arg-type]
    assert member.accuracy == 1


def test_it_learns_to_compare_words_it_has_never_seen(tmp_path: Path) -> None:
    ((made, told),) = train_small([Order(questions(200, 0), questions(60, 1), 0)], SmallSettings(steps=200))
    fresh = [
        Example(
            str(n), "question", {"question": "which one", "rationale": f"it is new{n}"}, (f"other{n}", f"new{n}"), 1
        )
        for n in range(20)
    ]
    data = RationaleDataset.from_examples(fresh, Task("question", "multiple_choice", ("question", "rationale"), ()))
    found = made.guesses(data)
    assert told.learned and told.accuracy > 0.95 and all(found[one.id].argmax() == 1 for one in fresh)
    assert all(row.sum() == pytest.approx(1) and len(row) == 2 for row in found.values())
    made.save(tmp_path)
    again = SmallSimulator.load(tmp_path, "cpu").guesses(data)
    assert all(np.array_equal(found[key], again[key]) for key in found)
    assert torch.isfinite(made.stack.weights["ngram"]).all()


def test_the_service_trains_what_is_missing_in_one_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import rationale_eval.simulators.service as service

    stacks: list[int] = []
    inner = service.train_small
    monkeypatch.setattr(
        service, "train_small", lambda orders, *a, **k: stacks.append(len(orders)) or inner(orders, *a, **k)
    )
    config = SimulatorConfig(weights="np", np_architecture="small", small=SmallSettings(steps=100))
    train, dev, test = answers(96, 0), answers(40, 1), answers(60, 2)

    def made() -> Simulators:
        return Simulators(tmp_path / "kept", tmp_path / "work", train, dev, config, device="cpu")

    first = made()
    train_together([(first, seen, seed) for seed in (0, 1) for seen in ("both", "input")])
    assert stacks == [4]
    second = made()
    train_together([(second, seen, seed) for seed in (0, 1) for seen in ("both", "rationale")])
    assert stacks == [4, 2]
    found = second.guesses(test, "both")
    assert np.mean([found[key].argmax() == target for key, target in test.targets.items()]) > 0.9
    assert first.learned("both").learned and not first.learned("input").learned


def test_nothing_to_learn_from_is_a_sentence() -> None:
    none = Answers(answers(4, 0).data, {}, {}).seen("both")
    with pytest.raises(UsageError, match="needs answers to learn from"):
        train_small([Order(none, none, 0)], SmallSettings(steps=1))
