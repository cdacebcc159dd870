"""Gradient methods: exact on a model made by hand, equal to captum, and the same whatever they are batched with."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from captum.attr import DeepLift, GradientShap, IntegratedGradients, Saliency
from hypothesis import given, settings
from hypothesis import strategies as st

from rationale_eval.data.example import Example
from rationale_eval.data.words import split_words
from rationale_eval.errors import RationaleEvalError, UsageError
from rationale_eval.models.base import TaskModel
from rationale_eval.rationales.attribution import Point, Probe, Subject, matters, merge_words
from rationale_eval.rationales.methods import METHODS
from rationale_eval.rationales.methods.deep_lift import SMALLEST_DIFFERENCE
from rationale_eval.rationales.methods.integrated_gradients import QUADRATURES
from rationale_eval.rationales.record import Found
from tests.helpers.linear import PAD, LinearModel
from tests.helpers.tiny import NLI, example, tiny_causal, tiny_choice_encoder, tiny_classifier, tiny_seq2seq

GRADIENT = ["saliency", "input_x_gradient", "integrated_gradients", "gradient_shap", "deep_lift"]


@cache
def tiny(kind: str) -> TaskModel:
    return {
        "bert": tiny_classifier,
        "roberta": lambda: tiny_classifier(architecture="roberta"),
        "choice": tiny_choice_encoder,
        "gpt2": tiny_causal,
        "bart": lambda: tiny_seq2seq(architecture="bart"),
    }[kind]()


def subjects_of(model: TaskModel, target: int = 0) -> list[Subject]:
    task = model.task if hasattr(model, "task") else NLI
    first, last = task.fields[0], task.fields[-1]
    texts = [
        {},
        {first: "A man plays a guitar on a lit stage while nobody watches."},
        {last: "The street is empty!"},
        {first: "Stage."},
    ]
    found = []
    for number, changed in enumerate(texts):
        one = example(task, str(number), **changed)
        found.append(Subject(model.encode(one, split_words(one)), target, seed=number))
    return found


def run(
    model: TaskModel, subjects: list[Subject], method: str, tokens: int | None = None, **params: object
) -> list[Found]:
    return METHODS[method].explain(Probe(model, tokens), subjects, **METHODS[method].settings(params))


def assert_same(one: list[Found], other: list[Found], tolerance: float = 1e-5) -> None:
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a.scores, b.scores, atol=tolerance, rtol=0)


def alone(model: TaskModel, subject: Subject) -> tuple[torch.Tensor, torch.Tensor, object]:
    """Embeddings, pad baseline and score function of the target's own row, by itself."""
    (row,) = matters(subject, model, "logit")
    batch = model.pad([row])
    table = model.embedding()
    text = table(batch.ids).detach()
    words = torch.from_numpy(row.word >= 0)[None, :, None]
    baseline = torch.where(words, table(torch.tensor(model.pad_id)).detach(), text)

    def forward(embeds: torch.Tensor) -> torch.Tensor:
        def grown(field: torch.Tensor | None) -> torch.Tensor | None:
            return None if field is None else field.expand(len(embeds), *field.shape[1:])

        grown_batch = replace(
            batch,
            ids=grown(batch.ids),
            types=grown(batch.types),
            targets=grown(batch.targets),
            lengths=batch.lengths.expand(len(embeds)),
            embeds=embeds,
        )
        return model.scores(grown_batch)

    return text, baseline, forward


def by_words(model: TaskModel, subject: Subject, tokens: torch.Tensor) -> np.ndarray:
    rows = matters(subject, model, "logit")
    return merge_words(subject.encoding, rows, [tokens[0].detach().double().numpy()], "sum")


