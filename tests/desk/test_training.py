"""Forms, presets, curves and estimates: plain functions behind the page Train."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from rationale_eval.desk.desk import Desk
from rationale_eval.desk.estimate import steps_of
from rationale_eval.desk.presets import PRESETS, preset
from rationale_eval.desk.training import POINTS, Asked, allowed, curves, differing, log_tail
from rationale_eval.errors import UsageError
from rationale_eval.recipes import RECIPES
from rationale_eval.recipes.record import read_config
from rationale_eval.ui import forms
from rationale_eval.workspace.runs import Workspace
from tests.helpers.pages import Near


@pytest.mark.parametrize("name", list(RECIPES))
def test_every_knob_of_every_recipe_has_a_widget_that_can_hold_its_default(name: str) -> None:
    kind = RECIPES[name]
    found = forms.fields(kind.Config.model_json_schema())
    assert list(found) == list(kind.Config.model_fields)
    for field in found.values():
        assert field.help and field.name in field.help
        if field.kind == "choice":
            assert field.default in field.options or (field.nullable and field.default is None)
        elif field.default is None:
            assert field.nullable
    assert read_config(kind, {one.name: one.default for one in found.values()}) == kind.Config()


@pytest.mark.parametrize("name", list(RECIPES))
@pytest.mark.parametrize("size", PRESETS, ids=lambda size: size.name)
def test_every_preset_is_a_setting_of_every_recipe(name: str, size: object) -> None:
    kind = RECIPES[name]
    defaults = {one: field.default for one, field in kind.Config.model_fields.items()}
    config = preset(getattr(size, "name")).config(defaults)  # noqa: B009
    read_config(kind, config)
    assert config == {} or getattr(size, "name") != "paper"  # noqa: B009
    assert all(config[one] != defaults[one] for one in config)


def test_choices_of_several_forms_are_joined_and_bounds_are_told() -> None:
    found = forms.fields(RECIPES["unirex"].Config.model_json_schema())
    assert found["suff_form"].options == ("margin", "diff", "abs", "square", "kl", "off")
    assert (found["clip"].kind, found["clip"].nullable) == ("number", True)
    assert "(above 0, at most 10)" in found["lr"].help
    assert found["bins"].kind == "numbers"


def test_numbers_parted_by_commas() -> None:
    assert forms.read_numbers("1, 5;10,", "bins") == [1.0, 5.0, 10.0]
    with pytest.raises(UsageError, match="bins: numbers parted by commas"):
        forms.read_numbers("1, ten", "bins")


def test_values_are_the_same_across_kinds_of_number_and_list() -> None:
    assert forms.same(1, 1.0) and forms.same([1.0, 5.0], (1, 5)) and forms.same(None, None)
    assert not forms.same(True, 1) and not forms.same([1], [1, 2]) and not forms.same(None, 0)


def test_steps_are_those_of_the_loop() -> None:
    config = {"batch_size": 16, "accumulate": 1, "epochs": 3, "max_steps": None}
    assert steps_of(168, config) == 33
    assert steps_of(168, config | {"accumulate": 2}) == 18
    assert steps_of(168, config | {"max_steps": 20}) == 20


def test_the_record_says_only_what_was_asked() -> None:
    asked = Asked("unirex", "bundled/nli", "embedded/minilm", {"epochs": 2}, limit=50, drawn=True, dev_limit=9, seed=4)
    assert asked.job() == {
        "kind": "train",
        "recipe": "unirex",
        "data": "bundled/nli",
        "model": "embedded/minilm",
        "config": {"epochs": 2},
        "seed": 4,
        "sample": 50,
        "dev_limit": 9,
    }


def test_long_curves_are_averaged_and_what_is_not_finite_stays_so(tmp_path: Path) -> None:
    space = Workspace(tmp_path / "space")
    run = space.create_run("train", {})
    lines = [f'{{"step": {step}, "name": "loss", "value": {step}.0}}' for step in range(1, 4 * POINTS + 1)]
    lines[5] = '{"step": 6, "name": "loss", "value": null, "flag": "nan"}'
    run.metrics_file.write_text("\n".join(lines) + "\n")
    run.follow()
    curve = curves(Desk(space, warm=Near(space.path)), run.id)["loss"]
    assert (len(curve.values), curve.averaged, curve.not_finite) == (POINTS, 4, 1)
    assert curve.values[0] == 2.5 and math.isnan(curve.values[1]) and curve.values[2] == 10.5
    assert curve.steps[:3] == [4, 8, 12] and curve.steps[-1] == 4 * POINTS


def test_what_is_allowed_follows_the_state(tmp_path: Path) -> None:
    space = Workspace(tmp_path / "space")
    run = space.submit("train", {})
    assert [name for name, why in allowed(run).items() if why is None] == ["cancel", "retry", "delete"]
    with run.working(launched=True):
        assert [name for name, why in allowed(run).items() if why is None] == ["cancel", "retry"]
    assert [name for name, why in allowed(run).items() if why is None] == ["retry", "delete"]


def test_settings_that_differ() -> None:
    base = {"config": {"lr": 1e-4, "bins": [1.0]}, "split": "train"}
    found = differing({"config": {"lr": 2e-4, "bins": [1.0]}, "split": "train", "data": "x", "mapping": {}}, base)
    assert found == {"config.lr": 2e-4, "data": "x"}


def test_the_end_of_a_log(tmp_path: Path) -> None:
    run = Workspace(tmp_path / "space").create_run("train", {})
    assert log_tail(run) == ""
    run.log_file.write_bytes(b"first\n" + b"x" * 40_000 + b"\nlast \xff\n")
    tail = log_tail(run)
    assert tail.startswith("...\n") and tail.endswith("last �\n") and "first" not in tail
