"""The facts that the pages and the command line show of every recipe."""

import pytest

from rationale_eval.recipes import RECIPES


@pytest.mark.parametrize("name", list(RECIPES))
def test_facts_are_complete(name: str) -> None:
    recipe = RECIPES[name]
    assert recipe.title and recipe.cite and len(recipe.describe) > 60 and recipe.describe.endswith(".")
    assert recipe.avoid.startswith("Not ") and recipe.avoid.endswith(".")
    assert "log p" in recipe.formula() or recipe.formula().startswith("L = "), "the docstring is the objective"
    undescribed = [knob for knob, field in recipe.Config.model_fields.items() if not field.description]
    assert undescribed == []
