"""Probe in a browser: words by mouse and keyboard, typing that answers when it stops, two sessions at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import expect

import rationale_eval as rx
from rationale_eval.data.example import Example
from rationale_eval.data.words import split_words
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.ui.numbers import number
from tests.helpers.dashboard import PATIENCE, Seen, Server, new_page, open_at, settled
from tests.ui.test_probe_page import CHOICES, asked


@pytest.fixture(scope="module")
def example() -> Example:
    return next(iter(rx.load_dataset("bundled/nli", "test")))


@pytest.fixture(scope="module")
def model(sample_folder: Path, sample_ids: Mapping[str, str]) -> TransformerModel:
    found = rx.load_model(f"run:{sample_ids['train']}", workspace=sample_folder)
    assert isinstance(found, TransformerModel)
    return found


def address(model: TransformerModel, example: Example) -> str:
    return f"probe?probe={model.name}&data=bundled/nli&split=test&example={example.id}"


def wait_for(page: Any, before: NDArray[np.float64], after: NDArray[np.float64]) -> None:
    """Until the picture shows these numbers, each as it tells those who cannot see it."""
    for choice, was, now in zip(CHOICES, before, after, strict=True):
        label = re.compile(rf"{choice}\W*: {number(was)} before, {number(now)} after")
        page.get_by_role("img", name=label).wait_for(timeout=PATIENCE)


def hypothesis_words(example: Example) -> list[int]:
    return [place for place, word in enumerate(split_words(example)) if word.field == "hypothesis"]


def test_words_by_mouse_and_keyboard_and_typing(
    view: tuple[Any, Seen], looking: Server, model: TransformerModel, example: Example
) -> None:
    page, seen = view
    open_at(page, looking, address(model, example))
    whole = asked(model, example)
    wait_for(page, whole, whole)
    words = page.get_by_test_id("stButtonGroup").nth(1).get_by_role("button")
    places = hypothesis_words(example)

    words.nth(1).click()
    wait_for(page, whole, asked(model, example, [places[1]]))
    expect(page.locator(".rx-struck").first).to_have_text(re.compile("^[\u2068\u2069]*photographer[\u2068\u2069]*$"))
    # The same button once more, and its neighbour, without a mouse.
    page.keyboard.press("Space")
    wait_for(page, whole, whole)
    words.nth(2).focus()
    page.keyboard.press("Enter")
    wait_for(page, whole, asked(model, example, [places[2]]))
    page.get_by_role("button", name="Back to the original").click()
    wait_for(page, whole, whole)

    # No key ends the typing: the answer comes when it stops.
    field = page.get_by_role("textbox", name="hypothesis")
    field.click()
    page.keyboard.press("End")
    page.keyboard.type(" No.")
    typed = replace(example, inputs=dict(example.inputs) | {"hypothesis": example.inputs["hypothesis"] + " No."})
    wait_for(page, whole, asked(model, typed))
    settled(page)
    assert seen == Seen()


def test_two_sessions_edit_at_once_and_each_gets_its_own_answers(
    browser: Any, looking: Server, model: TransformerModel, example: Example
) -> None:
    whole = asked(model, example)
    pages = [new_page(browser) for _ in range(2)]
    for page, _ in pages:
        open_at(page, looking, address(model, example))
    for page, _ in pages:
        wait_for(page, whole, whole)
    texts = [[f"People {word} in room {turn}." for turn in range(10)] for word in ("sleep", "play")]
    for turn in range(10):
        for (page, _), own in zip(pages, texts, strict=True):
            page.get_by_role("textbox", name="hypothesis").fill(own[turn])
    for (page, seen), own in zip(pages, texts, strict=True):
        last = replace(example, inputs=dict(example.inputs) | {"hypothesis": own[-1]})
        wait_for(page, whole, asked(model, last))
        assert seen == Seen()
        page.context.close()
