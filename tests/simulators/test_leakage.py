"""The leakage model of RORA, its integrated gradients, the masking rule and the fillings, by hand where possible."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rationale_eval.simulators.counterfactual import counterfactuals, leaking, masked
from rationale_eval.simulators.leakage import (
    Leakage,
    LeakageModel,
    Reading,
    attributions,
    leakage_scores,
    learn_leakage,
)
from rationale_eval.simulators.ngrams import Vocabulary, fill, join, places

CHOICES = ("no", "maybe", "yes")


def test_ngrams_stand_where_they_say() -> None:
    text = "It isn't  it."
    found = places(text)
    assert set(found) == {"it", "isn't", ".", "it isn't", "isn't it", "it ."}
    assert found["it"] == [(0, 2), (10, 12)] and found["isn't it"] == [(3, 12)]
    assert text[slice(*found["it ."][0])] == "it."
    assert Vocabulary.of(["b a", "a c", "b"]).number == {"a": 0, "b": 1, "a c": 2, "b a": 3, "c": 4}
    assert Vocabulary.of(["b a", "a c", "b"]).read("a b A x").tolist() == [0, 1, 3]
    assert join([(4, 6), (0, 2), (1, 3), (7, 9)], "abc ef hij") == [(0, 9)]
    assert join([(2, 3), (0, 1)], "a-b") == [(0, 1), (2, 3)]
    assert fill("one two three", [(4, 7)], ["2"]) == "one 2 three"


def model(texts: list[str], classes: int | None = 3) -> LeakageModel:
    return LeakageModel(Vocabulary.of(texts), classes, seed=3)


def test_the_model_is_a_softmax_over_the_mean_embedding() -> None:
    made = model(["a b", "c"])
    with torch.no_grad():
        made.bias += torch.tensor([0.1, -0.2, 0.3])
    read = made.vocabulary.read("a b b c")
    h = made.table[torch.from_numpy(read)].mean(dim=0)
    expected = (made.weight @ h + made.bias).log_softmax(dim=0)
    torch.testing.assert_close(made([Reading("a b b c", CHOICES, 0)])[0], expected)
    nothing = made([Reading("unknown", CHOICES, 0)])[0]
    torch.testing.assert_close(nothing, made.bias.log_softmax(dim=0))


def test_own_choices_are_met_by_their_words_and_missing_ones_have_no_chance() -> None:
    made = model(["red fox", "blue", "green"], None)
    few, more = Reading("red fox", ("blue", "red fox"), 1), Reading("blue", ("green", "blue", "red fox"), 1)
    found = made([few, more]).exp().detach()
    assert found[0].argmax() == 1 and found[1].argmax() == 1
    assert found[0, 2] == 0 and found[0].sum().item() == pytest.approx(1)


@pytest.mark.parametrize("classes", [3, None])
def test_integrated_gradients_are_complete_and_equal_autograd(classes: int | None) -> None:
    """Their sum is p(y | r) - p(y | nothing); each equals the plain algorithm on the embeddings themselves."""
    made = model(["a b c", "c d a", "no maybe yes"], classes)
    with torch.no_grad():
        made.table *= 0.2 if classes is None else 1.0
    readings = [Reading("a b c d", CHOICES, 2), Reading("d c", CHOICES, 0), Reading("nothing", CHOICES, 1)]
    found = attributions(made, readings, steps=200)
    for one, each in zip(readings, found, strict=True):
        p, nothing = (made([Reading(text, CHOICES, one.label)])[0].exp()[one.label] for text in (one.text, ""))
        assert each.sum() == pytest.approx((p - nothing).item(), abs=1e-4)
        assert len(each) == len(made.vocabulary.read(one.text))
    read = torch.from_numpy(made.vocabulary.read(readings[0].text))
    w, b = (part[0] for part in made.directions(readings[:1]))
    whole = made.table[read].detach()
    total = torch.zeros_like(whole)
    for step in range(200):
        point = (whole * (step + 0.5) / 200).requires_grad_()
        ((w @ point.mean(dim=0) + b).softmax(dim=0)[2]).backward(inputs=[point])
        total += point.grad / 200
    np.testing.assert_allclose(found[0], (whole * total).sum(dim=1).detach().numpy(), atol=1e-5)


def leaks(**score: float) -> Leakage:
    return Leakage(score, dict.fromkeys(score, 0.5), ({}, {"yes": 0.3, "sure": 0.1}))


def test_what_passes_the_threshold_is_masked_or_the_two_highest_where_few_pass() -> None:
    nine = {f"w{i}": 0.002 for i in range(9)}
    assert leaking(leaks(**nine, low=0.001)) == set(nine)
    assert leaking(leaks(**{f"w{i}": 0.002 + i for i in range(8)})) == {"w7", "w6"}
    assert leaking(leaks(a=-1.0, b=-2.0, c=-3.0)) == {"a", "b"}
    rare = Leakage({"a": 0.9, "b": 0.5, "c": 0.4}, {"a": 0.001, "b": 0.2, "c": 0.2}, ())
    assert leaking(rare, share=0.01) == {"b", "c"} and leaking(rare) == {"a", "b"}
    text = "Not all men are not tall."
    assert [text[start:end] for start, end in masked(text, {"not", "all"})] == ["Not all", "not"]
    assert masked(text, {"tall men"}) == []


def test_masked_spans_are_filled_for_another_label() -> None:
    told = Leakage({"no": 0.5}, {"no": 0.5}, ({"no": 0.2}, {"yes": 0.3, "sure": 0.1, "the": 0.9}))
    names = {"no", "yes", "sure"}
    readings = [Reading("no , it is No", ("no", "yes"), 0)] * 400
    found = counterfactuals(readings, told, names, seed=1)
    assert found == counterfactuals(readings, told, names, seed=1) != counterfactuals(readings, told, names, seed=2)
    words = [word for one in found for word in one.split(" , it is ")]
    assert set(words) == {"yes", "sure"}  # "the" leans towards it too, but gives nothing away
    assert words.count("yes") / len(words) == pytest.approx(0.75, abs=0.06)
    assert counterfactuals(readings[:1], told, names, own=True) == ["no , it is no"]
    own = [Reading("a red fox ran", ("blue", "red fox"), 1)]
    assert counterfactuals(own, Leakage({}, {}, ()), {"red fox"}) == ["a blue ran"]
    three = {counterfactuals([Reading("x", CHOICES, 1)], leaks3(), {"x"}, seed)[0] for seed in range(20)}
    assert three == {"no", "yes"}


def leaks3() -> Leakage:
    return Leakage({"x": 1.0}, {"x": 1.0}, ({"no": 1.0}, {"maybe": 1.0}, {"yes": 1.0}))


def test_words_that_tell_the_label_score_highest_and_towards_it() -> None:
    draw = np.random.default_rng(0)

    def readings(count: int) -> list[Reading]:
        labels = draw.integers(0, 3, count)
        return [
            Reading(" ".join([*draw.choice(["film", "book", "street"], 3), CHOICES[label]]), CHOICES, int(label))
            for label in labels
        ]

    train, dev = readings(120), readings(60)
    state = torch.random.get_rng_state()
    made = learn_leakage(train, dev, seed=0)
    assert torch.equal(torch.random.get_rng_state(), state)
    scores = leakage_scores(made, train)
    single = {name: value for name, value in scores.score.items() if " " not in name}
    assert set(sorted(single, key=lambda name: -single[name])[:3]) == set(CHOICES)
    for label, towards in enumerate(scores.towards):
        assert max(towards, key=lambda name: towards[name]) == CHOICES[label]
    assert scores.share["yes"] == pytest.approx(np.mean([one.label == 2 for one in train]))
    again = learn_leakage(train, dev, seed=0)
    assert torch.equal(made.table, again.table)