@pytest.mark.parametrize("kind", ["bert", "roberta", "choice", "gpt2", "bart"])
def test_integrated_gradients_equal_captum(kind: str) -> None:
    model = tiny(kind)
    found = run(model, subjects_of(model, 1), "integrated_gradients", steps=20)
    for subject, mine in zip(subjects_of(model, 1), found, strict=True):
        text, baseline, forward = alone(model, subject)
        theirs, delta = IntegratedGradients(forward).attribute(
            text, baseline, target=1 % model.outputs, n_steps=20, return_convergence_delta=True
        )
        np.testing.assert_allclose(mine.scores, by_words(model, subject, theirs.sum(-1)), atol=1e-5)
        assert mine.notes["convergence_delta"] == pytest.approx(float(delta), abs=1e-5)


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_saliency_and_deep_lift_equal_captum(kind: str) -> None:
    model = tiny(kind)
    subjects = subjects_of(model)
    steep, lifted = run(model, subjects, "saliency"), run(model, subjects, "deep_lift")
    for subject, mine, mine_lifted in zip(subjects, steep, lifted, strict=True):
        text, baseline, forward = alone(model, subject)
        theirs = Saliency(forward).attribute(text, target=0, abs=False).norm(dim=-1)
        np.testing.assert_allclose(mine.scores, by_words(model, subject, theirs), atol=1e-5)

        class Scores(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.network = model.network

            def forward(self, embeds: torch.Tensor) -> torch.Tensor:
                return forward(embeds)  # noqa: B023 -- used within the loop

        theirs = DeepLift(Scores(), eps=SMALLEST_DIFFERENCE).attribute(text, baseline, target=0).sum(-1)
        np.testing.assert_allclose(mine_lifted.scores, by_words(model, subject, theirs), atol=1e-4)


def test_gradient_shap_without_noise_has_the_mean_of_captums() -> None:
    model = LinearModel(curve=0.03)
    one = Example("1", "t", {"text": "to be or not to be"})
    subject = Subject(model.encode(one, split_words(one)), 0)
    (mine,) = run(model, [subject], "gradient_shap", samples=4000, noise=0.0)
    text, baseline, forward = alone(model, subject)
    torch.manual_seed(0)
    theirs = GradientShap(forward).attribute(text, baseline, target=0, n_samples=4000).sum(-1)
    np.testing.assert_allclose(mine.scores, by_words(model, subject, theirs), rtol=0.03, atol=1e-3)


@pytest.mark.parametrize("kind", ["bert", "choice", "gpt2", "bart"])
@pytest.mark.parametrize("method", GRADIENT)
def test_batches_padding_and_order_change_nothing(kind: str, method: str) -> None:
    model = tiny(kind)
    subjects = subjects_of(model)
    few = {"integrated_gradients": {"steps": 6}, "gradient_shap": {"samples": 4}}.get(method, {})
    together = run(model, subjects, method, **few)
    assert_same(together, run(model, subjects[::-1], method, **few)[::-1])
    assert_same(together, [run(model, [subject], method, **few)[0] for subject in subjects])
    assert_same(together, run(model, subjects, method, tokens=1, **few))


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=6), st.integers(1, 400), st.integers(2, 9))
def test_integrated_gradients_do_not_depend_on_company(order: list[int], tokens: int, steps: int) -> None:
    model = tiny("bert")
    subjects = subjects_of(model)
    found = run(model, [subjects[i] for i in order], "integrated_gradients", tokens, steps=steps)
    assert_same(found, [run(model, [subjects[i]], "integrated_gradients", steps=steps)[0] for i in order])


@pytest.mark.parametrize("output", ["logit", "probability", "log_probability"])
@pytest.mark.parametrize("kind", ["bert", "choice"])
def test_scores_add_up_to_what_the_output_gained(kind: str, output: str) -> None:
    model = tiny(kind)
    subjects = subjects_of(model, 2)
    probe = Probe(model)
    for i, found in enumerate(run(model, subjects, "integrated_gradients", steps=100, output=output)):
        whole, nothing = probe.outputs([subjects[i]], [Point(0, 1.0), Point(0, 0.0)], output=output)
        assert np.nansum(found.scores) == pytest.approx(whole - nothing, abs=2e-3)
    if output == "probability":
        assert 0 < whole < 1


