"""The set-up script: what it refuses, and when it has nothing to do."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module whose checkout is an empty folder."""
    spec = importlib.util.spec_from_file_location("setup_script", ROOT / "scripts" / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "FOLDER", tmp_path / ".venv")
    monkeypatch.setattr(module, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(module, "STAMP", tmp_path / ".venv" / "set-up")
    return module


def test_old_python_is_one_sentence(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    version = namedtuple("version", "major minor micro releaselevel serial")(3, 9, 18, "final", 0)
    monkeypatch.setattr(script.sys, "version_info", version)
    with pytest.raises(script.Trouble, match=r"3\.11 or newer is needed and this is 3\.9\.18"):
        script.check_machine()


def test_full_disk_is_one_sentence(script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    usage = shutil.disk_usage(ROOT)._replace(free=1_500_000_000)
    monkeypatch.setattr(script.shutil, "disk_usage", lambda path: usage)
    assert script.main() == 1
    assert capsys.readouterr().err == (
        "set-up: the installation needs about 4 GB of disk and 1.5 GB are left; make room first.\n"
    )


def test_missing_venv_module_is_one_sentence(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(script.Trouble, match="apt install python"):
        script.check_machine()


def test_second_run_does_nothing_and_a_changed_pin_undoes_that(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pins = tmp_path / "requirements.txt"
    pins.write_text("numpy==1\n")
    monkeypatch.setattr(script, "INPUTS", (pins,))
    done: list[str] = []
    monkeypatch.setattr(script, "run", lambda *arguments, failed: done.append(failed))
    monkeypatch.setattr(script, "check_machine", lambda: None)
    script.PYTHON.parent.mkdir(parents=True)
    script.PYTHON.touch()
    assert script.main() == 0
    steps = len(done)
    assert steps >= 4
    assert script.main() == 0
    assert len(done) == steps
    pins.write_text("numpy==2\n")
    assert script.main() == 0
    assert len(done) > steps


def test_interrupted_install_is_not_finished(script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    def interrupt(*arguments: object, failed: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(script, "run", interrupt)
    monkeypatch.setattr(script, "check_machine", lambda: None)
    script.STAMP.parent.mkdir(parents=True)
    script.STAMP.write_text("of an earlier set of pins")
    assert script.main() == 130
    assert not script.finished()
    assert "run `make setup` again" in capsys.readouterr().err


def test_finder_names_a_python_or_says_what_to_do(tmp_path: Path) -> None:
    finder = ROOT / "scripts" / "find-python"
    found = subprocess.run([finder], capture_output=True, text=True, check=True).stdout.strip()
    assert Path(found).exists()
    nothing = subprocess.run(["/bin/sh", finder], capture_output=True, text=True, env={"PATH": str(tmp_path)})
    assert nothing.returncode == 1
    assert nothing.stdout == ""
    assert "Python 3.11 or newer was not found" in nothing.stderr
