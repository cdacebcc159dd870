"""The command line turns every failure into one sentence and an exit code."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from rationale_eval import __version__, cli
from rationale_eval.errors import InputError, RationaleEvalError, UsageError


def app_that_raises(error: BaseException) -> typer.Typer:
    """A command line whose only verb fails."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.callback()(lambda: None)

    @app.command("fail")
    def fail() -> None:
        raise error

    return app


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Runs a verb that raises the given error; the workspace is a folder that is not there yet."""
    monkeypatch.setenv("RATIONALE_EVAL_WORKSPACE", str(tmp_path / "workspace"))

    def run(error: BaseException) -> int:
        monkeypatch.setattr(cli, "make_app", lambda: app_that_raises(error))
        return cli.run(["fail"])

    return run


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (
            InputError("label is empty", file="a.csv", row=7, field="label"),
            2,
            "a.csv, row 7, field 'label': label is empty",
        ),
        (UsageError("there is no metric 'comp'"), 2, "there is no metric 'comp'"),
        (RationaleEvalError("the model has no mask token"), 1, "the model has no mask token"),
    ],
)
def test_own_errors_become_one_sentence(failing, capsys, error: Exception, code: int, sentence: str) -> None:
    assert failing(error) == code
    shown = capsys.readouterr()
    assert shown.err == f"rationale-eval: {sentence}\n"
    assert shown.out == ""


def test_interruption_exits_with_130(failing, capsys) -> None:
    assert failing(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err.count("\n") == 1


def test_unexpected_error_is_one_sentence_and_a_private_log(failing, capsys, tmp_path: Path) -> None:
    assert failing(ZeroDivisionError("float division by zero")) == 1
    shown = capsys.readouterr().err
    log = tmp_path / "workspace" / "errors.log"
    assert shown.count("\n") == 1
    assert "ZeroDivisionError: float division by zero" in shown
    assert str(log) in shown
    assert "Traceback" not in shown
    assert "Traceback (most recent call last)" in log.read_text(encoding="utf-8")
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700


def test_unexpected_error_without_a_writable_log_is_still_one_sentence(failing, capsys, tmp_path: Path) -> None:
    (tmp_path / "workspace").write_text("a file where the folder should be")
    assert failing(ZeroDivisionError("oh")) == 1
    shown = capsys.readouterr().err
    assert "could not be logged" in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["judge"], "No such command 'judge'"),
        (["doctor", "--colour"], "No such option: --colour"),
        (["doctor", "--workspace"], "--workspace"),
    ],
)
def test_usage_errors_exit_with_2(capsys, arguments: list[str], part: str) -> None:
    assert cli.run(arguments) == 2
    shown = capsys.readouterr().err
    assert part in shown
    assert "--help" in shown
    assert shown.count("\n") == 1


def test_version(capsys) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out == f"rationale-eval {__version__}\n"


def test_workspace_option_reaches_the_rest_of_the_process(monkeypatch, tmp_path: Path) -> None:
    from rationale_eval.commands.options import _choose_workspace, workspace_path

    monkeypatch.setenv("RATIONALE_EVAL_WORKSPACE", "elsewhere")
    assert workspace_path().name == "elsewhere"
    _choose_workspace(tmp_path / "mine")
    assert os.environ["RATIONALE_EVAL_WORKSPACE"] == str(tmp_path / "mine")
    assert workspace_path() == tmp_path / "mine"


def test_reader_that_goes_away_is_not_an_error_message() -> None:
    code = (
        "import sys; from rationale_eval import cli; import typer\n"
        "app = typer.Typer(); app.callback()(lambda: None)\n"
        "@app.command('talk')\n"
        "def talk():\n"
        "    for _ in range(100_000): sys.stdout.write('a long enough line of text\\n')\n"
        "cli.make_app = lambda: app\n"
        "sys.exit(cli.run(['talk']))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 1
