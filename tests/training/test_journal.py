"""Metric lines: written once, compared when done again, never NaN in JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from rationale_eval.errors import RationaleEvalError
from rationale_eval.training.journal import Journal


def test_doing_a_step_again_writes_nothing_and_reports_a_difference(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    first = Journal(path)
    first.record(1, {"loss": 0.1, "lr": 1e-3})
    first.close()
    before = path.read_bytes()
    again = Journal(path)
    assert again.record(1, {"loss": 0.1, "lr": 1e-3}) == []
    (difference,) = again.record(1, {"loss": math.nextafter(0.1, 1)})
    assert (difference.name, difference.stored) == ("loss", 0.1)
    assert path.read_bytes() == before
    again.record(2, {"loss": 0.05})
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 1, 2]


def test_the_same_number_object_is_not_written_twice(tmp_path: Path) -> None:
    journal, value = Journal(tmp_path / "m"), 0.5
    journal.record(1, {"loss": value})
    journal.record(1, {"loss": value})
    assert len((tmp_path / "m").read_text().splitlines()) == 1


def test_non_finite_numbers_are_flags(tmp_path: Path) -> None:
    path = tmp_path / "m"
    journal = Journal(path)
    journal.record(3, {"a": math.nan, "b": math.inf, "c": -math.inf})
    lines = [json.loads(line, parse_constant=lambda name: pytest.fail(name)) for line in path.read_text().splitlines()]
    assert [(line["value"], line["flag"]) for line in lines] == [(None, "nan"), (None, "inf"), (None, "-inf")]
    again = Journal(path)
    assert again.record(3, {"a": math.nan, "b": math.inf, "c": -math.inf}) == []


def test_half_a_line_is_cut_off_and_a_changed_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_bytes(b'{"step": 1, "name": "loss", "value": 1.0}\n{"step": 2, "na')
    journal = Journal(path)
    journal.record(2, {"loss": 2.0})
    assert [json.loads(line)["value"] for line in path.read_text().splitlines()] == [1.0, 2.0]
    path.write_text("hello\n")
    with pytest.raises(RationaleEvalError, match="line 1: not a metric line"):
        Journal(path)
