"""The warm process: in turn, in time, within its memory, and there again after every death."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from rationale_eval.desk.warm import client
from rationale_eval.desk.warm.client import NoAnswer, Warm
from rationale_eval.desk.warm.turns import Turns
from rationale_eval.errors import InputError, RationaleEvalError, UsageError
from tests.helpers.dashboard import ROOT

VERBS = "tests.helpers.warm_verbs"
MB = 1 << 20


@pytest.fixture
def warm(tmp_path: Path) -> Iterator[Warm]:
    found = Warm(tmp_path, module=VERBS)
    yield found
    found.close()


def until(holds: Callable[[], bool], seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        threading.Event().wait(0.01)
    return True


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_it_answers_and_its_errors_keep_their_kind(warm: Warm) -> None:
    assert not warm.ready
    assert warm.call("echo", value={"a": [1, None, "\ud800 é"]}) == {"a": [1, None, "\ud800 é"]}
    assert warm.ready
    pid = warm.pid
    for kind, error in (("usage", UsageError), ("input", InputError), ("other", RationaleEvalError)):
        with pytest.raises(error):
            warm.call("refuse", kind=kind)
    with pytest.raises(RationaleEvalError, match=r"TypeError.*warm\.log"):
        warm.call("chatter")
    with pytest.raises(RationaleEvalError, match="KeyError"):
        warm.call("no such verb")
    assert warm.call("echo", value=1) == 1
    assert warm.pid == pid, "no error may cost the process"
    assert "ZeroDivisionError" in (warm.workspace / client.LOG).read_text()
    assert "hello" in (warm.workspace / client.LOG).read_text()


def test_a_question_that_takes_too_long_ends_and_its_late_answer_is_nobodys(warm: Warm) -> None:
    warm.call("echo")
    pid = warm.pid
    assert pid is not None
    with pytest.raises(NoAnswer, match="no answer within 0 seconds"):
        warm.call("sleep", seconds=30, value="late", timeout=0.2)
    assert gone(pid)
    assert not warm.ready
    assert warm.call("echo", value="new") == "new"


def test_a_process_that_hears_nothing_is_given_up_even_while_it_is_being_told(warm: Warm) -> None:
    with pytest.raises(NoAnswer):
        warm.call("deaf", timeout=3)
    warm.call("echo")
    assert warm.pid is not None
    os.kill(warm.pid, signal.SIGSTOP)
    start = time.monotonic()
    with pytest.raises(NoAnswer):
        warm.call("echo", value="x" * MB, timeout=0.5)  # longer than a pipe holds
    assert time.monotonic() - start < 10
    assert warm.call("echo", value="x" * MB) == "x" * MB


def test_death_costs_one_question(warm: Warm) -> None:
    with pytest.raises(NoAnswer, match="ended"):
        warm.call("die")
    assert warm.call("echo", value=1) == 1
    assert warm.pid is not None
    os.kill(warm.pid, signal.SIGKILL)  # between two questions: costs none
    assert until(lambda: warm.pid is None)
    assert warm.call("echo", value=2) == 2


def test_the_kernel_refuses_more_memory_than_it_may_have(tmp_path: Path) -> None:
    warm = Warm(tmp_path, module=VERBS, memory=400 * MB)
    try:
        warm.call("echo")
        pid = warm.pid
        with pytest.raises(RationaleEvalError, match="not enough memory"):
            warm.call("eat", size=900 * MB)
        assert warm.call("echo", value=1) == 1
        assert warm.pid == pid
        # What fits for a moment and is then held on to costs the process after its answer.
        assert warm.call("eat", size=450 * MB) == 450 * MB
        assert warm.pid is None
        assert warm.call("echo", value=2) == 2
    finally:
        warm.close()


def test_where_the_kernel_does_not_refuse_the_asker_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warm = Warm(tmp_path, module=VERBS, memory=1 << 40)
    try:
        warm.call("eat", size=200 * MB)
        warm.memory = 100 * MB
        pid = warm.pid
        assert pid is not None
        with pytest.raises(NoAnswer, match="more memory"):
            warm.call("sleep", seconds=30)
        assert gone(pid)
    finally:
        warm.close()


def test_an_answer_has_a_greatest_length(warm: Warm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ANSWER_BYTES", MB)
    with pytest.raises(NoAnswer):
        warm.call("much", size=2 * MB)
    assert warm.call("echo", value=1) == 1


def test_a_process_that_cannot_start_is_said(warm: Warm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client.sys, "executable", "/nowhere/python")
    with pytest.raises(NoAnswer, match="could not be started"):
        warm.call("echo")
    monkeypatch.undo()
    assert warm.call("echo", value=1) == 1


def test_who_asks_often_keeps_nobody_out(warm: Warm) -> None:
    """One session asks without a pause; another waits for at most the question that is being answered."""
    warm.call("echo")
    end, asked = threading.Event(), [0]

    def hammer() -> None:
        while not end.is_set():
            warm.call("sleep", seconds=0.02)
            asked[0] += 1

    threads = [threading.Thread(target=hammer) for _ in range(2)]
    for each in threads:
        each.start()
    worst = 0
    for value in range(10):
        before = asked[0]
        assert warm.call("echo", value=value) == value
        worst = max(worst, asked[0] - before)
    end.set()
    for each in threads:
        each.join()
    assert worst <= 4


def test_turns_come_in_order_and_a_wait_that_ends_leaves_the_line() -> None:
    turns, order = Turns(), list[int]()
    threads = list[threading.Thread]()

    def take(name: int) -> None:
        with turns.turn(20):
            order.append(name)

    with turns.turn(1):
        for name in range(5):
            threads.append(threading.Thread(target=take, args=(name,)))
            threads[-1].start()
            assert until(lambda name=name: len(turns._waiting) == name + 1)  # type: ignore[misc]
        with pytest.raises(TimeoutError), turns.turn(0.01):
            pass
    for each in threads:
        each.join()
    assert order == [0, 1, 2, 3, 4]
    with turns.turn(0):
        pass


def test_answers_go_to_those_who_asked(warm: Warm) -> None:
    found: dict[int, object] = {}

    def ask(number: int) -> None:
        found[number] = warm.call("echo", value=number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == {number: number for number in range(20)}


def test_it_begins_once_and_ends_at_once(tmp_path: Path) -> None:
    warm = Warm(tmp_path, module=VERBS)
    warm.begin()
    warm.begin()
    assert until(lambda: warm.ready, 60)
    told = list[str]()

    def ask() -> None:
        try:
            warm.call("sleep", seconds=60)
        except NoAnswer as error:
            told.append(str(error))

    # It is ready before the one who had it begin has let go of the turn.
    assert until(lambda: not warm._turns._taken)
    waiting = threading.Thread(target=ask)
    waiting.start()
    assert until(lambda: warm._turns._taken)
    pid = warm.pid
    assert pid is not None
    start = time.monotonic()
    warm.close()
    waiting.join()
    assert gone(pid)
    assert len(told) == 1
    assert time.monotonic() - start < 5
    with pytest.raises(NoAnswer, match="being closed"):
        warm.call("echo")
    assert warm.pid is None


def test_it_begins_later_if_nobody_asks_and_not_after_its_end(tmp_path: Path) -> None:
    warm = Warm(tmp_path, module=VERBS)
    warm.begin(0.3)
    assert warm.pid is None
    assert until(lambda: warm.ready, 60)
    warm.close()
    other = Warm(tmp_path, module=VERBS)
    other.begin(0.3)
    other.close()
    threading.Event().wait(1.0)
    assert other.pid is None


def test_who_needs_it_now_waits_for_no_later_beginning(warm: Warm) -> None:
    warm.begin(3600)
    assert warm.pid is None
    warm.begin()
    assert until(lambda: warm.ready, 60)


def test_one_that_died_begins_again(warm: Warm) -> None:
    warm.begin()
    assert until(lambda: warm.ready, 60)
    pid = warm.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert until(lambda: not warm.ready)
    assert until(lambda: warm.begin() or warm.ready, 60)  # type: ignore[func-returns-value]
    assert warm.pid != pid


def test_a_failed_beginning_is_told_and_not_tried_at_every_look(warm: Warm, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = list[str]()

    def fails(verb: str) -> None:
        tried.append(verb)
        raise NoAnswer("no memory is left.")

    monkeypatch.setattr(warm, "call", fails)
    warm.begin()
    assert until(lambda: warm.trouble is not None)
    for _ in range(5):
        warm.begin()
    assert (tried, warm.trouble) == (["hello"], "no memory is left.")
    monkeypatch.undo()
    monkeypatch.setattr(client, "AGAIN", 0.0)
    warm.begin()
    assert until(lambda: warm.ready, 60)
    assert warm.trouble is None


def test_it_ends_when_its_dashboard_is_killed_even_at_work(tmp_path: Path) -> None:
    script = f"""
        import os, threading, time
        from pathlib import Path
        from rationale_eval.desk.warm.client import Warm
        warm = Warm(Path({str(tmp_path)!r}), module={VERBS!r})
        warm.call("echo")
        threading.Thread(target=lambda: warm.call("sleep", seconds=600), daemon=True).start()
        print(warm.pid, flush=True)
        time.sleep(600)
    """
    asker = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=ROOT,
    )
    assert asker.stdout is not None
    pid = int(asker.stdout.readline())
    assert not gone(pid)
    asker.kill()
    asker.wait()
    assert until(lambda: gone(pid), 10)
