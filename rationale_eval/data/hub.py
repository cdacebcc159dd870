"""Public Parquet copies on a model hub: resolved to one commit, listed, downloaded without any token.

Only `*.parquet` files are fetched; nothing that a repository says about itself is run or followed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, TypeVar

from rationale_eval.data.catalogue import CATALOGUE, Entry
from rationale_eval.data.folder import split_name
from rationale_eval.errors import RationaleEvalError, UsageError

CONVERTED: Final = "refs/convert/parquet"
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_USUAL_CONFIGS: Final = ("default", "main", "plain_text")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HubCopy:
    """One repository at one commit.

    Args:
        repository: "owner/name".
        commit: 40 hexadecimal digits.
        splits: Split name to file names inside the repository.
        entry: The catalogue entry it is a copy of, or None.
    """

    repository: str
    commit: str
    splits: Mapping[str, tuple[str, ...]]
    entry: Entry | None

    def files(self, split: str) -> tuple[Path, ...]:
        """Downloads the files of a split (or finds them in the local cache)."""
        from huggingface_hub import hf_hub_download

        def fetch(name: str) -> Path:
            found = hf_hub_download(self.repository, name, repo_type="dataset", revision=self.commit, token=False)
            return Path(found)

        return tuple(_asked(self.repository, lambda name=name: fetch(name)) for name in self.splits[split])  # type: ignore[misc]


def hub_splits(name: str) -> HubCopy:
    """Finds the Parquet files of a named set or of "owner/repository[/config][@commit]".

    Raises:
        UsageError: For a name that is no repository, or a repository with several configurations.
        RationaleEvalError: When the hub cannot be reached.
    """
    entry = CATALOGUE[name] if "/" not in name else next((e for e in CATALOGUE.values() if e.hub == name), None)
    if entry is not None and not entry.hub:
        raise UsageError(f"no public copy of '{name}' is known; name its folder")
    path, _, revision = (entry.hub if entry and entry.hub else name).partition("@")
    owner, _, rest = path.partition("/")
    short, _, config = rest.partition("/")
    repository = f"{owner}/{short}"
    commit, files = _list(repository, revision or None)
    return HubCopy(repository, commit, _of_config(files, config, repository), entry)


def _asked(repository: str, ask: Callable[[], T]) -> T:
    from huggingface_hub.errors import HfHubHTTPError

    # Its bases hold the errors of whichever HTTP library the hub's client is built on.
    bases = [base for base in HfHubHTTPError.__bases__ if issubclass(base, Exception)]
    troubles: tuple[type[Exception], ...] = (OSError, ValueError, *bases)
    try:
        return ask()
    except troubles as error:
        kind = type(error).__name__
        raise RationaleEvalError(
            f"the hub copy '{repository}' cannot be had ({kind}); check the name and the network, or use a local folder"
        ) from error


def _list(repository: str, revision: str | None) -> tuple[str, list[str]]:
    """The commit and the Parquet files of a repository; its converted form where the hub has made one."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RevisionNotFoundError

    api = HfApi(token=False)

    def look(at: str | None) -> tuple[str, list[str]]:
        info = api.dataset_info(repository, revision=at)
        if not info.sha or not _COMMIT.fullmatch(info.sha):
            raise ValueError("no commit")
        files = api.list_repo_files(repository, repo_type="dataset", revision=info.sha)
        return info.sha, sorted(name for name in files if name.endswith(".parquet"))

    def search() -> tuple[str, list[str]]:
        if revision is not None:
            return look(revision)
        try:
            return look(CONVERTED)
        except RevisionNotFoundError:
            return look(None)

    commit, files = _asked(repository, search)
    if not files:
        raise UsageError(f"the hub repository '{repository}' holds no Parquet files; download it and name its folder")
    return commit, files


def _of_config(files: list[str], wanted: str, repository: str) -> dict[str, tuple[str, ...]]:
    """Split name to files, for one configuration of a repository."""
    configs: dict[str, dict[str, list[str]]] = {}
    for name in files:
        path = PurePosixPath(name)
        # Converted copies are config/split/0000.parquet, others config/split-00000-of-00001.parquet or data/split-...
        numbered = path.stem.isdigit()
        split = path.parent.name if numbered else split_name(path.stem)
        config = path.parent.parent.name if numbered else path.parent.name
        configs.setdefault(config, {}).setdefault(split_name(split), []).append(name)
    chosen = wanted or next((name for name in _USUAL_CONFIGS if name in configs), "")
    if not wanted and len(configs) == 1:
        chosen = next(iter(configs))
    if chosen not in configs:
        raise UsageError(f"hub:{repository} has the configurations {', '.join(configs)}; write hub:{repository}/NAME")
    return {split: tuple(names) for split, names in configs[chosen].items()}
