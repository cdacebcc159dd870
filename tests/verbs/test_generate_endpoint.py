"""Texts of a language model behind an address, against a server process that misbehaves on command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rationale_eval import points
from rationale_eval.cli import run as command
from rationale_eval.errors import RationaleEvalError, UsageError
from rationale_eval.models import endpoint as endpoints
from rationale_eval.rationales import remote
from rationale_eval.rationales.completion import Completion, read_completions
from rationale_eval.verbs.generate import generate
from rationale_eval.verbs.generate_job import GenerateConfig
from rationale_eval.verbs.generate_run import ABOUT, COMPLETIONS, FOLDER, generate_run
from rationale_eval.verbs.jobs import resume
from rationale_eval.workspace.launch import environment, key_variable
from rationale_eval.workspace.runs import Run, Workspace

DATA = "bundled/commonsense"
KEY = "sk-0123456789abcdef"
SERVER = Path(__file__).parents[1] / "helpers" / "endpoint_server.py"


class Server:
    """A server process and what it was asked."""

    def __init__(self, log: Path, port: int | None = None):
        self.log, self.skipped = log, 0
        log.touch()
        self.process = subprocess.Popen(
            [sys.executable, str(SERVER), str(log), *([] if port is None else [str(port)])],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def asked(self) -> list[dict[str, Any]]:
        """Requests since the last call."""
        lines = self.log.read_text().splitlines()
        fresh, self.skipped = lines[self.skipped :], len(lines)
        return [json.loads(line) for line in fresh]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("server") / "log")
    yield made
    made.kill()


@pytest.fixture
def server(process: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr(remote, "FIRST_WAIT", 0.01)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    process.asked()
    return process


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "w")


def config(server: Server, model: str, request: dict[str, Any] | None = None, **changes: Any) -> GenerateConfig:
    values = {"data": DATA, "split": "test", "limit": 6, "prompt": "zero_shot", "max_tokens": 8}
    # What a server has seen of a prompt outlives a test; a length of its own tells the tests apart.
    return GenerateConfig(
        **{**values, "model": f"endpoint:{model}", "endpoint": server.url, "request": request or {}, **changes}
    )


def texts(run: Run) -> list[Completion]:
    return list(read_completions(run.folder / FOLDER / COMPLETIONS))


def latest(place: Workspace) -> Run:
    run = place.latest("generate")
    assert run is not None
    return run


def prompts(asked: list[dict[str, Any]]) -> Counter[str]:
    return Counter(one["body"].get("prompt") or one["body"]["messages"][0]["content"] for one in asked)


@pytest.mark.parametrize(
    ("style", "path", "nats"),
    [("completions", "/v1/completions", -2.5), ("chat", "/v1/chat/completions", -1.25)],
)
def test_a_text_is_asked_once_and_kept_with_what_the_endpoint_says(
    server: Server, place: Workspace, style: str, path: str, nats: float
) -> None:
    run = generate_run(config(server, f"good+{style}", {"style": style}), workspace=place)
    asked = server.asked()
    assert run.status.state == "finished" and set(prompts(asked).values()) == {1} and len(asked) == 6
    assert {one["path"] for one in asked} == {path} and all("Authorization" not in one["headers"] for one in asked)
    body = asked[0]["body"]
    assert body["max_tokens"] == 8 and body["temperature"] == 0 and "seed" not in body
    assert (body.get("stop"), body["logprobs"]) == ((["\n"], 1) if style == "completions" else (None, True))
    for one in texts(run):
        assert one.text.strip() == "sleep because they are tired" and one.rationale == "they are tired"
        assert (one.finish, one.tokens, one.log_likelihood) == ("stop", 5, nats)
        assert one.answered_by == f"good+{style}" and one.complete
    about = json.loads((run.folder / FOLDER / ABOUT).read_text())
    assert about["endpoint"] == server.url and about["model"] == f"endpoint:good+{style}"


@pytest.mark.parametrize(
    "trouble",
    (
        [
            "500*1",
            "503*2",
            "408*1",
            "html*1",
            "half*1",
            "cut*1",
            "empty*1",
            "shape*1",
            "drop*1",
            "gzip*1",
            "huge*1",
            "hang*1",
            "drip*1",
        ]
    ),
)
def test_what_may_pass_is_tried_again(server: Server, place: Workspace, trouble: str) -> None:
    slow = trouble in ("hang*1", "drip*1")
    request = {"timeout": 0.4 if slow else 10, "concurrency": 6}
    run = generate_run(config(server, f"good+{trouble}", request, limit=3), workspace=place)
    times = 1 + int(trouble[-1])
    assert {one.text for one in texts(run)} == {" sleep because they are tired"} and len(texts(run)) == 3
    assert set(prompts(server.asked()).values()) == {times} and run.status.state == "finished"


def test_an_endpoint_that_asks_to_wait_is_waited_for(server: Server, place: Workspace) -> None:
    generate_run(config(server, "good+429*1+after=1", {"concurrency": 1}, limit=1), workspace=place)
    first, second = (one["time"] for one in server.asked())
    assert 1.0 <= second - first < 10


@pytest.mark.parametrize(
    ("model", "reason", "sentence"),
    [
        ("500", "endpoint", r"answers with status 500 \(no\); tried 3 times"),
        ("html", "endpoint", r"it is a web page \(<html><body>Please log in</body></html>\); tried 3 times"),
        ("shape", "endpoint", "its choice holds no text"),
        ("429+after=999", "endpoint", "asks to wait 999 s"),
        ("429+code=insufficient_quota", "quota", "the quota of this key is used up"),
        ("401", "key", r"wants a key, and there is none in \$OPENAI_API_KEY"),
        ("404", "not found", "--request style=chat asks the other way"),
        ("302+to=http://127.0.0.1:9/v1", "redirect", "sends on to another address, which is not followed"),
        ("400+message=unknown_field_logprobs", "refused", "leave that out with --request log_probs=no"),
        ("good+says=other", "other model", "and answers as 'other'"),
    ],
)
def test_what_will_not_pass_ends_the_run_with_a_sentence(
    server: Server, place: Workspace, model: str, reason: str, sentence: str
) -> None:
    with pytest.raises(RationaleEvalError, match=sentence) as told:
        generate_run(config(server, f"{model}+x", {"retries": 2, "concurrency": 1}), workspace=place)
    run = latest(place)
    assert f"go on with: rationale-eval runs resume {run.id}" in str(told.value)
    assert (run.status.state, run.status.reason, run.status.message) == ("failed", reason, str(told.value))
    assert len(server.asked()) == (3 if "tried" in sentence or "text" in sentence else 1)
    assert texts(run) == [] and not (run.folder / "error.txt").exists()


@pytest.mark.parametrize(
    ("trouble", "finish"),
    [
        ("400+code=context_length_exceeded", "too_long"),
        ("400+message=maximum_context_length_is_9", "too_long"),
        ("400+code=content_filter", "filtered"),
        ("half", "malformed"),
    ],
)
def test_what_one_prompt_meets_is_its_record(server: Server, place: Workspace, trouble: str, finish: str) -> None:
    run = generate_run(
        config(server, f"{trouble}+only=captain", {"retries": 1, "concurrency": 1}, limit=8), workspace=place
    )
    found = Counter(one.finish for one in texts(run))
    odd = [one for one in texts(run) if one.finish == finish]
    assert found["stop"] == 8 - len(odd) and odd and all("captain" in one.prompt for one in odd)
    assert all(one.text == "" and not one.complete and one.correct is None for one in odd)
    assert run.status.state == "finished"


@pytest.mark.parametrize(
    ("model", "finish", "text"),
    [
        ("good+finish=length", "length", " sleep because they are tired"),
        ("good+finish=eos_token", "end", " sleep because they are tired"),
        ("good+finish=content_filter", "filtered", " sleep because they are tired"),
        ("good+finish=tool_calls", "unknown", " sleep because they are tired"),
        ("good+surrogate", "stop", " sleep because � tired"),
    ],
)
def test_why_a_text_ends_is_told_in_our_words(
    server: Server, place: Workspace, model: str, finish: str, text: str
) -> None:
    (one,) = texts(generate_run(config(server, model, limit=1), workspace=place))
    assert (one.finish, one.text) == (finish, text)


def test_a_chat_is_cut_at_its_first_line_and_then_has_no_likelihood(server: Server, place: Workspace) -> None:
    (one,) = texts(generate_run(config(server, "good+lines", {"style": "chat"}, limit=1), workspace=place))
    assert (one.text, one.finish, one.log_likelihood) == ("sleep because they are tired", "stop", None)
    (bare,) = texts(generate_run(config(server, "good+bare", limit=1), workspace=place))
    assert (bare.tokens, bare.log_likelihood, bare.format_ok) == (0, None, False)


def test_a_budget_stops_cleanly_and_resuming_asks_for_the_rest(server: Server, place: Workspace) -> None:
    with pytest.raises(RationaleEvalError, match="the budget of 4 requests is used up; what was made is kept; go on"):
        generate_run(config(server, "good+budget", {"max_requests": 4}), workspace=place)
    run = latest(place)
    assert (run.status.state, run.status.reason) == ("interrupted", "budget") and len(texts(run)) == 4
    resume(run.id, workspace=place.path)
    assert run.status.state == "finished" and len({one.key for one in texts(run)}) == len(texts(run)) == 6
    assert set(prompts(server.asked()).values()) == {1}


def test_a_budget_of_tokens_counts_what_the_endpoint_says(server: Server, place: Workspace) -> None:
    request = {"max_all_tokens": 30, "concurrency": 1}
    with pytest.raises(RationaleEvalError, match="the budget of 30 tokens is used up"):
        generate_run(config(server, "good+tokens", request), workspace=place)
    assert len(texts(latest(place))) == 2  # of 15 tokens each
    with pytest.raises(RationaleEvalError, match="does not say how many tokens"):
        generate_run(config(server, "good+bare+tokens", request), workspace=place)


def test_no_more_requests_at_a_time_than_asked_for(server: Server, place: Workspace) -> None:
    generate_run(config(server, "good+slow=0.15", {"concurrency": 3}, limit=9), workspace=place)
    times = sorted(one["time"] for one in server.asked())
    assert len(times) == 9 and times[2] - times[0] < 0.14 and times[3] - times[0] >= 0.14
    assert all(times[i + 3] - times[i] >= 0.14 for i in range(6))


def test_draws_have_seeds_of_their_own_that_repeat(server: Server, place: Workspace) -> None:
    drawn = {"temperature": 0.8, "draws": 3, "limit": 2, "top_p": 0.9}
    first = texts(generate_run(config(server, "random", **drawn), workspace=place))
    body = server.asked()[0]["body"]
    assert body["temperature"] == 0.8 and body["top_p"] == 0.9 and 0 <= body["seed"] < 2**31
    assert len({one.text for one in first}) == 6 == len(first)
    again = texts(generate_run(config(server, "random", **drawn), workspace=place))
    assert {one.key: one.text for one in first} == {one.key: one.text for one in again}
    server.asked()
    generate_run(config(server, "random", {"seeds": "no", "log_probs": "no"}, **drawn), workspace=place)
    assert all(not {"seed", "logprobs"} & set(one["body"]) for one in server.asked())


def test_the_key_goes_to_the_endpoint_alone(
    server: Server, place: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTHER_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Secret: whispered")
    monkeypatch.setenv("OPENAI_ORG_ID", "whispered")
    words = ["generate", "--endpoint", server.url, "--data", DATA, "--limit", "2", "--prompt", "zero_shot"]
    words += ["--request", "key=OTHER_API_KEY", "retries=0", "--workspace", str(place.path)]
    assert command([*words, "--model", "endpoint:good+echo", "--json"]) == 0
    for trouble in ("401+echo", "400+echo", "500+echo", "302+to=" + server.url + "/elsewhere"):
        assert command([*words, "--model", f"endpoint:{trouble}"]) == 1
    shown = capsys.readouterr()
    assert "refuses the key in $OTHER_API_KEY" in shown.err and "(wrong key Bearer [key])" in shown.err
    echoing = next(run for run in place.runs() if run.status.state == "finished")
    assert {one.rationale for one in texts(echoing)} == {"Bearer [key]"}
    asked = server.asked()
    assert len(asked) >= 6 and all(one["headers"]["Authorization"] == f"Bearer {KEY}" for one in asked)
    assert not any("elsewhere" in one["path"] or "whispered" in str(one["headers"]) for one in asked)
    assert KEY not in shown.out + shown.err
    kept = [file for file in place.path.rglob("*") if file.is_file()]
    assert len(kept) > 10 and not any(KEY.encode() in file.read_bytes() for file in kept)


def test_a_process_started_for_a_run_gets_the_key_it_names_and_no_other(server: Server, place: Workspace) -> None:
    run = generate_run(config(server, "good+env", limit=1), workspace=place)
    given = {"OPENAI_API_KEY": KEY, "OTHER_API_KEY": KEY, "PATH": "/bin"}
    assert key_variable(run) == "OPENAI_API_KEY"
    kept = environment(given, key_variable(run))
    assert kept["OPENAI_API_KEY"] == KEY and "OTHER_API_KEY" not in kept
    assert KEY not in environment(given).values()


def test_a_run_killed_half_way_goes_on_and_nothing_is_asked_twice(server: Server, place: Workspace) -> None:
    words = ["generate", "--endpoint", server.url, "--model", "endpoint:good+killed", "--data", DATA, "--limit", "6"]
    words += ["--prompt", "zero_shot", "--request", "concurrency=1", "--workspace", str(place.path)]
    killed = subprocess.run(
        [sys.executable, "-m", "rationale_eval.cli", *words],
        env={**os.environ, points.ENVIRONMENT: "texts.added:3=kill"},
        capture_output=True,
    )
    assert killed.returncode == -signal.SIGKILL
    run = latest(place)
    assert run.status.state == "interrupted" and len(texts(run)) == 3
    assert command(["runs", "resume", run.id, "--here", "--workspace", str(place.path)]) == 0
    assert run.status.state == "finished" and len({one.key for one in texts(run)}) == len(texts(run)) == 6
    # What was on its way when the process died was asked for once more; nothing else was.
    assert sum(prompts(server.asked()).values()) <= 7


def test_an_endpoint_that_goes_away_loses_nothing(server: Server, place: Workspace, tmp_path: Path) -> None:
    mortal = Server(tmp_path / "log")
    seen: list[str] = []

    def strike(name: str) -> None:
        seen.append(name)
        if seen.count("texts.added") == 2:
            mortal.kill()

    points.listen(strike)
    try:
        with pytest.raises(RationaleEvalError, match=r"cannot be reached \(.+\); tried 2 times; go on with"):
            generate_run(config(mortal, "good", {"retries": 1, "concurrency": 1}), workspace=place)
    finally:
        points.listen(None)
        mortal.kill()
    run = latest(place)
    made = len(texts(run))
    assert run.status.state == "failed" and 2 <= made < 6
    back = Server(tmp_path / "log-2", mortal.port)
    try:
        resume(run.id, workspace=place.path)
    finally:
        back.kill()
    assert len({one.key for one in texts(run)}) == 6 and len(back.asked()) == 6 - made


def test_ctrl_c_waits_for_no_answer(server: Server, place: Workspace) -> None:
    def strike(name: str) -> None:
        if name == "texts.added":
            raise KeyboardInterrupt

    points.listen(strike)
    began = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            generate_run(config(server, "hang+only=captain", {"concurrency": 8}, limit=8), workspace=place)
    finally:
        points.listen(None)
    assert time.monotonic() - began < 10
    run = latest(place)
    assert run.status.state == "interrupted" and 1 <= len(texts(run)) < 8


def test_wrong_use_is_a_sentence(
    server: Server, place: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    base = ["generate", "--data", DATA, "--prompt", "zero_shot", "--workspace", str(place.path)]
    here, lm = ["--endpoint", server.url], ["--model", "endpoint:good"]
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for wrong, sentence in (
        (lm, "say where endpoint:good is: --endpoint"),
        ([*here, "--model", "endpoint:"], "say which model of the endpoint writes"),
        ([*here, "--model", "embedded/smollm2"], "are for a model behind an address"),
        ([*lm, "--endpoint", "file:///etc/passwd"], "is like http://127.0.0.1:8000/v1"),
        ([*lm, "--endpoint", "http://me:word@127.0.0.1/v1"], "holds no user, key or query"),
        ([*lm, "--endpoint", "http://127.0.0.1/v1?key=word"], "holds no user, key or query"),
        ([*lm, "--endpoint", "http://192.0.2.1/v1"], "would cross the network in the clear"),
        ([*lm, *here, "--request", "concurency=3"], "request concurency: extra inputs are not permitted"),
        ([*lm, *here, "--request", f"key={KEY}"], "is no name of a variable"),
        ([*lm, *here, "--request", "key=AWS_SECRET_ACCESS_KEY"], "is no name of a variable"),
    ):
        assert command([*base, *wrong]) == 2
        assert sentence in capsys.readouterr().err
    monkeypatch.setattr(endpoints, "find_spec", lambda name: None)
    assert command([*base, *lm, *here]) == 2
    assert "pip install 'rationale_eval[endpoint]'" in capsys.readouterr().err
    # Late requests of a test that was stopped have other names.
    assert not any(one["body"]["model"] == "good" for one in server.asked()) and not list(place.path.glob("runs/*"))


def test_the_verb_asks_an_endpoint_too(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="say where they are kept: out="):
        generate("endpoint:good", DATA, prompt="zero_shot", endpoint=server.url)
    found = generate("endpoint:verb", DATA, prompt="zero_shot", endpoint=server.url, out=tmp_path / "out")
    again = generate("endpoint:verb", DATA, prompt="zero_shot", endpoint=server.url, out=tmp_path / "out")
    assert [one.text for one in again] == [one.text for one in found] and len(server.asked()) == len(found)
    with pytest.raises(UsageError, match="made with another endpoint"):
        generate(
            "endpoint:verb",
            DATA,
            prompt="zero_shot",
            endpoint=server.url.replace("127.0.0.1", "localhost"),
            out=tmp_path / "out",
        )


@pytest.mark.parametrize(
    ("asked", "answered", "alike"),
    [
        ("gpt-4o-mini", "gpt-4o-mini-2024-07-18", True),
        ("gpt-4o", "gpt-4o-mini", False),
        ("org/Qwen3-8B", "qwen3-8b", True),
        ("llama", "/models/llama.gguf", True),
        ("llama3", "llama3:8b", True),
        ("good", "other", False),
    ],
)
def test_names_that_mean_the_same_model(asked: str, answered: str, alike: bool) -> None:
    assert endpoints._alike(asked, answered) is alike
