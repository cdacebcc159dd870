"""K4, K5, K6, D7, D10, C1: checkpoints under failing operations, power loss and damage."""

from __future__ import annotations

from pathlib import Path

from tests.helpers import storage_trials


def test_k4_k5_every_operation_fails_in_every_way(quick: Path) -> None:
    found = storage_trials.failing_operations(quick)
    assert found.wrong == []
    assert found.trials >= 200


def test_k6_d10_the_power_fails_at_every_moment(quick: Path) -> None:
    found = storage_trials.crashes(quick)
    assert found.wrong == []
    assert found.trials >= 500


def test_d7_c1_damage_is_found_by_name(quick: Path) -> None:
    found = storage_trials.damages(quick)
    assert found.wrong == []
    assert found.trials >= 150
