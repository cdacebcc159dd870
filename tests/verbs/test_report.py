"""The report: the numbers of the verbs, and a file that can do nothing but be read."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rationale_eval.cli import make_app
from rationale_eval.errors import UsageError
from rationale_eval.metrics.record import Score
from rationale_eval.verbs.compare import compare
from rationale_eval.verbs.make_report import report_of
from rationale_eval.verbs.numbers import number
from rationale_eval.verbs.report import POLICY
from rationale_eval.verbs.result import Result, ScoreRow, write_scores
from rationale_eval.workspace.runs import Workspace

HOSTILE = (
    "<script>document.title='owned'</script>",
    '"><img src=https://evil.example/x onerror=alert(1)>',
    "</title></style><svg onload=alert(1)>",
    "'); background: url(https://evil.example/",
)


class Read(HTMLParser):
    """Elements and attributes of a document, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def evaluated(place: Workspace, shifts: dict[str, float], title: str = "A run") -> str:
    """A finished evaluation whose methods differ by constants; "none" has no value anywhere."""
    run = place.create_run("evaluate", {"data": "d", "split": "test"}, data="d", about={"title": title})
    with run.working():
        rows = [
            ScoreRow(
                f"e{i}",
                None,
                method,
                "auprc",
                "trapezoid",
                Score(float("nan"), "no gold") if method == "none" else Score(0.3 + shift + 0.01 * (i % 7)),
            )
            for i in range(40)
            for method, shift in shifts.items()
        ]
        write_scores(rows, run.examples)
        (run.folder / "evaluation.json").write_text('{"data": {"name": "d", "fingerprint": "f"}}')
        run.write_summary({"results": Result.load(run.folder).records()})
    return run.id


def test_the_report_says_the_numbers_of_compare(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "workspace")
    id = evaluated(place, {"good": 0.2, "bad": 0.0, "none": 0.0, "random": -0.1})
    text = Read(report_of([place.get(id)], f"rationale-eval compare {id}")).text
    result = Result.load(place.get(id).folder)
    for row in compare(result).to_dict("records"):
        assert number(row["p_holm"]) in text and number(row["difference"]) in text
    for value in result.summary()["value"].dropna():
        assert number(value) in text
    assert "not defined (40)" in text and "no gold: 40" in text and f"rationale-eval compare {id}" in text
    best = result.summary().set_index("method").loc["good", "value"]
    assert f"<b>\u2068{number(best)} [" in report_of([place.get(id)], "x")


def test_hostile_names_stay_text_and_nothing_can_be_loaded(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "workspace")
    id = evaluated(place, {name: 0.01 * i for i, name in enumerate(HOSTILE)}, title=HOSTILE[2])
    page = report_of([place.get(id)], HOSTILE[0])
    read = Read(page)
    assert set(read.elements).isdisjoint(
        {"script", "img", "iframe", "link", "object", "form", "base", "a", "image", "use"}
    )
    assert read.elements.count("style") == 1 and read.elements.count("title") == 1
    assert not [name for name, _ in read.attributes if name.startswith("on") or name in ("src", "href", "action")]
    assert ("content", POLICY) in read.attributes and "'none'" in POLICY and "script" not in POLICY
    assert not re.search(r"url\(|@import", page.partition("</style>")[0])
    for each in HOSTILE:
        assert each[:20] in read.text


def test_the_command_writes_the_same_report(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "workspace")
    ids = [evaluated(place, {"good": 0.2, "bad": 0.0}), evaluated(place, {"good": 0.1, "bad": 0.0})]
    out, only = tmp_path / "report.html", tmp_path / "ids.txt"
    only.write_text("\n".join(f"e{i}" for i in range(20)))
    words = ["export", *ids, "--method", "good", "--ids", str(only), "--out", str(out), "--workspace", str(place.path)]
    done = CliRunner().invoke(make_app(), words)
    assert done.exit_code == 0, done.output
    text = Read(out.read_text(encoding="utf-8")).text
    pair = {id: Result.load(place.get(id).folder).narrowed([f"e{i}" for i in range(20)]) for id in ids}
    row = compare(pair, methods=["good"]).iloc[0]
    assert number(row["p"]) in text and number(row["value_first"]) in text and "20 chosen examples" in text
    assert f"rationale-eval compare {ids[0]} {ids[1]} --method good --ids slice.txt" in text
    refused = CliRunner().invoke(
        make_app(), ["export", *ids, "--out", str(tmp_path / "t.csv"), "--workspace", str(place.path)]
    )
    assert refused.exit_code != 0 and isinstance(refused.exception, UsageError)


def test_what_cannot_become_a_report_says_so(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "workspace")
    id = evaluated(place, {"good": 0.2, "bad": 0.0})
    with pytest.raises(UsageError, match="no such methods or metrics"):
        report_of([place.get(id)], "x", metrics=["rouge_l"])
    empty = place.create_run("evaluate", {"data": "d"})
    with pytest.raises(UsageError, match="only a finished evaluation becomes a report"):
        report_of([place.get(empty.id)], "x")
