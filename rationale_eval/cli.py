"""The command line: the same verbs, under the same names, as the Python interface."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from rationale_eval.commands.options import workspace_path
from rationale_eval.commands.output import say
from rationale_eval.commands.parsing import spread
from rationale_eval.errors import RationaleEvalError

NAME = "rationale-eval"
INTERRUPTED = 130
LOG = "errors.log"

VERBS = {
    "demo": "demo",
    "data": "data_app",
    "import": "import_",
    "train": "train",
    "extract": "extract",
    "generate": "generate",
    "evaluate": "evaluate",
    "compare": "compare",
    "audit": "audit",
    "export": "export",
    "runs": "runs_app",
    "ui": "ui",
    "worker": "worker",
    "doctor": "doctor",
}
"""Each verb and what its file in `commands/` calls it: a function, or a typer app where the name ends in `_app`."""


def make_app() -> typer.Typer:
    """The command line with every verb of `commands/`."""
    app = typer.Typer(
        name=NAME,
        help="Evaluate rationales of language models.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_frame)
    for verb, thing in VERBS.items():
        file = "import_" if verb == "import" else verb
        command = getattr(import_module(f"rationale_eval.commands.{file}"), thing)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=verb)
        else:
            app.command(verb)(command)
    return app


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line.

    Args:
        arguments: The words after the program's name; those of this process when None.

    Returns:
        The exit code: 0 done, 1 could not be done, 2 bad usage or bad input, 130 interrupted.
    """
    # Loading bars of libraries would stand between our own lines; a user's own setting wins.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    how = "stopped by you; what was finished until then is kept."
    try:
        code = make_app()(
            args=spread(sys.argv[1:] if arguments is None else arguments), prog_name=NAME, standalone_mode=False
        )
    except typer.TyperException as error:
        if error.format_message().strip():  # an app without a verb has shown its help, and that says it all
            say(f"{NAME}: {_usage(error)}")
        return error.exit_code
    except RationaleEvalError as error:
        say(f"{NAME}: {error}")
        return error.exit_code
    except BrokenPipeError:
        # The reader (head, less) has gone; nothing is left to say to anyone.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (KeyboardInterrupt, typer.Abort) as error:
        code, how = INTERRUPTED, str(error) or how
    except Exception as error:  # noqa: BLE001 - the last stop before the user, who gets a sentence; the log gets the rest
        say(f"{NAME}: {_unexpected(error)}")
        return 1
    if code == INTERRUPTED:
        say(f"{NAME}: {how}")
    return code if isinstance(code, int) else 0


def main() -> None:
    """Entry point of the console script."""
    sys.exit(run())


def _show_version(asked: bool) -> None:
    if asked:
        from rationale_eval import __version__

        sys.stdout.write(f"{NAME} {__version__}\n")
        raise typer.Exit


def _frame(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, help="Print the version and exit.", is_eager=True)
    ] = False,
) -> None:
    """Evaluate rationales of language models: are they faithful, and would a human accept them?"""


def _usage(error: typer.TyperException) -> str:
    sentence = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    return f"{sentence}; see `{context.command_path if context else NAME} --help`."


def _unexpected(error: Exception) -> str:
    reason = f"{type(error).__name__}: {error}".splitlines()[0][:300]
    try:
        log = workspace_path() / LOG
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _append(log, error)
    except OSError:
        return f"something went wrong that should not have ({reason}), and the details could not be logged."
    return f"something went wrong that should not have ({reason}); the details are at the end of {log}."


def _append(log: Path, error: Exception) -> None:
    with open(log, "a", encoding="utf-8", errors="backslashreplace", opener=_private) as file:
        file.write(f"== {datetime.now(UTC).isoformat(timespec='seconds')} {NAME} {' '.join(sys.argv[1:2])}\n")
        file.write("".join(traceback.format_exception(error)))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


if __name__ == "__main__":
    main()
