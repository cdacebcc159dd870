"""`rationale-eval data` and `rationale-eval import` as a user meets them."""

import io
import json

import pytest
from rich.console import Console

from rationale_eval.cli import run
from rationale_eval.commands.data import parse_columns
from rationale_eval.commands.data_text import bracketed, print_examples, visible
from rationale_eval.data.explanations import load_explanations
from rationale_eval.data.load import load_dataset
from rationale_eval.errors import UsageError

CSV = (
    "sentence1,sentence2,gold_label,why,spans\n"
    'A man sleeps.,He rests.,entailment,It follows.,"{""premise"": [[6, 12]]}"\n'
)


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setenv("RATIONALE_EVAL_WORKSPACE", str(tmp_path / "workspace"))
    path = tmp_path / "mine.csv"
    path.write_text(CSV + "A dog runs.,A cat.,contradiction,,\n")
    return path


def test_list_names_bundled_generated_and_known_sets(capsys):
    assert run(["data", "list", "--json"]) == 0
    listed = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert {"bundled/nli", "generated/keyword", "esnli", "hatexplain"} <= listed.keys()
    assert "slurs" in listed["hatexplain"]["warning"] and listed["bundled/nli"]["splits"]


def test_show_prints_examples_with_their_highlights(table, capsys):
    assert run(["data", "show", str(table), "--limit", "1"]) == 0
    shown = capsys.readouterr().out
    assert "A man [sleeps]." in shown and "✓ entailment" in shown and "It follows." in shown
    assert "premise <- sentence1 (guessed)" in shown and "A dog" not in shown


def test_show_as_json_is_our_schema(table, capsys):
    assert run(["data", "show", str(table), "--json", "--map", "post=why evidence=", "--limit", "1"]) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert one["inputs"] == {"post": "It follows."}


def test_check_reports_and_exits_with_2_where_nothing_is_usable(table, capsys):
    assert run(["data", "check", str(table)]) == 0
    assert "Nothing suspicious was found." in capsys.readouterr().out
    assert run(["data", "check", str(table), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["rows"], report["labels"]) == (2, {"contradiction": 1, "entailment": 1})
    table.write_text("text,label\n,x\n,y\n")
    assert run(["data", "check", str(table)]) == 2
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err and "mine.csv" in captured.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["data", "show", "esnly"], "did you mean esnli"),
        (["data", "show", "missing.csv"], "missing.csv: cannot be opened"),
        (["data", "show", "bundled/nli", "--split", "dev2"], "no split 'dev2'; there are:"),
        (["data", "show", "bundled/nli", "--map", "premise"], "--map takes name=value"),
    ],
)
def test_bad_calls_end_in_one_sentence(arguments, sentence, capsys):
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err.replace("\n", " ") and captured.out == ""


def test_import_stores_scores(table, tmp_path, capsys):
    scores = tmp_path / "theirs.jsonl"
    rows = [
        {"id": "1", "tokens": ["a", "man", "sleeps", ".", "he", "rests", "."], "scores": [0, 1, 2, 3, 4, 5, 6]},
        {"id": "2", "tokens": ["a", "dog", "runs", ".", "a", "cat", "."], "scores": [0, 1, 2, 3, 4, 5, 6]},
    ]
    scores.write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = tmp_path / "out.parquet"
    assert run(["import", str(scores), "--data", str(table), "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["rows"] == 2
    assert [one.scores.sum() for one in load_explanations(out)] == [21, 21]
    rows[1]["tokens"][1] = "horse"
    scores.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(["import", str(scores), "--data", str(table), "--out", str(tmp_path / "no.parquet")]) == 2
    assert "row 2" in (said := capsys.readouterr().err.replace("\n", " ")) and "'horse'" in said


def test_columns_are_read_from_one_or_several_texts():
    assert parse_columns(["premise=s 1 label=gold label:x=y"]) == {"premise": "s 1", "label": "gold", "label:x": "y"}
    assert parse_columns(["a=b", "evidence.premise:marked=c"]) == {"a": "b", "evidence.premise:marked": "c"}
    assert parse_columns(None) is None
    with pytest.raises(UsageError, match="--map takes name=value"):
        parse_columns(["nothing"])


def test_terminal_commands_in_a_text_are_harmless(tmp_path):
    text = "a \x1b[31mred [bold]thing[/bold] \u202eabc"
    assert len(visible(text)) == len(text) and "\x1b" not in visible(text) and "\u202e" not in visible(text)
    assert bracketed(text, [(0, 1)]).plain.startswith("[a] ")
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"text": text, "label": "[red]x", "id": "[bold]1"}) + "\n")
    data = load_dataset(path)
    screen = io.StringIO()
    print_examples(data, list(data), Console(file=screen, width=100))
    assert "[bold]thing[/bold]" in screen.getvalue() and "\x1b" not in screen.getvalue()


def test_perturb_prints_texts_before_and_after_and_how_often_each_applied(capsys):
    assert run(["data", "perturb", "bundled/commonsense", "--kinds", "label_swap,format", "--limit", "1"]) == 0
    shown = capsys.readouterr().out
    assert "(as it was)   A dentist is a doctor for teeth." in shown and "a dentist is a doctor for teeth" in shown
    assert "how often each applied" in shown and "label_swap    contrastive      1        1      1" in shown


def test_perturb_as_json_counts_every_reason(capsys):
    assert run(["data", "perturb", "bundled/commonsense", "--kinds", "label_swap", "--limit", "2", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    (report,) = value["reports"]
    assert (report["tried"], report["applied"]) == (2, 1)
    assert report["reasons"] == {"it does not mention its answer": 1}
    assert [list(one["perturbed"]) for one in value["texts"]] == [["label_swap"], []]


def test_perturb_refuses_an_unknown_kind_and_a_missing_model(capsys):
    assert run(["data", "perturb", "bundled/commonsense", "--kinds", "negatoin"]) == 2
    assert "did you mean negation" in capsys.readouterr().err
    assert run(["data", "perturb", "bundled/commonsense", "--kinds", "paraphrase"]) == 2
    assert "needs a language model" in capsys.readouterr().err
