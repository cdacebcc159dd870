"""Templates of free-text rationales: what a language model is shown, and what it is to write.

A template is text with named places. It has a version, which is raised whenever its words change: texts are kept with
the name and the version of what asked for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, get_args

from rationale_eval.data.example import Example
from rationale_eval.errors import InputError, UsageError
from rationale_eval.registry import Registry

Given = Literal["input", "label", "choice", "rationale"]
"""What is known before something is written: the input alone; the answer too; one choice, whatever it is; or the gold
rationale (IR->O)."""

Order = Literal["answer_first", "rationale_first", "rationale", "answer"]
"""What is written: `answer because rationale` (I->OR), rationale and then the answer (I->RO), a rationale alone, or an
answer alone."""

Reading = Literal["plain", "feb", "feb_offensive"]
"""How a text is read back; see `completion.read_text` and `feb_reading`."""


@dataclass(frozen=True, slots=True)
class Template:
    """How an example is shown to a language model.

    Args:
        name: The name shown in results.
        version: Raised whenever a word changes.
        given: What is known.
        order: What is written.
        instruction: What stands before everything.
        case: One example, with `{inputs}` (a line for each), `{fields}` (all on one line) or names of single inputs,
            `{choices}` or `{options}` (lettered), and `{answer}` or `{rationale}` where one is given.
        says: What follows a case: `{answer}`, `{rationale}` or both, once each.
        joint: What parts the two in `says`; text is read back by it.
        shots: Solved examples shown before, by default.
        stop: Strings that end the text.
        describe: What it is for, in a sentence.
        words: What is written for a choice, where its own name will not do.
        lower: What of an example is written in lower case: "inputs", "choices", "rationale".
        one_line: Whether white space is written as single blanks.
        reading: How a text is read back.
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
    words: Mapping[str, str] = field(default_factory=dict)
    lower: tuple[str, ...] = ()
    one_line: bool = False
    reading: Reading = "plain"

    def prompt(self, example: Example, answer: str | None = None) -> str:
        """The case of one example, without instruction and shots.

        Args:
            example: The example.
            answer: The given answer, where one is given.
        """
        texts = {name: self._cased("inputs", text) for name, text in example.inputs.items()}
        choices = self.written(example)
        values = texts | {
            "inputs": "\n".join(f"{_title(name)}: {text}" for name, text in texts.items()),
            "fields": " ".join(f"{name}: {text}" for name, text in texts.items()),
            "choices": ", ".join(choices),
            "options": " ".join(f"({chr(ord('A') + place)}) {choice}" for place, choice in enumerate(choices)),
            "answer": "" if answer is None else self._answer(answer),
            "rationale": self._rationale(example),
        }
        try:
            said = self.case.format_map(values)
        except KeyError as error:
            known = ", ".join(example.inputs)
            raise UsageError(f"the prompt '{self.name}' names {error}, and the examples have {known}") from error
        return one_line(said) if self.one_line else said

    def written(self, example: Example) -> tuple[str, ...]:
        """The choices of an example as they are written."""
        return tuple(self._answer(choice) for choice in example.choices)

    def says_of(self, example: Example) -> str:
        """What is to be written of a solved example.

        Raises:
            UsageError: If it has no label, or no rationale where one is written or given.
        """
        if example.label is None or (self.needs_rationale and not example.rationales):
            raise UsageError(f"the example '{example.id}' cannot be shown solved: it needs a label and a rationale")
        answer = self._answer(example.choices[example.label])
        return self.says.format_map({"answer": answer, "rationale": self._rationale(example)})

    @property
    def needs_rationale(self) -> bool:
        """Whether a solved example needs a gold rationale."""
        return self.order != "answer" or self.given == "rationale"

    @property
    def own_answer(self) -> bool:
        """Whether an answer that is read from a text is the model's own."""
        return self.order != "rationale" and self.given in ("input", "rationale")

    def shot(self, example: Example) -> str:
        """A solved case.

        Raises:
            UsageError: If the example has no label or no rationale.
        """
        said = self.says_of(example)
        assert example.label is not None
        return self.prompt(example, example.choices[example.label]) + said + "\n\n"

    def beginning(self, shots: Sequence[Example]) -> str:
        """What stands before every case: the instruction and the solved examples."""
        instruction = self.instruction + "\n\n" if self.instruction else ""
        return instruction + "".join(self.shot(example) for example in shots)

    def record(self) -> dict[str, Any]:
        """As JSON values."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def _answer(self, choice: str) -> str:
        return self.words.get(choice, self._cased("choices", choice))

    def _rationale(self, example: Example) -> str:
        return self._cased("rationale", one_line(example.rationales[0])) if example.rationales else ""

    def _cased(self, what: str, text: str) -> str:
        return text.lower() if what in self.lower else text


def template_of(about: Mapping[str, Any]) -> Template:
    """The template of texts, from what they have in common.

    Raises:
        InputError: If it is a model's own and cannot be read.
        UsageError: If there is none of its name.
    """
    return read_template(about["template"]) if "template" in about else TEMPLATES[about["prompt"]]


def read_template(record: Mapping[str, Any]) -> Template:
    """A template from what `Template.record` gave.

    Raises:
        InputError: If it is not one.
    """
    try:
        made = Template(**{**record, **{name: tuple(record[name]) for name in ("stop", "lower")}})
        sound = made.given in get_args(Given) and made.order in get_args(Order) and made.reading in get_args(Reading)
        texts = (made.name, made.instruction, made.case, made.says, made.joint)
        sound = sound and all(isinstance(text, str) for text in texts) and isinstance(made.words, Mapping)
    except (TypeError, KeyError) as error:
        raise InputError("the prompt saved with the model cannot be read; train it again") from error
    if not sound:
        raise InputError("the prompt saved with the model cannot be read; train it again")
    return made


TEMPLATES: Final[Registry[Template]] = Registry("prompt")

OWN: Final = "own"
"""The prompt name that asks for the one a model was trained with."""

DEFAULT: Final = "few_shot"
"""What a model is shown that was not trained with a prompt of its own."""

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


def no_template(name: str) -> str:
    """Why a model has no prompt of its own."""
    return (
        f"{name} was not trained to answer in words and has no prompt of its own; name one with --prompt, or train a "
        "model by the recipe self_rationalize"
    )
