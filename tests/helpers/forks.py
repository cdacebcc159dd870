"""A process that imports everything once and then forks one child for each attempt, to be killed.

`Forks` starts it and speaks to it, one JSON line each way. As a script it is the server. A child trains one subject,
with pause points armed, faults injected or a seeded bug applied, as asked.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TOLD, CRASHED = 2, 3
"""Exit codes: a failure told in one sentence, and a traceback."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one child ended.

    Args:
        code: Exit code, or minus the signal.
        seconds: How long it lived.
        said: The sentence, or the traceback.
        reason: The machine-readable reason of a failure.
        points: How often each pause point was reached, if the child lived to say so.
    """

    code: int
    seconds: float
    said: str
    reason: str | None
    points: dict[str, int]

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


class Forks:
    """The server, as seen from outside; use it as a context manager."""

    def __enter__(self) -> Forks:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RATIONALE_EVAL_")}
        environment |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.forks"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait(timeout=60)

    def attempt(
        self,
        subject: str,
        folder: Path,
        *,
        point: str | None = None,
        after: float | None = None,
        fault: dict[str, Any] | None = None,
        bug: str | None = None,
        limits: dict[str, int] | None = None,
        options: dict[str, Any] | None = None,
    ) -> Attempt:
        """Runs one child to its end.

        Args:
            subject: A name in `tests.helpers.subjects.SUBJECTS`.
            folder: Where it works.
            point: Pause points to arm, as in `RATIONALE_EVAL_POINT`.
            after: Seconds after which it is killed.
            fault: Arguments of `tests.helpers.faults.failing`.
            bug: A name in `tests.helpers.seeded_bugs.BUGS`.
            limits: Soft resource limits by name, for example `{"RLIMIT_FSIZE": 1000}`.
            options: Arguments of the subject.
        """
        asked = {"subject": subject, "folder": str(folder), "point": point, "after": after, "fault": fault}
        asked |= {"bug": bug, "limits": limits or {}, "options": options or {}}
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.write(json.dumps(asked) + "\n")
        self._server.stdin.flush()
        answer = self._server.stdout.readline()
        if not answer:
            raise RuntimeError("the process that forks the trials died")
        return Attempt(**json.loads(answer))


def serve() -> None:
    """Answers requests until standard input ends."""
    import torch
    import torch._dynamo  # optimizers import it, which takes seconds; once here, not once in each child

    from rationale_eval.engine.precision import medium_is_exact
    from tests.helpers import faults, seeded_bugs, subjects, tiny  # noqa: F401

    # With one thread there is no thread pool that a fork would break; what is measured once is measured here.
    torch.set_num_threads(1)
    medium_is_exact()
    for line in sys.stdin:
        asked = json.loads(line)
        sys.stdout.write(json.dumps(_attempt(asked)) + "\n")
        sys.stdout.flush()


def _attempt(asked: dict[str, Any]) -> dict[str, Any]:
    reader, writer = os.pipe()
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        os._exit(_child(asked, writer))
    os.close(writer)
    handle = os.pidfd_open(pid)
    if asked["after"] is not None and not select.select([handle], [], [], asked["after"])[0]:
        os.kill(pid, signal.SIGKILL)
    with open(reader, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(pid, 0)
    os.close(handle)
    found = json.loads(said) if said.endswith(b"}") else {}
    for module in set(found.pop("modules", ())) - set(sys.modules):
        # What a child had to import, the next ones shall find.
        with suppress(ImportError):
            importlib.import_module(module)
    answer = {"said": "", "reason": None, "points": {}} | found
    return answer | {"code": os.waitstatus_to_exitcode(status), "seconds": time.monotonic() - began}


def _child(asked: dict[str, Any], writer: int) -> int:
    import resource
    from contextlib import ExitStack

    from rationale_eval import points
    from rationale_eval.errors import RationaleEvalError
    from tests.helpers import faults, seeded_bugs, subjects

    folder = Path(asked["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    seen: Counter[str] = Counter()
    points.arm(asked["point"])
    armed = points._listener

    def reached(name: str) -> None:
        seen[name] += 1
        if armed is not None:
            armed(name)

    points.listen(reached)
    answer: dict[str, Any] = {}
    code = 0
    with open(folder / "said.txt", "a") as log:
        os.dup2(log.fileno(), 2)
    try:
        with ExitStack() as stack:
            if asked["bug"]:
                seeded_bugs.apply(asked["bug"])
            if asked["fault"]:
                stack.enter_context(faults.failing(folder, **asked["fault"]))
            for name, value in asked["limits"].items():
                limit = getattr(resource, name)
                resource.setrlimit(limit, (value, resource.getrlimit(limit)[1]))
            subjects.SUBJECTS[asked["subject"]](folder, **asked["options"])
    except RationaleEvalError as error:
        answer, code = {"said": str(error), "reason": getattr(error, "reason", None)}, TOLD
    except BaseException:  # noqa: BLE001 - told to the parent
        answer, code = {"said": traceback.format_exc()}, CRASHED
    modules = [name for name in sys.modules if name.startswith(("rationale_eval", "torch.", "transformers", "captum"))]
    with open(writer, "wb") as pipe:
        pipe.write(json.dumps(answer | {"points": seen, "modules": modules}).encode())
    return code


if __name__ == "__main__":
    serve()
