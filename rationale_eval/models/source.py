"""Where a model's name leads: an embedded model, a folder, a finished run, or a pinned commit of a hub repository."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rationale_eval import durable
from rationale_eval.errors import InputError, RationaleEvalError, UsageError
from rationale_eval.models import embedded
from rationale_eval.models.safe import allowed

NEW: Final = "new/"
"""Begins the names of models that a training makes itself, with random weights; see `models.new_t5`."""

NEW_T5: Final = "new/t5"

_HUB_ID: Final = re.compile(r"(?P<id>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@(?P<revision>[\w.-]+))?")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_RUN_ID: Final = re.compile(r"[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, slots=True)
class Found:
    """Where a name leads.

    Args:
        folder: The folder with the model.
        exact: The name made exact: hub ids with their commit.
        ours: Whether the folder is kept by this program alone and was just checked against known checksums.
    """

    folder: Path
    exact: str
    ours: bool = False


def find(name: str, workspace: str | Path | None = None) -> Found:
    """The folder that a name stands for.

    Args:
        name: `embedded/minilm`, `embedded/smollm2`, a folder with a model, the folder of a run, `run:<id>`,
            `run:latest` (the newest run that has a model), or a hub id `owner/name`, optionally `@revision`.
        workspace: The folder that has `runs/`; by default that of `RATIONALE_EVAL_WORKSPACE`, else `./workspace`.

    Raises:
        UsageError: If the name leads nowhere.
        RationaleEvalError: If the model cannot be made ready or fetched.
    """
    if name == embedded.MINILM:
        return Found(embedded.minilm(), name, ours=True)
    if name == embedded.SMOLLM2:
        return Found(embedded.convert_smollm2(), name, ours=True)
    if name.startswith("embedded/"):
        raise UsageError(f"there is no embedded model '{name}'; there are {embedded.MINILM} and {embedded.SMOLLM2}")
    if name.startswith(NEW):
        raise UsageError(
            f"'{name}' names a model that a training makes from its own texts; only `rationale-eval train` starts from "
            f"one, and there is {NEW_T5}"
        )
    if name.startswith("run:"):
        place = Path(workspace or os.environ.get("RATIONALE_EVAL_WORKSPACE") or "workspace")
        folder = _run(name.removeprefix("run:"), place)
        return Found(folder, f"run:{folder.parent.name}")
    path = Path(name)
    if path.is_dir():
        inner = path / "model"
        return Found(inner if inner.is_dir() and not (path / "config.json").exists() else path, name)
    if path.exists():
        raise InputError("this is a file; name the folder that holds config.json and model.safetensors", file=name)
    hub = _HUB_ID.fullmatch(name)
    if hub is None:
        raise UsageError(f"there is no model '{name}': no such folder, and not a name like owner/model")
    return fetch(hub["id"], hub["revision"])


def is_hub_id(name: str) -> bool:
    """Whether a name has the form of a hub repository and leads to nothing here."""
    return _HUB_ID.fullmatch(name) is not None and not Path(name).exists()


def inside(path: Path, roots: Iterable[Path]) -> bool:
    """Whether a path lies under one of the roots once all links are followed; compared part by part."""
    real = path.resolve()
    return any(real.is_relative_to(root.resolve()) for root in roots)


def _run(run: str, workspace: Path) -> Path:
    if not _RUN_ID.fullmatch(run):
        raise UsageError(f"'{run}' is not the id of a run; give the plain name of a folder in {workspace / 'runs'}")
    if run == "latest":
        # Ids begin with the time, so the last in order is the newest.
        made = sorted(path for path in (workspace / "runs").glob("*/model") if path.is_dir())
        if not made:
            raise UsageError(f"no run in {workspace} has a model yet; train one with `rationale-eval train fine_tune`")
        return made[-1]
    folder = workspace / "runs" / run / "model"
    if not folder.is_dir():
        raise UsageError(f"the run '{run}' in {workspace} has no model; name a finished training run")
    return folder


def fetch(repository: str, revision: str | None = None) -> Found:
    """Downloads the allowed files of one commit of a hub repository, without any token.

    A commit that was fetched before is not asked for again.

    Args:
        repository: `owner/name`.
        revision: A commit, branch or tag; None is the main branch as it is now.

    Raises:
        RationaleEvalError: If the repository cannot be reached or is not public.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    hub = HfApi(token=False)
    try:
        commit = revision if revision and _COMMIT.fullmatch(revision) else _resolve(hub, repository, revision)
        exact = f"{repository}@{commit}"
        target = embedded.embedded_home() / "models" / "hub" / repository.replace("/", "--") / commit
        if durable.damage(target) is not None:
            shutil.rmtree(target, ignore_errors=True)
            durable.write_folder(target, lambda folder: _download(hub, repository, commit, folder))
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise RationaleEvalError(
            f"the model '{repository}' could not be fetched ({type(error).__name__}); check the name and the network, "
            "or give a local folder"
        ) from error
    return Found(target, exact, ours=True)


def _resolve(hub: Any, repository: str, revision: str | None) -> str:
    commit = hub.model_info(repository, revision=revision, token=False).sha
    if not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
        raise ValueError("the hub named no commit")
    return commit


def _download(hub: Any, repository: str, commit: str, folder: Path) -> None:
    for name in hub.list_repo_files(repository, revision=commit, token=False):
        if allowed(name):
            hub.hf_hub_download(repository, name, revision=commit, local_dir=folder, token=False)
    shutil.rmtree(folder / ".cache", ignore_errors=True)  # the client's own bookkeeping
