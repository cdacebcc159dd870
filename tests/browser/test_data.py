"""The paths of the page Data in a real browser: a file becomes a set, and a set becomes a file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from rationale_eval.data.own import own_sets
from tests.helpers.dashboard import Seen, Server, open_at, serving, settled

CSV = "id,review,sentiment,why\na,A warm film.,pos,warm\nb,A dull film.,neg,=1+1\nc,,neg,nothing\nd,Fine,pos,\n"


def test_a_file_becomes_a_set_and_a_set_becomes_a_file(view: tuple[Any, Seen], tmp_path: Path) -> None:
    page, seen = view
    file = tmp_path / "train_reviews.csv"
    file.write_text(CSV)
    with serving(tmp_path / "workspace", "--no-preload") as server:
        open_at(page, server, "data")
        page.get_by_role("radio", name="Add a set").click()
        page.locator("input[type=file]").set_input_files(str(file))
        page.get_by_text("text <- review (given)").wait_for()
        page.get_by_label("Name of the set").fill("reviews")
        page.get_by_label("Name of the set").press("Enter")
        page.get_by_role("button", name="Keep this set").click()
        page.get_by_text("own/reviews train: 3 examples").wait_for()
        # The preview above which this stands has a button of the same name, until it is gone.
        listed = page.locator('[class*="st-key-made-train"]').get_by_role("button", name="Download JSONL")
        with page.expect_download() as rejected:
            listed.click()
        assert json.loads(Path(rejected.value.path()).read_text()) == {"row": 3, "field": "text", "reason": "is empty"}
        page.get_by_role("button", name="Look at it").click()
        page.wait_for_url("**data=own*")
        page.get_by_text("First examples").wait_for()
        settled(page)
        expect(page.get_by_label("Data set", exact=True)).to_have_value(re.compile("^reviews"))
        with page.expect_download() as written:
            page.get_by_role("button", name="Download CSV").last.click()
        assert written.value.suggested_filename == "reviews-train.csv"
        assert "b,A dull film.,neg,'=1+1," in Path(written.value.path()).read_text()
        page.get_by_role("button", name="Delete this set").click()
        page.get_by_text("The set reviews is put aside.").wait_for()
        page.wait_for_url(lambda url: "data=own" not in url)
        assert own_sets(server.workspace) == []
        page.get_by_role("button", name="Undo").click()
        page.wait_for_url("**data=own*")
        assert [each.name for each in own_sets(server.workspace)] == ["reviews"]
        mode = {path.name: path.stat().st_mode & 0o077 for path in server.workspace.rglob("*")}
        assert {name for name, others in mode.items() if others} <= {"index.sqlite", "index.lock"}
    assert seen == Seen()


def test_pictures_have_words_and_the_view_has_an_address(view: tuple[Any, Seen], looking: Server) -> None:
    page, seen = view
    open_at(page, looking, "data?data=bundled%2Fnli&split=train")
    page.locator("[data-testid=stPlotlyChart]").nth(3).wait_for()
    settled(page)
    expect(page.get_by_label("Split", exact=True)).to_have_value("train")
    said = page.locator("[data-testid=stMain] [aria-label*='Examples by label']")
    # Streamlit's own export is no way around ours, which makes formulas harmless.
    expect(page.get_by_label("Download as CSV")).to_have_count(0)
    expect(said.first).to_have_attribute("aria-label", re.compile("entailment"))
    page.get_by_label("Split", exact=True).click()
    page.get_by_role("option", name="test").click()
    page.wait_for_url("**split=test*")
    assert seen == Seen()
