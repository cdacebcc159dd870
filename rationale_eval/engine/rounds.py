"""Rounds: many questioners advanced together, so that what they ask can be answered in few passes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import TypeVar

Q = TypeVar("Q")
A = TypeVar("A")
R = TypeVar("R")


def rounds(
    asks: Iterable[Generator[Sequence[Q], list[A], R]],
    answer: Callable[[Sequence[Q]], list[A]],
    size: Callable[[Q], int],
    *,
    window: int,
    questioners: int,
) -> Iterator[R]:
    """Runs questioners to their end, pulling them as the window allows.

    Args:
        asks: Generators that yield lists of questions, are sent the list of answers, and return something.
        answer: Answers a list of questions, in their order.
        size: How much of the window a question takes.
        window: Most of what open questions take together, about.
        questioners: Most questioners in flight: each holds an example, however little it asks.

    Yields:
        What they return, in their order.
    """
    source = enumerate(asks)
    active: dict[int, tuple[Generator[Sequence[Q], list[A], R], Sequence[Q]]] = {}
    finished: dict[int, R] = {}
    emitted, exhausted = 0, False

    def advance(index: int, questioner: Generator[Sequence[Q], list[A], R], answers: list[A] | None) -> None:
        try:
            active[index] = (questioner, questioner.send(answers) if answers is not None else next(questioner))
        except StopIteration as stop:
            active.pop(index, None)
            finished[index] = stop.value

    while True:
        waiting = sum(size(question) for _, asked in active.values() for question in asked)
        while not exhausted and waiting < window and len(active) < questioners:
            pulled = next(source, None)
            if pulled is None:
                exhausted = True
                break
            advance(*pulled, None)
            if pulled[0] in active:
                waiting += sum(map(size, active[pulled[0]][1]))
        for share in _shares(list(active.items()), size, window):
            answers = iter(answer([question for _, (_, questions) in share for question in questions]))
            for index, (questioner, questions) in share:
                advance(index, questioner, [next(answers) for _ in questions])
        while emitted in finished:
            yield finished.pop(emitted)
            emitted += 1
        if exhausted and not active:
            return


Asked = tuple[int, tuple[Generator[Sequence[Q], list[A], R], Sequence[Q]]]
"""Place of a questioner, the questioner, and what it asks now."""


def _shares(asked: list[Asked[Q, A, R]], size: Callable[[Q], int], window: int) -> Iterator[list[Asked[Q, A, R]]]:
    """Parts of a round, each of at most about a window, so that a round of long lists stays small."""
    share: list[Asked[Q, A, R]] = []
    waiting = 0
    for entry in asked:
        share.append(entry)
        waiting += sum(map(size, entry[1][1]))
        if waiting >= window:
            yield share
            share, waiting = [], 0
    if share:
        yield share
