"""The records of methods: found by their files, parameters from their signatures, faults in one sentence."""

from pathlib import Path

import pytest

from rationale_eval.errors import UsageError
from rationale_eval.rationales import methods
from rationale_eval.rationales.methods import METHODS

EXPECTED = {
    "saliency",
    "input_x_gradient",
    "integrated_gradients",
    "gradient_shap",
    "deep_lift",
    "attention",
    "attention_rollout",
    "leave_one_out",
    "occlusion",
    "lime",
    "kernel_shap",
    "random",
    "gold",
    "inverse_gold",
}


def test_every_file_of_the_folder_is_a_method() -> None:
    assert set(METHODS) >= EXPECTED
    homes = {method.explain.__module__.rpartition(".")[2] for method in METHODS.values()}
    assert homes == {path.stem for path in Path(methods.__file__).parent.glob("*.py")} - {"__init__"}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_facts_are_complete(name: str) -> None:
    method = METHODS[name]
    assert method.title and method.cite and method.describe.endswith(".")
    assert method.avoid.startswith(("Not ", "Never ")), "say when not to use it"
    assert method.formula.startswith(("s_i ", "The s ", "Argmin ")), "the docstring begins with the formula"
    assert method.settings({}) == dict(method.params)
    for param, allowed in method.options.items():
        assert method.params[param] in allowed


def test_parameters_are_cast_from_text() -> None:
    settings = METHODS["integrated_gradients"].settings({"steps": "20", "baseline": "zero"})
    assert settings["steps"] == 20
    assert settings["baseline"] == "zero"
    assert METHODS["gradient_shap"].settings({"noise": "0.5"})["noise"] == 0.5
    assert METHODS["gradient_shap"].settings({"noise": 1})["noise"] == 1.0


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        METHODS["integrated_gradients"].settings({"step": 3, "steps": "many", "baseline": "blank"})
    message = str(caught.value)
    assert "there is no 'step'" in message
    assert "'steps' must be a whole number, not 'many'" in message
    assert "'baseline' must be one of pad, mask, zero, not 'blank'" in message


def test_unknown_methods_are_met_with_the_closest() -> None:
    with pytest.raises(UsageError, match="did you mean integrated_gradients"):
        METHODS["integrated_gradient"]
