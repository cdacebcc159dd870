"""Known holes stay closed: no installed package, and no declared bound, is older than the version that closed them."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
FLOORS = {
    "streamlit": "1.61",
    "torch": "2.10",
    "transformers": "5.5",
    "safetensors": "0.4",
    "pyarrow": "14.0.1",
}
OPTIONAL_FLOORS = {"ray": "2.60", "authlib": "1.9.0"}


def declared() -> dict[str, Requirement]:
    """Every dependency of pyproject.toml, extras included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    return {need.name.lower(): need for need in map(Requirement, lines)}


def lower_bound(need: Requirement) -> Version:
    """The version after >= in a requirement."""
    return max(Version(part.version) for part in need.specifier if part.operator == ">=")


@pytest.mark.parametrize("name", FLOORS)
def test_installed_version_is_not_below_its_floor(name: str) -> None:
    assert Version(metadata.version(name)) >= Version(FLOORS[name])


@pytest.mark.parametrize("name", OPTIONAL_FLOORS)
def test_optional_package_is_absent_or_not_below_its_floor(name: str) -> None:
    try:
        version = Version(metadata.version(name))
    except metadata.PackageNotFoundError:
        version = None
    assert version is None or version >= Version(OPTIONAL_FLOORS[name])


def test_declared_bounds_are_not_below_the_floors() -> None:
    floors = FLOORS | OPTIONAL_FLOORS
    too_low = [
        need.name for name, need in declared().items() if name in floors and lower_bound(need) < Version(floors[name])
    ]
    assert too_low == []


def test_pinned_set_satisfies_every_declared_bound() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = {name.lower(): version for line in lines if "==" in line for name, version in [line.split("==")]}
    extras = {"ray", "kaleido", "mlflow", "tensorboard", "wandb"}
    wrong = [
        str(need)
        for name, need in declared().items()
        if name not in extras and not (name in pins and need.specifier.contains(pins[name]))
    ]
    assert wrong == []


def test_pins_name_no_local_version_and_no_index() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    pins = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all(line.count("==") == 1 and "+" not in line and not line.startswith("-") for line in pins)
    assert "torch==2.13.0" in pins
