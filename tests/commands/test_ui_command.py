"""`rationale-eval ui`: private by default, shared only with a login, and the same settings everywhere."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from rationale_eval.cli import run
from rationale_eval.desk import settings
from rationale_eval.desk.access import READ_ONLY, ROOTS, Access
from rationale_eval.desk.warm.client import Warm
from rationale_eval.ui import page
from rationale_eval.workspace.launch import environment

ROOT = Path(__file__).resolve().parents[2]
SECRETS = """
[auth]
redirect_uri = "https://eval.example.org/oauth2callback"
cookie_secret = "0123456789abcdef0123456789abcdef"
client_id = "x"
client_secret = "y"
server_metadata_url = "https://login.example.org/.well-known/openid-configuration"
[access]
emails = ["boss@example.org"]
"""


class Started(Exception):
    """In place of the server."""


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the server would have been started with."""
    found: dict[str, Any] = {}

    def instead(program: str, words: list[str]) -> None:
        mask = os.umask(0o022)
        found.update(words=words, umask=mask, shared=os.environ.get(settings.SHARED), roots=os.environ.get(ROOTS))
        found.update(read_only=os.environ.get(READ_ONLY), preload=os.environ.get(settings.PRELOAD))
        raise Started

    monkeypatch.setattr(os, "execv", instead)
    monkeypatch.setenv("RATIONALE_EVAL_WORKSPACE", str(tmp_path / "workspace"))
    for name in (settings.SHARED, settings.PRELOAD, ROOTS, READ_ONLY):
        monkeypatch.setenv(name, "left over")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rationale_eval.commands.ui._login", lambda folder: login(tmp_path))
    return found


def login(folder: Path) -> bool:
    path = folder / ".streamlit" / "secrets.toml"
    found = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return settings.is_login(found.get("auth"), found.get("access"))


def options(words: list[str]) -> dict[str, list[str]]:
    """Streamlit's options on a command line."""
    found: dict[str, list[str]] = {}
    for name, value in zip(words[5::2], words[6::2], strict=True):
        found.setdefault(name.removeprefix("--"), []).append(value)
    return found


def begun(words: list[str]) -> None:
    with pytest.raises(Started):
        from rationale_eval.cli import make_app

        make_app()(words, standalone_mode=False)


def test_it_listens_on_this_machine_and_keeps_what_it_writes_private(started: dict[str, Any], tmp_path: Path) -> None:
    begun(["ui", "--port", "9123"])
    asked = options(started["words"])
    assert (asked["server.address"], asked["server.allowedHosts"]) == (["127.0.0.1"], ["localhost", "127.0.0.1"])
    assert asked["server.port"] == ["9123"] and asked["server.enableXsrfProtection"] == ["true"]
    assert asked["client.showErrorDetails"] == ["none"] and asked["server.maxUploadSize"] == ["50"]
    assert started["umask"] == 0o077 and not started["shared"] and not started["read_only"] and started["roots"] == ""
    assert stat.S_IMODE((tmp_path / "workspace").stat().st_mode) == 0o700
    assert started["words"][1:3] == ["-m", "rationale_eval.ui.server"]


def test_roots_and_read_only_reach_the_pages(started: dict[str, Any], tmp_path: Path) -> None:
    begun(["ui", "--read-only", "--root", str(tmp_path), "--root", "."])
    access = Access.of_environment({READ_ONLY: started["read_only"], ROOTS: started["roots"]})
    assert access == Access(read_only=True, roots=(tmp_path, tmp_path))


