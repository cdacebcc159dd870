"""Examples as a person uses it: the worst found, read on by keyboard, starred; hostile text is text."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import expect

from rationale_eval.verbs.result import Result
from rationale_eval.workspace.runs import Workspace
from tests.helpers.dashboard import Seen, new_page, open_at, serving, settled
from tests.helpers.made_evaluation import examples, make_evaluation, write_data

METRIC = "comprehensiveness_aopc"


def asked(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query)


def pick(page: Any, label: str, option: str) -> None:
    """Chooses in a select box by its label."""
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option, exact=True).click()
    settled(page)


def test_the_worst_example_is_found_read_on_and_starred(
    browser: Any, own_sample: Path, sample_ids: dict[str, str]
) -> None:
    run = sample_ids["evaluate"]
    scores = Result.load(own_sample / "runs" / run).examples(metric=METRIC, method="leave_one_out")
    ids = scores.sort_values("value", kind="stable")["example_id"].tolist()
    with serving(own_sample, "--no-preload") as server:
        page, seen = new_page(browser)
        open_at(page, server, f"examples?run={run}")
        pick(page, "Sort by", METRIC)
        pick(page, "of", "leave_one_out")
        page.get_by_text(ids[0], exact=True).wait_for()
        page.wait_for_url(lambda url: asked(url).get("example") == [ids[0]] and asked(url)["order"] == ["worst"])
        word = page.locator(".rx-words").first.locator(".rx-w").first
        expect(word).to_have_attribute("title", re.compile(r"\d, rank \d+ of \d+"))
        page.locator("h1").click()  # the keyboard belongs to the page, not to a field
        page.keyboard.press("j")
        page.get_by_text(ids[1], exact=True).wait_for()
        page.keyboard.press("j")
        page.get_by_text(ids[2], exact=True).wait_for()
        page.keyboard.press("k")
        page.get_by_text(ids[1], exact=True).wait_for()
        settled(page)
        # The browser's own way back leads to the example that was open before, and forward again.
        page.go_back()
        page.get_by_text(ids[2], exact=True).wait_for()
        page.go_forward()
        page.get_by_text(ids[1], exact=True).wait_for()
        settled(page)
        page.get_by_role("button", name="Star").click()
        page.get_by_role("button", name="Remove star").wait_for()
        settled(page)
        page.reload()
        settled(page)
        page.get_by_role("button", name="Remove star").wait_for()
        page.wait_for_url(lambda url: asked(url).get("example") == [ids[1]])
        # The download holds every example that fits, not the twenty of this page, in the order that is shown.
        with page.expect_download() as coming:
            page.get_by_role("button", name="Download JSONL").first.click()
        taken = [json.loads(line)["example_id"] for line in Path(coming.value.path()).read_text().splitlines()]
        assert taken == ids and len(ids) > 20
        assert seen == Seen()
        page.context.close()


HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>![x](http://evil.example/x.png) "quoted" end'


def test_hostile_text_shows_as_text(browser: Any, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    data = write_data(tmp_path / "data" / "toy.jsonl", examples([HOSTILE, "plain"], [0, 1]))
    words = {HOSTILE: [[1.0] * len(data.words(each)) for each in data]}
    make_evaluation(workspace, data, {(HOSTILE, METRIC, "eraser"): [0.1, 0.2]}, words=words, title=HOSTILE)
    with serving(workspace.path, "--no-preload", "--root", str(tmp_path / "data")) as server:
        page, seen = new_page(browser)
        open_at(page, server, "examples")
        shown = page.locator(".rx-words").first
        expect(shown).to_contain_text("onerror")
        expect(shown).to_contain_text(re.compile("[\u2068\u2069]*".join(re.escape(each) for each in "alert(1)")))
        settled(page)
        expect(page.locator("[data-testid=stMain] img")).to_have_count(0)
        assert seen == Seen()
        page.context.close()
