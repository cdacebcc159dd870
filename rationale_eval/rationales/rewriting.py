"""Prompts by which a helper model rewrites sentences: with a mistake, or in other words. All wording is ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rationale_eval.engine.ask_text import Write

MOST_TOKENS: Final = 96
"""Most tokens of a rewritten text."""


@dataclass(frozen=True, slots=True)
class Rewriting:
    """An instruction with solved cases.

    Args:
        version: Raised whenever a word changes.
        instruction: What is to be done.
        before: Names what is given.
        after: Names what is to be written.
        shown: Solved cases.
    """

    version: int
    instruction: str
    before: str
    after: str
    shown: tuple[tuple[str, str], ...]

    def ask(self, text: str) -> Write:
        """Asks the helper for the rewritten text."""
        solved = "".join(f"{self.before}: {given}\n{self.after}: {said}\n\n" for given, said in self.shown)
        beginning = f"{self.instruction}\n\n{solved}"
        return Write(beginning, f"{self.before}: {text}\n{self.after}:", MOST_TOKENS, who="helper")


MISTAKE: Final = Rewriting(
    1,
    "Rewrite each sentence so that it says something wrong. Change as little as possible.",
    "Sentence",
    "With a mistake",
    (
        (
            "There are 7 days in a week, so 3 weeks have 21 days.",
            "There are 7 days in a week, so 3 weeks have 24 days.",
        ),
        ("People go to bed when they are tired.", "People go to bed when they are hungry."),
        ("The train is faster than the bus and comes first.", "The train is slower than the bus and comes first."),
        ("A man who plays a guitar makes music.", "A man who plays a guitar makes no music."),
    ),
)

PARAPHRASE: Final = Rewriting(
    1,
    "Say the same in other words. Keep every fact and every number.",
    "Text",
    "In other words",
    (
        ("There are 7 days in a week, so 3 weeks have 21 days.", "As a week has 7 days, 3 weeks make 21 days."),
        ("People go to bed when they are tired.", "Someone who feels tired will lie down to sleep."),
        (
            "The train is faster than the bus. It comes first.",
            "Since the bus is slower than the train, the train gets there first.",
        ),
    ),
)
