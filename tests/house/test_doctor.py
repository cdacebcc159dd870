"""Doctor: one line a thing, a way to mend what is broken, and nothing private."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from rationale_eval import cli
from rationale_eval.verbs import doctor as doctor_verb
from rationale_eval.verbs.doctor import Check, check_sqlite, check_workspace, package


def states(checks: list[Check]) -> dict[str, str]:
    """The state of every check by its name."""
    return {check.name: check.state for check in checks}


def test_missing_and_old_packages_say_how_to_mend() -> None:
    absent = package(Requirement("no-such-package-anywhere>=1"))
    old = package(Requirement("numpy>=999"))
    assert (absent.state, old.state) == ("missing", "missing")
    assert 'pip install "numpy>=999"' in old.mend
    assert package(Requirement("numpy>=1")).state == "ok"


def test_workspace_open_to_others_is_a_warning_with_its_cure(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    first = check_workspace(tmp_path)[0]
    assert (first.state, first.mend) == ("warn", f"run `chmod 700 {tmp_path}`")
    tmp_path.chmod(0o700)
    assert check_workspace(tmp_path)[0].state == "ok"


def test_workspace_is_not_made_by_looking(tmp_path: Path) -> None:
    checks = check_workspace(tmp_path / "a" / "b")
    assert checks[0].state == "ok"
    assert list(tmp_path.iterdir()) == []


def test_workspace_that_is_a_file_is_missing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert check_workspace(tmp_path / "file")[0].state == "missing"


def test_network_file_system_and_full_disk_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import psutil

    mount = psutil.disk_partitions(all=True)[0]._replace(mountpoint=str(tmp_path), fstype="nfs4")
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: [mount])
    usage = doctor_verb.shutil.disk_usage(tmp_path)._replace(free=50_000_000)
    monkeypatch.setattr(doctor_verb.shutil, "disk_usage", lambda folder: usage)
    found = states(check_workspace(tmp_path))
    assert (found["file system"], found["disk"]) == ("warn", "missing")


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((3, 40, 1), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
    ],
)
def test_sqlite_write_ahead_log_ranges(monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...], safe: bool) -> None:
    monkeypatch.setattr(doctor_verb.sqlite3, "sqlite_version_info", version)
    assert ("write-ahead log safe" in check_sqlite()[0].found) == safe


def test_a_check_that_breaks_is_reported_not_raised(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys) -> None:
    def check_cuda() -> list[Check]:
        raise RuntimeError("driver mismatch")

    monkeypatch.setattr(doctor_verb, "check_cuda", check_cuda)
    assert cli.run(["doctor", "--json", "--workspace", str(tmp_path)]) == 1
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["cuda"]["state"] == "missing"
    assert "driver mismatch" in checks["cuda"]["found"]


def test_report_holds_no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret_value")
    cli.run(["doctor", "--json", "--workspace", str(tmp_path)])
    shown = capsys.readouterr()
    report = json.loads(shown.out)
    assert {"Python", "packages", "processor", "matrix products", "workspace", "SQLite"} <= {
        check["name"] for check in report["checks"]
    }
    assert "hf_secret_value" not in shown.out + shown.err
    assert report["works"] == all(check["state"] != "missing" for check in report["checks"])
