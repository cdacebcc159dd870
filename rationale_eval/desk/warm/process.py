"""The warm process: `python -m rationale_eval.desk.warm.process --workspace PATH`; one JSON line in, one out."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any, BinaryIO

from rationale_eval.errors import InputError, RationaleEvalError, UsageError
from rationale_eval.workspace.launch import settle
from rationale_eval.workspace.runs import Workspace


def main() -> int:
    """Answers until the dashboard closes its end of the pipe."""
    parser = argparse.ArgumentParser(prog="rationale_eval.desk.warm.process")
    parser.add_argument("--workspace", type=Path, required=True)
    given = parser.parse_args()
    settle()
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # Whatever a library prints must not stand among the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(sys.stdin.buffer, answers, Workspace(given.workspace))
    return 0


def serve(questions: BinaryIO, answers: BinaryIO, workspace: Workspace) -> None:
    """Answers one question after the other.

    Args:
        questions: JSON lines with `verb` and `arguments`.
        answers: Gets one JSON line for each: `value`, or `error` and `message`.
        workspace: What the verbs work on.
    """
    for line in questions:
        answers.write(json.dumps(answer(line, workspace)).encode() + b"\n")
        answers.flush()


def answer(line: bytes, workspace: Workspace) -> dict[str, Any]:
    """The answer to one question; what goes wrong is an answer too."""
    from rationale_eval.desk.warm.verbs import VERBS

    try:
        asked = json.loads(line)
        return {"value": VERBS[asked["verb"]](workspace, **asked["arguments"])}
    except UsageError as error:
        return {"error": "usage", "message": str(error)}
    except InputError as error:
        return {"error": "input", "message": str(error)}
    except RationaleEvalError as error:
        return {"error": "own", "message": str(error)}
    except MemoryError:
        return {"error": "own", "message": "there was not enough memory; a shorter text or a smaller model needs less."}
    except Exception as error:  # noqa: BLE001 - the process must outlive any question; the page shows the sentence
        said = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        return {"error": "own", "message": f"something went wrong that should not have ({said})."}


if __name__ == "__main__":
    sys.exit(main())
