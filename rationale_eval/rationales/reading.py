"""How a language model is asked again: its prompt, a rationale in the place of its own, and the choices after it.

The answer is read greedily: the choice that is most likely to follow "So the answer is". The rationale always comes
before the answer, whatever wrote it, or it could not have a part in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from rationale_eval.data.example import Example
from rationale_eval.engine.ask_text import Choose, Who, Write
from rationale_eval.errors import UsageError
from rationale_eval.rationales.template import Template, one_line

MOST_TOKENS: Final = 96
"""Most tokens that the model writes on where its rationale was changed."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A prompt that a rationale is put into.

    Args:
        template: Shows an example, then a rationale, then the answer.
        beginning: What stands before every case: the instruction and solved examples.
        own: Whether the model that is asked wrote the rationales by this very prompt.

    Raises:
        UsageError: If the template has no rationale before its answer.
    """

    template: Template
    beginning: str
    own: bool = False

    def __post_init__(self) -> None:
        if self.template.order != "rationale_first":
            raise UsageError(f"the prompt '{self.template.name}' does not write a rationale before its answer")

    def choose(self, example: Example, rationale: str, who: Who = "lm") -> Choose:
        """Asks for the answer after a rationale; an empty one leaves its place empty."""
        said = one_line(rationale)
        before, after = self.template.says.split("{rationale}")
        lead, rest = after.split("{answer}")
        # The blank before the answer belongs to the answer's first token.
        gap = lead[len(lead.rstrip()) :]
        prompt = self.template.prompt(example) + (before + said if said else "") + lead.rstrip()
        return Choose(self.beginning, prompt, tuple(gap + choice + rest for choice in example.choices), who)

    def write(self, example: Example, rationale: str = "", max_tokens: int = MOST_TOKENS, seed: int = 0) -> Write:
        """Asks for a rationale, or for the rest of one, up to the words that lead to the answer."""
        said = one_line(rationale)
        before = self.template.says.split("{rationale}")[0]
        prompt = self.template.prompt(example) + (before + said if said else "")
        return Write(self.beginning, prompt, max_tokens, (*self.template.stop, self.template.joint.strip()), seed=seed)


def with_input(example: Example, field: str, text: str) -> Example:
    """The example with another text in one of its fields; it is no longer known what is right."""
    return replace(example, inputs={**example.inputs, field: text}, label=None, rationales=(), evidence=None)


def states_answer(example: Example, answer: int, text: str) -> bool:
    """Whether a text names an answer: its words in a row, or its letter after "answer", "option" or "choice"."""
    wanted, said = _words(example.choices[answer]), _words(text)
    if wanted and any(said[at : at + len(wanted)] == wanted for at in range(len(said) - len(wanted) + 1)):
        return True
    letter = chr(ord("a") + answer)
    return (
        re.search(rf"\b(?:answer|option|choice)\b(?:\s+is)?\s*[:=]?\s*\(?{letter}\b", text, re.IGNORECASE) is not None
    )


def _words(text: str) -> list[str]:
    # Signs that are not letters or digits count where a choice has no others, as in "-5" or "3/4".
    return re.findall(r"\w+|[^\w\s]", text.casefold())
