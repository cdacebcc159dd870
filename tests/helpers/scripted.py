"""Language models written by hand: what they answer and write is a function of the prompt."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rationale_eval.data.example import Example
from rationale_eval.engine.ask_text import Choose, Embed, Filler, Reply, Request, TextAsks, Write
from rationale_eval.metrics.record import Score
from rationale_eval.metrics.text_case import TextCase
from rationale_eval.rationales.reading import Reading
from rationale_eval.rationales.template import TEMPLATES

QUESTION = Example(
    "q1", "commonsense", {"question": "What do people do?"}, ("eat food", "sleep", "run"), 1, rationales=("Tired.",)
)
READING = Reading(TEMPLATES["reason_first"], "", own=True)


def case(text: str, example: Example = QUESTION, **options) -> TextCase:
    return TextCase(example, text, example.rationales, 0, asked=options.pop("asked", READING), **options)


class Scripted:
    """Answers a metric's requests.

    Args:
        choose: From the prompt to the place of the answer, or None where the prompt does not fit.
        write: From a request for text to the text.
        embed: From a text to its vector.
    """

    def __init__(
        self,
        choose: Callable[[str], int | None] = lambda prompt: 0,
        write: Callable[[Write], str | None] = lambda request: "",
        embed: Callable[[str], list[float]] = lambda text: [1.0],
    ):
        self.choose, self.write, self.embed = choose, write, embed
        self.asked: list[Request] = []

    def reply(self, request: Request) -> Reply:
        self.asked.append(request)
        match request:
            case Choose():
                place = self.choose(request.prompt)
                return None if place is None else np.eye(len(request.choices))[place]
            case Write():
                return self.write(request)
            case Filler():
                return request.mark * len(request.text.split())
            case Embed():
                return np.array(self.embed(request.text))

    def run(self, asks: TextAsks[Score] | Score) -> Score:
        replies = None
        while True:
            try:
                requests = next(asks) if replies is None else asks.send(replies)
            except StopIteration as stop:
                return stop.value
            replies = [self.reply(request) for request in requests]
