"""The errors a user can meet. Each message is one sentence that says what is wrong and what to do about it."""

from __future__ import annotations

from typing import Literal


class RationaleEvalError(Exception):
    """Something this program could not do; the command line prints the sentence and exits with 1."""

    exit_code = 1


class UsageError(RationaleEvalError):
    """A call that cannot mean anything: an unknown name, options that exclude each other. Exit code 2."""

    exit_code = 2


class Resumable(RationaleEvalError):
    """Work that ended before its end through no fault of its own; what is done is kept, and the same goes on later.

    Args:
        reason: Short cause, for example "budget".
        message: The sentence.
        state: What the run is then: "interrupted" where that was wanted, "failed" where something is to be mended.
    """

    def __init__(self, reason: str, message: str, state: Literal["interrupted", "failed"] = "failed"):
        super().__init__(message)
        self.reason, self.state = reason, state


class InputError(RationaleEvalError):
    """Bad input data, located. Exit code 2.

    Args:
        problem: What is wrong and how to mend it, as one clause.
        file: The file as the user named it.
        row: Row number as a person counts (the first record is 1), or None.
        field: The field or column at fault, or None.
    """

    exit_code = 2

    def __init__(self, problem: str, *, file: str | None = None, row: int | None = None, field: str | None = None):
        self.problem, self.file, self.row, self.field = problem, file, row, field
        where = [str(file)] if file else []
        if row is not None:
            where.append(f"row {row}")
        if field is not None:
            where.append(f"field '{field}'")
        super().__init__(": ".join([", ".join(where), problem]) if where else problem)
