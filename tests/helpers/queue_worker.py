"""The process of a run that only pretends to work: `python -m tests.helpers.queue_worker RUN --workspace PATH`.

What it does stands in the run's config: `seconds` to work for, `deaf` to ignore SIGTERM, `crash` to fail, `early` to
end before it takes up the run, `fork` to leave a child behind. Every attempt leaves one line in `worked`.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time

from rationale_eval.errors import RationaleEvalError
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.runs import Workspace


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("run")
    parser.add_argument("--workspace", required=True)
    given = parser.parse_args()
    run = Workspace(given.workspace).get(given.run)
    config = run.config
    if config.get("early"):
        return int(config["early"])
    try:
        with run.working(launched=True):
            work(run, config)
    except RationaleEvalError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def work(run: Run, config: dict[str, object]) -> None:
    if config.get("deaf"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if config.get("fork") and os.fork() == 0:
        time.sleep(60)
        os._exit(0)
    # Last, since tests wait for it: then all of the above is so.
    with open(run.folder / "worked", "a") as file:
        file.write(f"{run.stored.attempt} {os.getpid()}\n")
    if config.get("crash"):
        raise RuntimeError("this went wrong")
    end = time.monotonic() + float(str(config.get("seconds", 0)))
    step = 0
    while time.monotonic() < end:
        step += 1
        run.beat(step, 1000, "pretending")
        time.sleep(0.01)
    run.beat(1000, 1000, "done")
    run.write_summary({"pid": os.getpid()})


if __name__ == "__main__":
    sys.exit(main())