@pytest.mark.parametrize(("words", "begins"), [([], [3.0]), (["--preload"], [3.0]), (["--no-preload"], [])])
def test_the_models_are_loaded_early_unless_the_operator_says_otherwise(
    words: list[str], begins: list[float], started: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = list[float]()
    begun(["ui", *words])
    monkeypatch.setenv(settings.PRELOAD, started["preload"])
    monkeypatch.setattr(Warm, "begin", lambda self, after=0.0: found.append(after))
    page._warm.clear()  # type: ignore[attr-defined]
    page._warm(str(tmp_path / "workspace"))
    page._warm.clear()  # type: ignore[attr-defined]
    assert found == begins


@pytest.mark.parametrize(
    ("words", "secrets", "sentence"),
    [
        (["--share"], "", "--share needs a login"),
        (["--share", "--host", "eval.example.org"], "", "--share needs a login"),
        (["--share", "--host", "eval.example.org"], SECRETS.replace("emails", "mails"), "--share needs a login"),
        (["--share"], SECRETS, "--share needs the host names"),
        (["--share", "--host", "*"], SECRETS, "--share needs the host names"),
        (["--share", "--host", "*.example.org"], SECRETS, "--share needs the host names"),
        (["--root", "nowhere"], "", "there is no such folder"),
    ],
)
def test_what_is_not_safe_does_not_start(
    words: list[str], secrets: str, sentence: str, started: dict[str, Any], tmp_path: Path, capsys: Any
) -> None:
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text(secrets)
    assert run(["ui", *words]) == 2
    assert sentence in capsys.readouterr().err and started == {}


def test_sharing_needs_a_login_and_names_of_hosts(started: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text(SECRETS)
    begun(["ui", "--share", "--host", "eval.example.org"])
    asked = options(started["words"])
    assert asked["server.address"] == ["0.0.0.0"] and started["shared"] == "1"
    assert asked["server.allowedHosts"] == ["localhost", "127.0.0.1", "eval.example.org"]


def test_the_settings_are_those_of_the_configuration_file() -> None:
    told = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    told.pop("theme")
    flat = {f"{section}.{name}": value for section, values in told.items() for name, value in values.items()}
    assert flat == {name: list(v) if isinstance(v, tuple) else v for name, v in settings.SETTINGS.items()}


def test_the_safe_settings_have_no_problems_and_streamlit_knows_them_all() -> None:
    from streamlit import config

    assert settings.problems(settings.SETTINGS, login=False) == []
    for name in settings.SETTINGS:
        assert config.get_option(name) is not None


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("STREAMLIT_SERVER_ADDRESS", "0.0.0.0", "listens on 0.0.0.0"),
        ("STREAMLIT_SERVER_ALLOWED_HOSTS", "*", "must list the host names"),
        ("STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION", "false", "enableXsrfProtection is off"),
        ("STREAMLIT_SERVER_ENABLE_CORS", "false", "enableCORS is off"),
        ("STREAMLIT_CLIENT_SHOW_ERROR_DETAILS", "full", "showErrorDetails must be none"),
    ],
)
def test_variables_that_make_a_server_unsafe_are_seen(variable: str, value: str, sentence: str, tmp_path: Path) -> None:
    """Streamlit reads them when it is started by hand; what `ui` says on its command line wins over them."""
    code = """
import sys
from streamlit import config
from streamlit.web import bootstrap, cli
from rationale_eval.desk.settings import SETTINGS, flags, problems
class Options(dict):
    def get(self, name, otherwise=None):
        return config.get_option(name)
bootstrap.run = lambda *_, **__: print(*problems(Options(), login=False), sep="\\n")
cli.main(["run", "app.py", *(flags(SETTINGS) if sys.argv[1] == "ui" else [])], standalone_mode=False)
"""
    made = os.environ | {"PYTHONPATH": str(ROOT), variable: value}

    def told(how: str) -> str:
        words = [sys.executable, "-c", code, how]
        return subprocess.run(words, cwd=ROOT, env=made, capture_output=True, text=True, check=True).stdout.strip()

    assert sentence in told("by hand") and told("ui") == ""


def test_no_secret_reaches_a_worker_or_the_process_with_the_models() -> None:
    given = {
        "PATH": "/bin",
        "RATIONALE_EVAL_WORKSPACE": "/w",
        "AWS_SECRET_ACCESS_KEY": "a",
        "HF_TOKEN": "b",
        "OPENAI_API_KEY": "c",
        "STREAMLIT_AUTH_COOKIE_SECRET": "d",
        "RATIONALE_EVAL_PASSWORD": "e",
        "DATABASE_URL": "f",
        "SSH_AUTH_SOCK": "g",
    }
    assert set(environment(given)) == {"PATH", "RATIONALE_EVAL_WORKSPACE", "PYTHONPATH", "PYTHONSAFEPATH"}
