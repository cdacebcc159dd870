"""Tests of pages wait for what they assert: a look at a page that is still being drawn sees what stood there before."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

BROWSER = Path(__file__).resolve().parents[1] / "browser"
AT_ONCE = {
    *("count", "inner_text", "all_inner_texts", "text_content", "all_text_contents", "get_attribute", "input_value"),
    *("is_visible", "is_hidden", "is_enabled", "is_disabled", "is_checked"),
}
"""Methods of a locator that answer with what stands there now."""


def looks_at_once(source: str) -> list[int]:
    """Lines of `assert` statements that ask a page without waiting, by a locator's method or by its address."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assert):
            for part in ast.walk(node.test):
                asked = (
                    isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr in AT_ONCE
                )
                stands = isinstance(part, ast.Attribute) and ast.unparse(part) in ("page.url", "view.url")
                if asked or stands:
                    found.append(node.lineno)
                    break
    return found


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        ("assert card.count() == 1", [1]),
        ("assert 'a' in (chip.get_attribute('title') or '')", [1]),
        ("assert 'run=' in page.url", [1]),
        ("expect(card).to_have_count(1)", []),
        ("assert run.state == 'finished'", []),
    ],
)
def test_it_is_seen(line: str, lines: list[int]) -> None:
    assert looks_at_once(line) == lines


def test_no_assertion_looks_at_once() -> None:
    found = {path.name: looks_at_once(path.read_text(encoding="utf-8")) for path in BROWSER.glob("test_*.py")}
    assert len(found) > 5
    assert {name: lines for name, lines in found.items() if lines} == {}
