"""What verbs print: aligned text in a pipe, JSON that any reader takes."""

from __future__ import annotations

import json
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rationale_eval.commands.output import cell, json_text, plain_text, progress, show

ROWS = [
    {"metric": "comprehensiveness", "value": 0.123456, "n": 500},
    {"metric": "auprc", "value": math.nan, "n": 12},
]


def test_plain_text_is_aligned_and_rounds_to_three_digits() -> None:
    assert plain_text(ROWS, "scores") == (
        "scores\n"
        "metric                   value    n\n"
        "comprehensiveness        0.123  500\n"
        "auprc              not defined   12\n"
    )


def test_no_rows_print_no_table() -> None:
    assert plain_text([]) == ""
    assert plain_text([], "nothing yet") == "nothing yet\n"


def test_cells() -> None:
    assert [cell(value) for value in (None, True, 3, 1234.5, -math.inf)] == ["", "yes", "3", "1.23e+03", "not defined"]


def test_json_has_null_where_a_number_is_not_finite() -> None:
    value = {"a": math.nan, "b": [np.float64(0.5), np.int64(3), np.float32("inf")], "c": {"d": (1, None, True)}}
    assert json.loads(json_text(value)) == {"a": None, "b": [0.5, 3, None], "c": {"d": [1, None, True]}}


NESTED = st.recursive(
    st.floats() | st.text(max_size=3) | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(NESTED)
def test_json_is_always_strict_json(value: object) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads(json_text(value), parse_constant=refuse)


def test_show_prints_the_value_as_json_and_nothing_else(capsys) -> None:
    show(ROWS, as_json=True, value={"results": ROWS})
    shown = capsys.readouterr()
    assert json.loads(shown.out)["results"][0]["n"] == 500
    assert shown.err == ""


def test_progress_is_silent_without_a_terminal(capsys) -> None:
    with progress("working", 3) as step:
        for _ in range(3):
            step(1)
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")
