"""What works on this machine, and how to mend the rest.

Nothing here reads the environment beyond the workspace's path, so that a report can be pasted anywhere.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

from rationale_eval.workspace.filesystem import NETWORK

State = Literal["ok", "warn", "missing"]

OLDEST_PYTHON = (3, 11)
LITTLE_DISK_GB, TOO_LITTLE_DISK_GB = 2.0, 0.1
LITTLE_MEMORY_GB = 4.0
FAST_FLAGS = ("avx2", "avx512_f", "avx512_bf16", "amx_bf16", "amx_int8")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Args:
        name: What was looked at.
        state: "ok"; "warn" when something works less well or a part that not everyone needs is absent; "missing" when
            something needed is absent or broken.
        found: What is there.
        mend: How to mend it; empty when there is nothing to mend.
    """

    name: str
    state: State
    found: str
    mend: str = ""


def doctor(workspace: Path) -> list[Check]:
    """Looks at everything the program relies on.

    Args:
        workspace: The folder whose state is checked. It is not made if it is not there.

    Returns:
        One `Check` a thing; the program works when none is "missing".
    """
    rooms: tuple[Callable[[], list[Check]], ...] = (
        check_python,
        check_packages,
        check_processor,
        check_matrix_products,
        check_cuda,
        check_embedded_models,
        lambda: check_workspace(workspace),
        check_sqlite,
        check_chromium,
    )
    return [check for room in rooms for check in _guarded(room)]


def _guarded(room: Callable[[], list[Check]]) -> list[Check]:
    try:
        return room()
    except Exception as error:  # noqa: BLE001 - a broken part is what this verb is there to report
        name = getattr(room, "__name__", "check").removeprefix("check_").replace("_", " ")
        return [
            Check(name, "missing", f"could not be checked: {type(error).__name__}: {error}"[:300], "run `make setup`")
        ]


def check_python() -> list[Check]:
    """The interpreter's version."""
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        return [Check("Python", "missing", found, "install Python 3.11 or newer, then run `make setup`")]
    return [Check("Python", "ok", found)]


def check_packages() -> list[Check]:
    """Installed packages against the lower bounds that the package declares."""
    try:
        needed = [Requirement(line) for line in metadata.requires("rationale_eval") or []]
    except metadata.PackageNotFoundError:
        return [Check("rationale_eval", "missing", "not installed as a package", "run `make setup`")]
    checks = [package(need) for need in needed if need.marker is None or need.marker.evaluate({"extra": ""})]
    good = [check for check in checks if check.state == "ok"]
    bad = [check for check in checks if check.state != "ok"]
    shown = ", ".join(check.found for check in good if check.name in ("torch", "transformers", "captum", "pyarrow"))
    return [Check("packages", "ok", f"{len(good)} of {len(checks)} as needed ({shown})"), *bad]


def package(need: Requirement) -> Check:
    """One installed package against its bounds."""
    try:
        version = metadata.version(need.name)
    except metadata.PackageNotFoundError:
        return Check(need.name, "missing", "not installed", f'run `make setup`, or `pip install "{need}"`')
    if not need.specifier.contains(version, prereleases=True):
        return Check(need.name, "missing", f"{need.name} {version}", f'run `make setup`, or `pip install "{need}"`')
    return Check(need.name, "ok", f"{need.name} {version}")


def check_processor() -> list[Check]:
    """Cores, the instructions that make matrix products quick, and memory."""
    import psutil
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    has = torch.cpu.get_capabilities()
    flags = [flag for flag in FAST_FLAGS if has.get(flag)] or ["none of " + ", ".join(FAST_FLAGS)]
    memory = psutil.virtual_memory()
    free, total = memory.available / 1e9, memory.total / 1e9
    little = free < LITTLE_MEMORY_GB
    return [
        Check("processor", "ok", f"{cores} cores, {torch.get_num_threads()} threads used by torch; {', '.join(flags)}"),
        Check(
            "memory",
            "warn" if little else "ok",
            f"{free:.1f} of {total:.1f} GB free",
            "close other programs, or keep to embedded/minilm and small batches" if little else "",
        ),
    ]


