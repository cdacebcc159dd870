"""Texts of an endpoint: several requests at a time, tried again where that may help, within a budget.

Requests are made in a thread of their own, so that this also works where an event loop runs already (notebooks). A text
is handed over when it arrives. Whatever ends the work early, nothing new is asked then, what is on its way is waited
for, and all that arrived is handed over first; only Ctrl-C waits for nothing.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final

from rationale_eval.data.example import Example
from rationale_eval.errors import Resumable
from rationale_eval.models.endpoint import Endpoint
from rationale_eval.models.endpoint_answer import Answer, Fault, TryAgain, Withheld
from rationale_eval.rationales.asking import Asking, Wanted
from rationale_eval.rationales.completion import Completion, Key

FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 30.0
"""Seconds between two tries: doubled from the first to the longest, of which at random half to all is waited."""

PATIENCE: Final = 120.0
"""Seconds that are waited because an endpoint asks for it; where it asks for more, the work ends."""

ODD_IN_A_ROW: Final = 10
"""So many prompts without an answer one after another are the endpoint's fault and not the prompts'."""


class RemoteGeneration:
    """Has an endpoint write texts.

    Args:
        endpoint: Who writes.
        asking: What is asked.
    """

    def __init__(self, endpoint: Endpoint, asking: Asking):
        self.endpoint, self.asking = endpoint, asking

    def run(self, examples: Iterable[Example], done: AbstractSet[Key] = frozenset()) -> Iterator[list[Completion]]:
        """Completions of all that is not `done`, as they arrive.

        Raises:
            InputError: If an example lacks the label that the template gives.
            Resumable: If the endpoint cannot be asked on, or the budget is used up.
        """
        work = _Pass(self.endpoint, self.asking, self.asking.missing(examples, done))
        work.start()
        try:
            over = False
            while not over:
                batch, over = work.take()
                if batch:
                    yield batch
            if work.ended is not None:
                raise work.ended
        finally:
            work.stop()

    def about(self) -> dict[str, Any]:
        """What identifies the texts beside example, choice and draw."""
        return {**self.asking.about(), **self.endpoint.about()}


class _Pass:
    """One pass over what is missing, in a thread."""

    def __init__(self, endpoint: Endpoint, asking: Asking, wanted: Iterator[Wanted]):
        self.endpoint, self.asking, self.wanted = endpoint, asking, wanted
        self.arrived: SimpleQueue[Completion | None] = SimpleQueue()
        self._thread = Thread(target=self._begin, name="endpoint", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[None] | None = None
        self.ended: BaseException | None = None
        self._requests = self._tokens = self._odd = self._good = 0
        self._not_before = 0.0

    def start(self) -> None:
        self._thread.start()

    def take(self) -> tuple[list[Completion], bool]:
        """Waits for a text and gives all that are there, and whether they were the last."""
        found = [self.arrived.get()]
        with suppress(Empty):
            while found[-1] is not None:
                found.append(self.arrived.get_nowait())
        return [one for one in found if one is not None], found[-1] is None

    def stop(self) -> None:
        """Ends what is still going on, without waiting for answers."""
        if self._loop is not None and self._main is not None:
            with suppress(RuntimeError):  # closed meanwhile
                self._loop.call_soon_threadsafe(self._main.cancel)
        self._thread.join(PATIENCE)

    def _begin(self) -> None:
        try:
            with suppress(asyncio.CancelledError):
                asyncio.run(self._all())
        except BaseException as error:  # noqa: BLE001 -- raised again in the thread that asked
            self.ended = self.ended or error
        self.arrived.put(None)

    async def _all(self) -> None:
        self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
        self._stopping = asyncio.Event()
        async with self.endpoint:
            await asyncio.gather(*(self._work() for _ in range(self.endpoint.config.concurrency)))

    async def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                one = next(self.wanted, None)
                if one is None:
                    return
                made = await self._text(one)
            except Exception as error:  # noqa: BLE001 -- raised again in the thread that asked
                # The first tells why; those after it follow from it.
                self.ended = self.ended or error
                self._stopping.set()
                return
            if made is not None:
                self.arrived.put(made)

    async def _text(self, one: Wanted) -> Completion | None:
        """The record of one text; None if the work ended before there was one."""
        prompt = self.asking.beginning + one.prompt
        for turn in range(self.endpoint.config.retries + 1):
            await self._wait(self._not_before - asyncio.get_running_loop().time())
            if self._stopping.is_set():
                return None
            self._charge()
            try:
                answer = await self.endpoint.ask(prompt, self.asking.how, self.asking.seed_of(one))
            except Withheld as reason:
                return self.asking.nothing(one, reason.finish)
            except TryAgain as trouble:
                last = trouble
                if turn < self.endpoint.config.retries:
                    await self._wait(self._delay(trouble, turn))
                continue
            return self._completion(one, answer)
        return self._without_answer(one, last)

    def _completion(self, one: Wanted, answer: Answer) -> Completion:
        self._good, self._odd = self._good + 1, 0
        if self.endpoint.config.max_all_tokens is not None and answer.all_tokens is None:
            raise Fault(
                "budget",
                f"{self.endpoint.url} does not say how many tokens a text took, so max_all_tokens cannot be kept; "
                "bound max_requests",
            )
        self._tokens += answer.all_tokens or 0
        return self.asking.completion(
            one,
            answer.text,
            answer.finish,
            tokens=answer.tokens or 0,
            log_likelihood=answer.log_likelihood,
            answered_by=answer.model,
        )

    def _without_answer(self, one: Wanted, last: TryAgain) -> Completion:
        """After the last try: a record where the prompt seems to be at fault, else the end."""
        self._odd += 1
        if last.answered and self._good and self._odd < ODD_IN_A_ROW:
            return self.asking.nothing(one, "malformed")
        tries = self.endpoint.config.retries + 1
        raise Fault("endpoint", f"{last}; tried {tries} time{'s' if tries > 1 else ''}")

    def _charge(self) -> None:
        config = self.endpoint.config
        for used, most, what in (
            (self._requests, config.max_requests, "requests"),
            (self._tokens, config.max_all_tokens, "tokens"),
        ):
            if most is not None and used >= most:
                raise Resumable(
                    "budget", f"the budget of {most} {what} is used up; what was made is kept", "interrupted"
                )
        self._requests += 1

    def _delay(self, trouble: TryAgain, turn: int) -> float:
        if trouble.after is None:
            return min(LONGEST_WAIT, FIRST_WAIT * 2**turn) * random.uniform(0.5, 1.0)
        if trouble.after > PATIENCE:
            raise Fault("endpoint", f"{trouble}; it asks to wait {trouble.after:.0f} s")
        # Asked for by the endpoint, this holds for all requests.
        self._not_before = max(self._not_before, asyncio.get_running_loop().time() + trouble.after)
        return 0.0

    async def _wait(self, seconds: float) -> None:
        """Waits, but not longer than the work goes on."""
        if seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)
