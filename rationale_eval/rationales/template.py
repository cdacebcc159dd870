"""Templates of free-text rationales: what a language model is shown, and what it is to write.

A template is text with named places. It has a version, which is raised whenever its words change: texts are kept with
the name and the version of what asked for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from rationale_eval.data.example import Example
from rationale_eval.errors import UsageError
from rationale_eval.registry import Registry

Given = Literal["input", "label", "choice"]
"""What is known before the rationale is written: the input alone; the answer too; or one choice, whatever it is."""

Order = Literal["answer_first", "rationale_first", "rationale"]
"""What is written: `answer because rationale` (I->OR), rationale and then the answer (I->RO), or a rationale alone."""


@dataclass(frozen=True, slots=True)
class Template:
    """How an example is shown to a language model.

    Args:
        name: The name shown in results.
        version: Raised whenever a word changes.
        given: What is known.
        order: What is written.
        instruction: What stands before everything.
        case: One example, with `{inputs}`, `{choices}` and, where an answer is given, `{answer}`.
        says: What follows a case: `{answer}`, `{rationale}` or both, once each.
        joint: What parts the two in `says`; text is read back by it.
        shots: Solved examples shown before, by default.
        stop: Strings that end the text.
        describe: What it is for, in a sentence.
    """

    name: str
    version: int
    given: Given
    order: Order
    instruction: str
    case: str
    says: str
    joint: str
    shots: int
    stop: tuple[str, ...]
    describe: str

    def prompt(self, example: Example, answer: str | None = None) -> str:
        """The case of one example, without instruction and shots.

        Args:
            example: The example.
            answer: The given answer, where one is given.
        """
        inputs = "\n".join(f"{_title(name)}: {text}" for name, text in example.inputs.items())
        values = {"inputs": inputs, "choices": ", ".join(example.choices), "answer": answer or ""}
        return self.case.format_map(values)

    def shot(self, example: Example) -> str:
        """A solved case.

        Raises:
            UsageError: If the example has no label or no rationale.
        """
        if example.label is None or not example.rationales:
            raise UsageError(f"the example '{example.id}' cannot be shown solved: it needs a label and a rationale")
        answer = example.choices[example.label]
        said = self.says.format_map({"answer": answer, "rationale": one_line(example.rationales[0])})
        return self.prompt(example, answer) + said + "\n\n"

    def beginning(self, shots: Sequence[Example]) -> str:
        """What stands before every case: the instruction and the solved examples."""
        return self.instruction + "\n\n" + "".join(self.shot(example) for example in shots)


TEMPLATES: Final[Registry[Template]] = Registry("prompt")

_INPUT: Final = "{inputs}\nOptions: {choices}\nAnswer:"
_WHY: Final = "{inputs}\nOptions: {choices}\nAnswer: {answer}\nBecause:"

for _made in (
    Template(
        "zero_shot", 1, "input", "answer_first",
        "Choose one of the options and say why, in the form: option because reason.",
        _INPUT, " {answer} because {rationale}", " because ", 0, ("\n",),
        "The answer and then the reason, from the input alone and without solved examples.",
    ),
    Template(
        "few_shot", 1, "input", "answer_first",
        "Choose one of the options and say why, in the form: option because reason.",
        _INPUT, " {answer} because {rationale}", " because ", 8, ("\n",),
        "The answer and then the reason, after solved examples.",
    ),
    Template(
        "reason_first", 1, "input", "rationale_first",
        "Think about the options, then choose one, in the form: reason So the answer is option.",
        "{inputs}\nOptions: {choices}\nReason:", " {rationale} So the answer is {answer}", " So the answer is ", 8,
        ("\n",),
        "The reason and then the answer (a chain of thought), after solved examples.",
    ),
    Template(
        "label_given", 1, "label", "rationale",
        "Say in one sentence why the answer is right.",
        _WHY, " {rationale}", "", 8, ("\n",),
        "A reason for the gold answer, after solved examples: what a rationale looks like when the label is known.",
    ),
    Template(
        "per_choice", 1, "choice", "rationale",
        "Say in one sentence what speaks for the answer.",
        _WHY, " {rationale}", "", 8, ("\n",),
        "A reason for every choice, right or wrong, after solved examples (PINTO, Wang et al. 2023; wording ours).",
    ),
    Template(
        "label_free", 1, "input", "rationale",
        "Say in one sentence what matters for choosing one of the options.",
        "{inputs}\nOptions: {choices}\nBecause:", " {rationale}", "", 8, ("\n",),
        "A reason without an answer, after solved examples.",
    ),
):  # fmt: skip
    TEMPLATES.add(_made.name, _made)


def one_line(text: str) -> str:
    """A rationale as it stands in a prompt: white space, line ends among it, as single blanks."""
    return " ".join(text.split())


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()
