"""The warm process: `python -m rationale_eval.desk.warm.process --workspace PATH`; one JSON line in, one out."""

from __future__ import annotations

import argparse
import json
import os
import resource
import select
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

from rationale_eval.errors import InputError, RationaleEvalError, UsageError
from rationale_eval.workspace.launch import settle
from rationale_eval.workspace.runs import ENVIRONMENT, Workspace

NO_MEMORY: Final = "there was not enough memory; a shorter text or a smaller model needs less."

Verbs = Mapping[str, Callable[..., Any]]


def main(more: Verbs | None = None) -> int:
    """Answers until the dashboard closes its end of the pipe.

    Args:
        more: Verbs beside those of `warm.verbs`.
    """
    parser = argparse.ArgumentParser(prog="rationale_eval.desk.warm.process")
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--memory", type=int)
    given = parser.parse_args()
    settle(niceness=0)
    end_with(sys.stdin.fileno())
    if given.memory:
        limit_memory(given.memory)
    os.environ[ENVIRONMENT] = os.path.abspath(given.workspace)
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # Whatever a library prints must not stand among the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(sys.stdin.buffer, answers, Workspace(given.workspace), more)
    return 0


def end_with(handle: int) -> None:
    """Ends this process as soon as nobody holds the other end of a pipe, whatever it is doing: its asker is gone."""

    def wait() -> None:
        pipe = select.poll()
        pipe.register(handle, 0)  # a closed end is always told
        pipe.poll()
        os._exit(0)

    threading.Thread(target=wait, name="end", daemon=True).start()


def limit_memory(size: int) -> None:
    """Has the kernel refuse this process more memory of its own than `size` bytes.

    Not where there is a GPU: its driver reserves great ranges that it never fills.
    """
    if any(Path("/dev").glob("nvidia[0-9]*")):
        return
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def serve(questions: BinaryIO, answers: BinaryIO, workspace: Workspace, more: Verbs | None = None) -> None:
    """Answers one question after the other.

    Args:
        questions: JSON lines with `verb` and `arguments`.
        answers: Gets one JSON line for each: `value`, or `error` and `message`.
        workspace: What the verbs work on.
        more: Verbs beside those of `warm.verbs`.
    """
    for line in questions:
        answers.write(answer(line, workspace, more).encode() + b"\n")
        answers.flush()


def answer(line: bytes, workspace: Workspace, more: Verbs | None = None) -> str:
    """The answer to one question, as JSON; what goes wrong is an answer too."""
    from rationale_eval.desk.warm.verbs import VERBS

    try:
        asked = json.loads(line)
        verbs = {**VERBS, **(more or {})}
        return json.dumps({"value": verbs[asked["verb"]](workspace, **asked["arguments"])})
    except UsageError as error:
        return _refused("usage", str(error))
    except InputError as error:
        return _refused("input", str(error))
    except RationaleEvalError as error:
        return _refused("own", str(error))
    except Exception as error:  # noqa: BLE001 - the process must outlive any question; the page shows the sentence
        if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and _memory(error)):
            return _refused("own", NO_MEMORY)
        traceback.print_exception(error)
        said = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        return _refused("own", f"something went wrong that should not have ({said}); warm.log has the rest.")


def _refused(kind: str, message: str) -> str:
    return json.dumps({"error": kind, "message": message})


def _memory(error: RuntimeError) -> bool:
    if "torch" not in sys.modules:
        return False
    from rationale_eval.engine.execute import out_of_memory

    return out_of_memory(error)


if __name__ == "__main__":
    sys.exit(main())