def test_probabilities_are_those_of_the_whole_example() -> None:
    model = tiny("choice")
    for target in range(3):
        (subject, *_) = subjects_of(model, target)
        with torch.no_grad():
            expected = model.scores(model.pad(subject.encoding.rows)).flatten().softmax(0)[target]
        assert Probe(model).outputs([subject], [Point(0)], output="probability") == pytest.approx(
            [float(expected)], abs=1e-6
        )


def test_exact_on_a_model_made_by_hand() -> None:
    model = LinearModel(slope=0.0, curve=0.0)
    one = Example("1", "t", {"text": "to be or"})
    subject = Subject(model.encode(one, split_words(one)), 1)
    table = model.embedding().weight.detach().double().numpy()
    vectors = table[subject.encoding.rows[0].ids[1:-1]][:, 1]
    (found,) = run(model, [subject], "input_x_gradient")
    np.testing.assert_allclose(found.scores, vectors, atol=1e-6)
    (found,) = run(model, [subject], "integrated_gradients", steps=2)
    np.testing.assert_allclose(found.scores, vectors - table[PAD, 1], atol=1e-6)
    (found,) = run(model, [subject], "integrated_gradients", steps=2, baseline="zero")
    np.testing.assert_allclose(found.scores, vectors, atol=1e-6)
    (found,) = run(model, [subject], "saliency", pool="sum")
    np.testing.assert_allclose(found.scores, np.ones(3), atol=1e-6)


def test_tokens_merge_to_words_by_the_named_rule() -> None:
    model = tiny("bert")
    one = example(NLI, premise="A strumming man.")  # in the tiny vocabulary "strumming" falls into many tokens
    subject = Subject(model.encode(one, split_words(one)), 0)
    parts = int((subject.encoding.rows[0].word == 1).sum())
    assert parts > 3
    total, mean, greatest = (run(model, [subject], "saliency", merge=rule)[0].scores for rule in ("sum", "mean", "max"))
    assert mean[1] == pytest.approx(total[1] / parts)
    assert total[1] > greatest[1] > mean[1]
    assert total[0] == pytest.approx(mean[0]) == pytest.approx(greatest[0])


def test_words_the_model_does_not_see_have_no_score() -> None:
    model = LinearModel(max_length=6)
    one = Example("1", "t", {"text": "one two three four five"})
    (found,) = run(model, [Subject(model.encode(one, split_words(one)), 0)], "integrated_gradients", steps=4)
    assert np.isnan(found.scores).tolist() == [False, False, False, True, True]


def test_the_network_is_left_as_it_was() -> None:
    model = tiny_classifier()
    model.network.train()
    frozen = next(model.network.parameters())
    frozen.requires_grad_(False)
    before = model.network.config._attn_implementation
    for method in GRADIENT:
        run(model, subjects_of(model), method)
    assert model.network.training and all(module.training for module in model.network.modules())
    assert not frozen.requires_grad
    assert all(each.requires_grad for each in model.network.parameters() if each is not frozen)
    assert all(each.grad is None for each in model.network.parameters())
    assert model.network.config._attn_implementation == before


class Small(LinearModel):
    """Runs out of memory above a number of tokens in a batch."""

    room = 40
    error: type[RuntimeError] = torch.OutOfMemoryError

    def scores(self, batch):  # type: ignore[no-untyped-def]
        if batch.ids.numel() > self.room:
            raise self.error("DefaultCPUAllocator: can't allocate memory: you tried to allocate much")
        return super().scores(batch)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError])
