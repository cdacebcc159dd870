"""Importing the package, the rooms without models and the command line stays quick and needs no torch."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

HEAVY = ("torch", "transformers", "captum", "streamlit")
LIGHT_ROOMS = (
    "rationale_eval",
    "rationale_eval.data",
    "rationale_eval.data.load",
    "rationale_eval.metrics",
    "rationale_eval.workspace.runs",
    "rationale_eval.verbs.jobs",
    "rationale_eval.verbs.run_list",
    "rationale_eval.verbs.watch",
    "rationale_eval.verbs.work",
    "rationale_eval.cli",
)


def in_fresh_python(code: str) -> str:
    """What a new interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_no_light_room_brings_torch_along() -> None:
    code = (
        "import sys, importlib\n"
        f"for room in {LIGHT_ROOMS}:\n"
        "    importlib.import_module(room)\n"
        f"    print([(room, name) for name in {HEAVY} if name in sys.modules])"
    )
    assert set(in_fresh_python(code).splitlines()) == {"[]"}


def test_what_one_method_needs_is_not_read_at_every_start() -> None:
    """Each of these takes a second, and every run and every worker is a process of its own."""
    code = (
        "import sys, rationale_eval.desk.warm.probe, rationale_eval.desk.warm.facts, rationale_eval.metrics.all\n"
        "from rationale_eval.workspace.runs import Workspace\n"
        "rationale_eval.desk.warm.facts.facts(Workspace('.'))\n"
        "print([name for name in ('sklearn', 'captum', 'matplotlib', 'statsmodels', 'scipy.stats') "
        "if name in sys.modules])"
    )
    assert in_fresh_python(code) == "[]"


def test_nothing_that_the_dashboards_server_imports_brings_torch_along() -> None:
    """Its pages answer at once and stay small because models live in another process (`desk/warm`)."""
    code = (
        "import sys, pkgutil, importlib, rationale_eval.ui, rationale_eval.desk\n"
        "for room in (rationale_eval.ui, rationale_eval.desk):\n"
        "    for found in pkgutil.iter_modules(room.__path__, room.__name__ + '.'):\n"
        "        importlib.import_module(found.name)\n"
        "print([name for name in ('torch', 'transformers', 'captum') if name in sys.modules])"
    )
    assert in_fresh_python(code) == "[]"


def test_every_command_file_is_light() -> None:
    code = "import sys; from rationale_eval.cli import make_app; make_app()"
    assert in_fresh_python(f"{code}; print([name for name in {HEAVY} if name in sys.modules])") == "[]"


def test_package_imports_in_less_than_300_ms() -> None:
    # Processor time, best of three: another process on the machine must not fail the test.
    code = "import time; t = time.process_time(); import rationale_eval; print(time.process_time() - t)"
    assert min(float(in_fresh_python(code)) for _ in range(3)) < 0.3


def test_help_takes_less_than_a_second() -> None:
    def seconds() -> float:
        before, start = os.times(), time.perf_counter()
        subprocess.run([sys.executable, "-m", "rationale_eval.cli", "--help"], capture_output=True, check=True)
        after = os.times()
        busy = after.children_user + after.children_system - before.children_user - before.children_system
        return min(busy, time.perf_counter() - start)

    assert min(seconds() for _ in range(3)) < 1.0


def test_public_verbs_are_found_when_first_used() -> None:
    code = (
        "import rationale_eval as rx; "
        "verbs = ('load_dataset', 'load_model', 'extract', 'evaluate', 'compare', 'train', 'resume', 'submit'); "
        "print(all(callable(getattr(rx, verb)) and verb in dir(rx) for verb in verbs))"
    )
    assert in_fresh_python(code) == "True"


def test_unknown_attribute_is_an_attribute_error() -> None:
    import rationale_eval

    with pytest.raises(AttributeError, match="has no attribute 'judge'"):
        _ = rationale_eval.judge
