"""The process of one run: `python -m rationale_eval.verbs.work RUN --workspace PATH`.

It is told nothing but the run and the workspace; all else stands in the run's folder. What is heavy is imported only
once the run is owned, so that the run counts as begun within a moment of the start.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Final

from rationale_eval.errors import RationaleEvalError
from rationale_eval.workspace.runs import ENVIRONMENT, Workspace

STOPPED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Performs one run.

    Args:
        arguments: The words of the command line; those of this process when None.

    Returns:
        0 if the run has come to its end, 1 if it could not be done, 130 if it was asked to stop.
    """
    parser = argparse.ArgumentParser(prog="rationale_eval.verbs.work", description="Works on one run to its end.")
    parser.add_argument("run", help="the run's id")
    parser.add_argument("--workspace", required=True, help="the folder that holds runs/")
    given = parser.parse_args(arguments)
    _quiet_libraries()
    # Names like "own/reviews" then mean this workspace's, whoever started the process.
    os.environ[ENVIRONMENT] = os.path.abspath(given.workspace)
    try:
        return work(given.run, Workspace(given.workspace))
    except RationaleEvalError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return STOPPED


def work(key: str, workspace: Workspace) -> int:
    """Works on a run in this process; see `main`."""
    from rationale_eval.verbs.beats import in_log
    from rationale_eval.verbs.jobs import perform

    run = workspace.find(key)
    perform(run, launched=True, shown=in_log(run))
    return 0 if run.status.state == "finished" else STOPPED


def _quiet_libraries() -> None:
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


if __name__ == "__main__":
    sys.exit(main())
