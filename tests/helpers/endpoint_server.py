"""A server that speaks the OpenAI protocol, in a process of its own, and misbehaves when told to.

As a script: `endpoint_server.py LOG [PORT]`. Prints its port. Every request is added to LOG as a line of JSON. The
model's name says how it behaves: `good`, or several parts joined by `+`:

- `STATUS*N`: the first N requests of each prompt are answered with that status (`N` left out: all of them)
- `after=S`: with a Retry-After of so many seconds
- `html`, `cut`, `half`, `empty`, `shape`, `hang`, `drip`, `drop`, `gzip`, `huge`: so are the first `N` answers, as in
  `html*1`
- `only=WORD`: only prompts with that word are treated so
- `text=TEXT`, `random` (the seed is the reason): what is written, `_` for blanks
- `slow=S`: every answer takes so long
- `finish=REASON`, `says=NAME` (as which model it answers), `echo` (the Authorization header is sent back as the text),
  `bare` (neither usage nor log-probabilities), `code=CODE` and `message=TEXT` of errors, `to=URL` of a redirect
- `surrogate`, `lines`: odd texts
"""

from __future__ import annotations

import gzip
import json
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ANSWER = " sleep because they are tired"
LOCK = threading.Lock()
SEEN: Counter[str] = Counter()
NOW = [0, 0]
"""Requests being answered, and the most there ever were."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        chat = self.path.endswith("/chat/completions")
        prompt = body["messages"][0]["content"] if chat else body["prompt"]
        with LOCK:
            NOW[0] += 1
            NOW[1] = max(NOW)
            SEEN[body["model"], prompt, body.get("seed")] += 1
            turn = SEEN[body["model"], prompt, body.get("seed")]
            record = {
                "time": time.time(),
                "path": self.path,
                "body": body,
                "headers": dict(self.headers),
                "most": NOW[1],
            }
            with self.server.log.open("a") as log:
                log.write(json.dumps(record) + "\n")
        try:
            self.behave(body, prompt, turn, chat)
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            with LOCK:
                NOW[0] -= 1

    def behave(self, body: dict[str, Any], prompt: str, turn: int, chat: bool) -> None:
        how = dict(part.partition("=")[::2] for part in body["model"].split("+"))
        if "only" in how and how["only"] not in prompt:
            how = {}
        if "slow" in how:
            time.sleep(float(how["slow"]))
        for part in how:
            name, star, times = part.partition("*")
            if star and turn > int(times):
                continue
            if name.isdigit():
                return self.refuse(int(name), how, prompt)
            if hasattr(self, f"give_{name}"):
                return getattr(self, f"give_{name}")()
        return self.good(body, how, chat)

    def good(self, body: dict[str, Any], how: dict[str, str], chat: bool) -> None:
        text = how.get("text", ANSWER).replace("_", " ")
        if "echo" in how:
            text = f" sleep because {self.headers.get('Authorization')}"
        if "surrogate" in how:
            text = " sleep because \ud800 tired"
        if "lines" in how:
            text = "\n\nsleep because they are tired\nAnd so on."
        if "random" in how:
            text = f" sleep because {body.get('seed')}"
        words = text.split()
        logprobs: Any = {"token_logprobs": [-0.5] * len(words)}
        choice: dict[str, Any] = {"index": 0, "finish_reason": how.get("finish", "stop"), "text": text}
        if chat:
            logprobs = {"content": [{"token": word, "logprob": -0.25} for word in words]}
            choice = {"index": 0, "finish_reason": how.get("finish", "stop"), "message": {"content": text.lstrip(" ")}}
            if "null" in how:
                choice["message"]["content"] = None
        record: dict[str, Any] = {"model": how.get("says", body["model"]), "choices": [choice]}
        if "bare" not in how:
            choice["logprobs"] = logprobs if body.get("logprobs") else None
            record["usage"] = {"prompt_tokens": 10, "completion_tokens": len(words), "total_tokens": 10 + len(words)}
        self.send(200, json.dumps(record).encode())

    def refuse(self, status: int, how: dict[str, str], prompt: str) -> None:
        error = {"message": how.get("message", "no").replace("_", " "), "code": how.get("code")}
        if "echo" in how:
            error["message"] = f"wrong key {self.headers.get('Authorization')}"
        headers = {}
        if "after" in how:
            headers["Retry-After"] = how["after"]
        if "to" in how:
            headers["Location"] = how["to"]
        self.send(status, json.dumps({"error": error}).encode(), headers)

    def send(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def give_html(self) -> None:
        self.send(200, b"<html><body>Please log in</body></html>", {"Content-Type": "text/html"})

    def give_cut(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "500")
        self.end_headers()
        self.wfile.write(b'{"choices": [{"text": " sl')
        self.close_connection = True

    def give_half(self) -> None:
        self.send(200, b'{"choices": [{"text": " sl')

    def give_empty(self) -> None:
        self.send(200, b'{"choices": []}')

    def give_shape(self) -> None:
        self.send(200, b'{"choices": [{"text": {"a": 1}, "finish_reason": 3}], "usage": 7}')

    def give_hang(self) -> None:
        time.sleep(30)

    def give_drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "500")
        self.end_headers()
        for _ in range(100):
            self.wfile.write(b" ")
            self.wfile.flush()
            time.sleep(0.1)

    def give_drop(self) -> None:
        self.close_connection = True
        self.connection.close()

    def give_gzip(self) -> None:
        self.send(200, gzip.compress(b" " * 10**6), {"Content-Encoding": "gzip"})

    def give_huge(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(10**9))
        self.end_headers()
        for _ in range(40):
            self.wfile.write(b" " * 2**20)


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 0), Handler)
    server.daemon_threads = True
    server.log = Path(sys.argv[1])
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
