"""One attempt at the work of a run: owned from begin to end, and ended with one sentence whatever happens."""

from __future__ import annotations

import shlex
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from rationale_eval.errors import RationaleEvalError, Resumable, UsageError
from rationale_eval.workspace.run import Run, TakenOver, reason_of
from rationale_eval.workspace.stopping import Stopped

ERROR: Final = "error.txt"
"""In a run folder: where in the program the last failure arose."""


class AttemptFailed(RationaleEvalError):
    """The work of a run could not be done.

    Args:
        reason: Short cause, for example "out of memory".
        message: The sentence.
    """

    def __init__(self, reason: str, message: str):
        super().__init__(message)
        self.reason = reason


@contextmanager
def attempt(run: Run, *, launched: bool = False) -> Iterator[Run]:
    """Owns a run for the length of a block; afterwards it is finished, failed, cancelled or interrupted.

    Args:
        run: The run.
        launched: Whether this process was started for the run; see `Run.working`.

    Raises:
        Stopped: If it was asked to stop, with the command that goes on.
        AttemptFailed: In place of an error that is not a sentence yet.
        RationaleEvalError: If the run is finished, another process works on it, or the block says so.
    """
    with run.working(launched=launched):
        try:
            yield run
        except KeyboardInterrupt as stop:
            message = f"stopped; go on with: {go_on_command(run)}"
            # Becomes "cancelled" where that was asked for. What cannot be written, the free lease says as well.
            with suppress(RationaleEvalError, OSError):
                run.move("interrupted", reason="stopped", message=message)
            raise Stopped(message) from stop
        except Resumable as error:
            message = f"{error}; go on with: {go_on_command(run)}"
            with suppress(RationaleEvalError, OSError):
                run.move(error.state, reason=error.reason, message=message)
            raise AttemptFailed(error.reason, message) from None
        except Exception as error:
            _keep(run, error)
            plain = _plainly(run, error)
            if plain is error:
                raise
            raise plain from error


def go_on_command(run: Run) -> str:
    """The command that goes on with a stopped run."""
    return shlex.join(["rationale-eval", "runs", "resume", run.id, "--workspace", str(run.workspace)])


def _plainly(run: Run, error: Exception) -> Exception:
    if isinstance(error, MemoryError) or _is_memory(error):
        return AttemptFailed(
            "out of memory",
            "there was not enough memory; a smaller batch_size, shorter texts or a smaller model need less.",
        )
    if isinstance(error, RationaleEvalError):
        return error
    if isinstance(error, OSError):
        reason = reason_of(error)
        said = error.strerror or type(error).__name__
        at = f" at {error.filename}" if error.filename else ""
        return AttemptFailed(reason, f"{reason}: {said}{at}; mend this and go on with: {go_on_command(run)}")
    said = f"{type(error).__name__}: {error}".splitlines()[0][:300]
    return AttemptFailed("error", f"something went wrong that should not have ({said}); see {run.folder / ERROR}.")


def _is_memory(error: Exception) -> bool:
    """Whether torch ran out of memory; its own exception is a RuntimeError, and on a CPU only the text tells."""
    return isinstance(error, RuntimeError) and (
        type(error).__name__ == "OutOfMemoryError" or "allocate memory" in str(error)
    )


def _keep(run: Run, error: Exception) -> None:
    if isinstance(error, UsageError | TakenOver):  # nothing is wrong here; the folder of a run taken over is another's
        return
    # On a full disk the sentence is all there is.
    with suppress(OSError):
        (run.folder / ERROR).write_text("".join(traceback.format_exception(error)), "utf-8", "backslashreplace")
        run.say(f"where it arose: {ERROR}")
