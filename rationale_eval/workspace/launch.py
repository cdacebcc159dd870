"""Starting a process for a run. A launcher is told a run id and a shared workspace, and nothing else."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

import rationale_eval
from rationale_eval.errors import RationaleEvalError
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.runs import Workspace
from rationale_eval.workspace.standing import MAX_MISSES

MODULE: Final = "rationale_eval.verbs.work"
NICENESS: Final = 10
OOM_SCORE: Final = 500
"""The kernel, short of memory, then ends a run before a dashboard (which has 0)."""

# fmt: off
_NAMES: Final = frozenset((
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "VIRTUAL_ENV",
    "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE",
    "HF_DATASETS_CACHE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE", "TOKENIZERS_PARALLELISM",
    "PYTHONHASHSEED", "PYTHONWARNINGS", "PYTHONDONTWRITEBYTECODE", "CUBLAS_WORKSPACE_CONFIG",
))
# fmt: on
_BEGINNINGS: Final = (
    "LC_",
    "XDG_",
    "OMP_",
    "MKL_",
    "OPENBLAS_",
    "NUMEXPR_",
    "CUDA_",
    "NVIDIA_",
    "NCCL_",
    "TORCH_",
    "PYTORCH_",
    "RATIONALE_EVAL_",
)  # fmt: skip
_SECRETS: Final = ("TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "API_KEY", "ACCESS_KEY")


class Launcher(Protocol):
    """Starts the process that performs a run which was claimed for it."""

    def start(self, run_id: str, workspace: Path) -> None:
        """Returns when the process is on its way; it reads all else from the run's folder.

        Args:
            run_id: The run, in state "starting".
            workspace: Absolute path of the workspace, the same for launcher and process.

        Raises:
            RationaleEvalError: If no process can be started.
        """


class LocalLauncher:
    """One detached process a run, on this machine.

    It has its own session, no terminal and no pipe to whoever started it, so that it outlives a dashboard that is
    killed and a terminal that is closed. No parent-death signal is used: Linux ties it to the thread that started the
    child, and threads of a dashboard end after every click.

    Args:
        module: What Python runs; gets the run id and `--workspace`.
    """

    def __init__(self, module: str = MODULE):
        self.module = module

    def start(self, run_id: str, workspace: Path) -> None:
        """Starts the process; see `Launcher.start`."""
        run = Workspace(workspace).get(run_id)
        attempt = run.stored.attempt
        directory = run.asked.get("directory")
        log = os.open(run.log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            process = subprocess.Popen(
                self.command(run_id, workspace),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                close_fds=True,
                # Paths in the record are meant as they were typed.
                cwd=directory if directory and os.path.isdir(directory) else run.folder,
                env=environment(os.environ, key_variable(run)),
                start_new_session=True,
                umask=0o077,
            )
        except OSError as error:
            raise RationaleEvalError(f"no process could be started for run {run_id}: {error}.") from error
        finally:
            os.close(log)
        # Waited for at once when it ends: a zombie would look alive to everyone who asks by process id.
        threading.Thread(target=_wait, args=(process, run, attempt), name=f"wait-{run_id}", daemon=True).start()

    def command(self, run_id: str, workspace: Path) -> Sequence[str]:
        """The argument array; parameters are in the run's folder, never here."""
        return [sys.executable, "-m", self.module, run_id, "--workspace", str(workspace.absolute())]


def key_variable(run: Run) -> str | None:
    """The variable that holds the key of the endpoint that a run asks; None for a run that asks none."""
    if not run.config.get("endpoint"):
        return None
    name = str(run.config.get("request", {}).get("key", "OPENAI_API_KEY"))
    return name if name.endswith("API_KEY") else None


def environment(given: Mapping[str, str], key: str | None = None) -> dict[str, str]:
    """The variables that a run's process gets: those it may need, and none that look like a secret.

    Args:
        given: Those of this process.
        key: The one secret that the run was told to use, by name.
    """
    kept = {
        name: value
        for name, value in given.items()
        if (name in _NAMES or name.startswith(_BEGINNINGS)) and not any(word in name.upper() for word in _SECRETS)
    }
    if key is not None and key in given:
        kept[key] = given[key]
    # The package this process runs, wherever the new one starts; and nothing found in the directory it starts in.
    kept["PYTHONPATH"] = str(Path(rationale_eval.__file__).resolve().parent.parent)
    kept["PYTHONSAFEPATH"] = "1"
    return kept


def settle(niceness: int = NICENESS) -> None:
    """Makes this process a polite one: private files, low priority, first to go when memory is short, no core dumps.

    Args:
        niceness: How low the priority; 0 where somebody waits for an answer.
    """
    os.umask(0o077)
    with suppress(OSError):
        os.nice(max(0, niceness - os.nice(0)))
    with suppress(OSError), open("/proc/self/oom_score_adj", "r+", encoding="ascii") as file:
        if int(file.read()) < OOM_SCORE:
            file.write(str(OOM_SCORE))
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _wait(process: subprocess.Popen[bytes], run: Run, attempt: int) -> None:
    code = process.wait()
    with suppress(RationaleEvalError, OSError):
        status = run.stored
        if not (status.state == "starting" and status.claimed and status.attempt == attempt) or run.worker is not None:
            return
        if code < 0 and status.misses + 1 < MAX_MISSES:
            message = f"its process was ended by signal {-code} before it began"
            run.move("queued", when="starting", attempt=attempt, message=message)
        else:
            message = f"its process ended with exit status {code} before it began; see its log"
            run.move("failed", when="starting", attempt=attempt, reason="did not start", message=message)
