"""The process behind `workers`: `python -m rationale_eval.desk.queue_worker --workspace PATH`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from rationale_eval.errors import RationaleEvalError
from rationale_eval.workspace.runs import Workspace
from rationale_eval.workspace.worker import serve_alone


def main() -> int:
    """Serves the queue until it is empty; what goes wrong is one sentence on standard error."""
    parser = argparse.ArgumentParser(prog="rationale_eval.desk.queue_worker")
    parser.add_argument("--workspace", type=Path, required=True)
    given = parser.parse_args()
    os.umask(0o077)
    try:
        serve_alone(Workspace(given.workspace))
    except RationaleEvalError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
