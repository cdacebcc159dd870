"""Prompts: what a language model reads before it is asked how likely each choice is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import Formatter
from typing import Any, Final

from rationale_eval.data.example import Task
from rationale_eval.errors import InputError, UsageError
from rationale_eval.models.layout import Parts, Piece


@dataclass(frozen=True, slots=True)
class Prompt:
    """A template and how a choice is written after it.

    Args:
        name: The name shown in results.
        template: Text with `{inputs}` (every field on a line of its own, after its name), `{choices}` (lettered) or
            the names of input fields in braces. It starts with text of its own, so that the first word of an input
            is read in context by models without a start token.
        answer: How a choice follows the prompt; holds `{choice}`.
        words: What is written for a choice, where its own name will not do (a verbalizer).
    """

    name: str
    template: str
    answer: str = " {choice}"
    words: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [name for _, name, _, _ in _parse(self.template) if name is not None]
        inputs = [name for name in names if name != "choices"]
        if not inputs or len(set(names)) < len(names) or ("inputs" in inputs and len(inputs) > 1):
            raise UsageError(
                f"the prompt '{self.name}' must hold either {{inputs}} or the names of input fields, each once"
            )
        if [name for _, name, _, _ in _parse(self.answer) if name is not None] != ["choice"]:
            raise UsageError(f"the answer of the prompt '{self.name}' must hold {{choice}} once")

    def pieces(self, inputs: Mapping[str, str], choices: Sequence[str]) -> tuple[Piece, ...]:
        """The prompt for one example.

        Raises:
            UsageError: If the template names a field that the example does not have.
        """
        found: list[Piece] = []
        for literal, name, _, _ in _parse(self.template):
            if literal:
                found.append(Piece(literal))
            if name == "inputs":
                lines = [(Piece(f"{_title(key)}: "), Piece(text, key)) for key, text in inputs.items()]
                found.extend(piece for i, line in enumerate(lines) for piece in ((Piece("\n"),) * (i > 0) + line))
            elif name == "choices":
                found.append(Piece(" ".join(f"({chr(97 + i)}) {self.word(c)}" for i, c in enumerate(choices))))
            elif name is not None and name in inputs:
                found.append(Piece(inputs[name], name))
            elif name is not None:
                raise UsageError(
                    f"the prompt '{self.name}' names the field '{name}', but the examples have {', '.join(inputs)}"
                )
        return tuple(found)

    def continuation(self, choice: str) -> str:
        """A choice as it follows the prompt."""
        return self.answer.replace("{choice}", self.word(choice)).replace("{{", "{").replace("}}", "}")

    def word(self, choice: str) -> str:
        """What is written for a choice."""
        return self.words.get(choice, choice)

    def with_choices(self, inputs: Mapping[str, str], choices: Sequence[str]) -> list[Parts]:
        """Rows of a causal model: prompt and choice in one text."""
        prompt = self.pieces(inputs, choices)
        return [((*prompt, Piece(self.continuation(choice), target=True)),) for choice in choices]

    def alone(self, inputs: Mapping[str, str], choices: Sequence[str]) -> list[Parts]:
        """The row an encoder-decoder reads: the prompt, the same for every choice."""
        return [(self.pieces(inputs, choices),)]

    def record(self) -> dict[str, Any]:
        """As JSON, for the card and the fingerprint."""
        return {"name": self.name, "template": self.template, "answer": self.answer, "words": dict(self.words)}


def _parse(template: str) -> list[tuple[str, str | None, str | None, str | None]]:
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise UsageError(f"the prompt cannot be read ({error}); write literal braces twice") from error
    if any(spec or conversion or name == "" for _, name, spec, conversion in parts):
        raise UsageError("braces in a prompt hold a plain name, such as {inputs}; write literal braces twice")
    return parts


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


PROMPTS: Final[dict[str, Prompt]] = {
    prompt.name: prompt
    for prompt in (
        Prompt("inputs_answer", "{inputs}\nAnswer:"),
        Prompt("inputs_options_answer", "{inputs}\nOptions: {choices}\nAnswer:"),
        Prompt("pinto", "Question: {question} Answer Choices: {choices} ."),
    )
}
"""`inputs_answer` is the default for multiple choice, `inputs_options_answer` for classification, where a model
cannot know the label names otherwise; `pinto` is the input of Wang et al. 2023 without a rationale."""

DEFAULTS: Final = {"multiple_choice": "inputs_answer", "classification": "inputs_options_answer"}


def find_prompt(prompt: str | Prompt | Mapping[str, Any] | None, task: Task | None) -> Prompt:
    """A prompt by name, template, record or, when None, the task kind's default.

    Raises:
        UsageError: If there is no such prompt or the template cannot be used.
        InputError: If a record is not one of a prompt.
    """
    if isinstance(prompt, Prompt):
        return prompt
    if prompt is None:
        return PROMPTS[DEFAULTS[task.kind if task else "multiple_choice"]]
    if isinstance(prompt, Mapping):
        name, template, answer, words = (prompt.get(key) for key in ("name", "template", "answer", "words"))
        if not all(isinstance(text, str) for text in (name, template, answer)) or not isinstance(words, Mapping):
            raise InputError("the prompt saved with the model cannot be read; give prompt=...")
        return Prompt(str(name), str(template), str(answer), {str(key): str(value) for key, value in words.items()})
    if prompt in PROMPTS:
        return PROMPTS[prompt]
    if "{" in prompt:
        return Prompt("custom", prompt)
    raise UsageError(f"there is no prompt '{prompt}'; choose one of {', '.join(PROMPTS)} or give a template")