def test_batches_are_halved_when_memory_runs_out(error: type[RuntimeError]) -> None:
    small, large = Small(), LinearModel()
    small.error = error
    texts = ["one two three", "four", "five six seven eight nine"]
    subjects = []
    for text in texts:
        one = Example(text, "t", {"text": text})
        subjects.append(Subject(large.encode(one, split_words(one)), 0))
    expected = run(large, subjects, "integrated_gradients", steps=7)
    assert_same(run(small, subjects, "integrated_gradients", steps=7), expected, 1e-6)
    small.room = 5
    with pytest.raises(RationaleEvalError, match="one text of 7 tokens does not fit into memory"):
        run(small, subjects, "saliency")


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    small = Small()
    small.error = RuntimeError
    one = Example("1", "t", {"text": "one two three"})
    subject = Subject(small.encode(one, split_words(one)), 0)
    small.scores = lambda batch: (_ for _ in ()).throw(RuntimeError("shapes differ"))  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="shapes differ"):
        run(small, [subject], "saliency")


def test_bfloat16_is_near_float32() -> None:
    exact, rough = tiny_classifier(), tiny_classifier(dtype="bfloat16")
    for a, b in zip(
        run(exact, subjects_of(exact), "integrated_gradients", steps=10),
        run(rough, subjects_of(rough), "integrated_gradients", steps=10),
        strict=True,
    ):
        assert b.scores.dtype == np.float64
        assert np.abs(a.scores - b.scores).max() < 0.1 * np.abs(a.scores).max() + 0.02


def test_noise_moves_scores_of_words_only_and_by_its_own_seed() -> None:
    model = tiny("choice")
    plain = subjects_of(model)
    noisy = [replace(subject, radius=0.05, noise_seed=i) for i, subject in enumerate(plain)]
    calm, moved = run(model, plain, "input_x_gradient"), run(model, noisy, "input_x_gradient")
    assert all(np.abs(a.scores - b.scores).max() > 1e-4 for a, b in zip(calm, moved, strict=True))
    assert_same(moved, [run(model, [subject], "input_x_gradient", tokens=1)[0] for subject in noisy])
    still = [replace(subject, radius=1e-12) for subject in plain]
    assert_same(calm, run(model, still, "input_x_gradient"))
    rows = [matters(subject, model, "logit") for subject in noisy]
    line, _ = Probe(model).line(noisy, rows, [Point(i) for i in range(len(noisy))], "pad")
    calm_line, _ = Probe(model).line(plain, rows, [Point(i) for i in range(len(noisy))], "pad")
    shift = (line.text - calm_line.text).abs()
    for place, (row,) in enumerate(rows):
        special = np.ones(shift.shape[1], dtype=bool)
        special[: len(row.ids)] = row.word < 0
        assert float(shift[place][torch.from_numpy(special)].max()) == 0
    assert 0.04 < float(shift.max()) <= 0.05 + 1e-6


def test_deep_lift_refuses_networks_whose_activations_it_does_not_know() -> None:
    reason = METHODS["deep_lift"].is_compatible(LinearModel())
    assert reason is not None and "gradient x (input - baseline)" in reason
    assert METHODS["deep_lift"].is_compatible(tiny("bert")) is None


def test_deep_lift_is_not_plain_gradient_times_difference() -> None:
    model = tiny("bert")
    subjects = subjects_of(model)
    probe = Probe(model)
    plain = probe.gradients(
        subjects, [Point(i) for i in range(4)], lambda gradient, line: (gradient * (line.text - line.baseline)).sum(-1)
    )
    lifted = run(model, subjects, "deep_lift")
    for subject, tokens, found in zip(subjects, plain, lifted, strict=True):
        words = merge_words(subject.encoding, matters(subject, model, "logit"), tokens, "sum")
        assert np.abs(words - found.scores).max() > 1e-3


def test_a_mask_baseline_needs_a_mask_token() -> None:
    model = tiny("gpt2")
    with pytest.raises(UsageError, match="no mask token"):
        run(model, subjects_of(model), "integrated_gradients", baseline="mask")


def test_the_rules_for_the_integral_are_those_of_captum() -> None:
    from captum.attr._utils.approximation_methods import SUPPORTED_METHODS

    assert set(QUADRATURES) == set(SUPPORTED_METHODS)