def check_matrix_products() -> list[Check]:
    """Which matrix products are quick here, and whether the quick ones are still exact."""
    import torch

    from rationale_eval.engine.precision import medium_is_exact

    native = torch.cpu.get_capabilities()
    bf16 = "in hardware" if native.get("avx512_bf16") or native.get("amx_bf16") else "emulated, no quicker than fp32"
    exact = "exact, used" if medium_is_exact() else "not exact on this processor, not used"
    return [Check("matrix products", "ok", f"quick fp32 kernels: {exact}; bf16: {bf16}")]


def check_cuda() -> list[Check]:
    """CUDA devices. None is fine: everything runs on the processor."""
    import torch

    if not torch.cuda.is_available():
        built = torch.version.cuda
        found = "none" + ("" if built else " (this torch is a build for processors only)")
        return [Check("CUDA devices", "ok", found)]
    devices = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    names = [f"{device.name} ({device.total_memory / 2**30:.0f} GiB)" for device in devices]
    return [Check("CUDA devices", "ok", ", ".join(names))]


def check_embedded_models() -> list[Check]:
    """The two models that need no network, with the checksums of their files."""
    from rationale_eval.models.embedded import embedded_status

    return [
        Check(model.name, "ok", f"ready, checksums right, in {model.where}")
        if model.ready
        else Check(model.name, "missing", "not ready", model.advice)
        for model in embedded_status()
    ]


def check_workspace(folder: Path) -> list[Check]:
    """Whether the workspace can be written, is private, has room and lies on a file system that keeps its word."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    made = "" if folder.exists() else " (not made yet; the first run makes it)"
    if not there.is_dir() or not _writable(there):
        mend = "name another folder with --workspace, or mend its permissions"
        return [Check("workspace", "missing", f"{there} cannot be written to", mend)]
    checks = [Check("workspace", "ok", f"{folder}{made}")]
    if folder.exists() and folder.stat().st_mode & 0o077:
        mode = oct(folder.stat().st_mode & 0o777)[2:]
        checks = [Check("workspace", "warn", f"{folder} is open to other users ({mode})", f"run `chmod 700 {folder}`")]
    return [*checks, _disk(there), _file_system(there)]


def _writable(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free / 1e9
    state: State = "missing" if free < TOO_LITTLE_DISK_GB else "warn" if free < LITTLE_DISK_GB else "ok"
    return Check("disk", state, f"{free:.1f} GB free", "" if state == "ok" else "make room, or move the workspace")


def _file_system(folder: Path) -> Check:
    import psutil

    mounts = [
        mount for mount in psutil.disk_partitions(all=True) if folder.resolve().is_relative_to(Path(mount.mountpoint))
    ]
    kind = max(mounts, key=lambda mount: len(mount.mountpoint)).fstype if mounts else "unknown"
    if kind in NETWORK:
        return Check(
            "file system", "warn", f"{kind}, over a network", "put the workspace on a local disk: locks may fail"
        )
    return Check("file system", "ok", kind)


def check_sqlite() -> list[Check]:
    """The SQLite library: whether its write-ahead log is free of the known corruption bug."""
    version = sqlite3.sqlite_version_info
    safe = version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)
    note = (
        "write-ahead log safe"
        if safe
        else "write-ahead log has a known bug here, so the rollback journal is the choice"
    )
    return [Check("SQLite", "ok", f"{sqlite3.sqlite_version} ({note})")]


def check_chromium() -> list[Check]:
    """A browser, which nothing but pictures of charts and tests of pages needs."""
    found = next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)
    if found is None:
        return [Check("Chromium", "warn", "not found", "install it only if you want charts exported as pictures")]
    return [Check("Chromium", "ok", Path(found).name)]
