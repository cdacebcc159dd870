"""What a language model wrote for one example, and how it is read: one record for every draw.

Records are only ever added, never changed: filters choose among their ids. Whatever went wrong is a value of a field,
so that no draw is lost and none counts as something it is not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from rationale_eval.data.example import Example
from rationale_eval.durable import AppendFile
from rationale_eval.errors import InputError
from rationale_eval.rationales.feb_reading import read_feb
from rationale_eval.rationales.template import Template

Key = tuple[str, int | None, int]
"""Example, choice (None where the template gives none) and draw."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One draw.

    Args:
        example_id: The example.
        choice: Index of the choice that was given; None where none was.
        draw: Which draw of the same prompt, from 0.
        prompt: The case as the model was shown it, without instruction and solved examples.
        text: What the model wrote.
        finish: Why it ends; see `models.decoding.Finish`. "too_long" where the prompt did not fit.
        tokens: Tokens it wrote; 0 where an endpoint does not say.
        log_likelihood: Sum of their log-probabilities (nats); None where nothing was asked or an endpoint gives none.
        answer: Index of the choice that was read from the text, or that was given; None where none can be read.
        rationale: The rationale that was read from the text; may be empty.
        format_ok: Whether the text has the form that was asked for and names a choice.
        complete: Whether the model ended the text itself.
        correct: Whether the answer read from the text is the label; None where there is no label or nothing to read.
        answered_by: The model's name as an endpoint gives it; None for a model in this process.
    """

    example_id: str
    choice: int | None
    draw: int
    prompt: str
    text: str
    finish: str
    tokens: int
    log_likelihood: float | None
    answer: int | None
    rationale: str
    format_ok: bool
    complete: bool
    correct: bool | None
    answered_by: str | None = None

    @property
    def key(self) -> Key:
        """What identifies it within one generation."""
        return self.example_id, self.choice, self.draw

    @property
    def mean_log_likelihood(self) -> float:
        """Nats a token; what best-of-n goes by. Minus infinity where nothing was written."""
        if self.log_likelihood is None or not self.tokens:
            return -float("inf")
        return self.log_likelihood / self.tokens


def read_text(template: Template, example: Example, text: str, choice: int | None = None) -> dict[str, Any]:
    """Reads answer and rationale from what a model wrote; nothing is guessed.

    Args:
        template: What asked for it.
        example: The example.
        text: What was written.
        choice: The choice that was given.

    Returns:
        The fields `answer`, `rationale` and `format_ok` of a `Completion`. Where the parting words are missing, the
        whole text is the rationale (or, with the answer first, the answer) and the form is not kept.
    """
    if template.reading != "plain":
        return read_feb(template, example, text)
    if template.order == "rationale":
        said = text.strip()
        return {"answer": choice, "rationale": said, "format_ok": bool(said)}
    written = template.written(example)
    if template.order == "answer":
        answer = choice_named(example, text, written)
        return {"answer": answer, "rationale": "", "format_ok": answer is not None}
    before, parted, after = _cut(template, text)
    if not parted:
        answer = choice_named(example, text, written) if template.order == "answer_first" else None
        return {"answer": answer, "rationale": "" if answer is not None else text.strip(), "format_ok": False}
    named, rationale = (before, after) if template.order == "answer_first" else (after, before)
    answer = choice_named(example, named, written)
    return {
        "answer": answer,
        "rationale": rationale.strip(),
        "format_ok": answer is not None and bool(rationale.strip()),
    }


def _cut(template: Template, text: str) -> tuple[str, str, str]:
    said = text + " "  # a text may end with the parting words, without the blank after them
    # The answer comes last in a chain of thought, which may use the parting words itself.
    return said.partition(template.joint) if template.order == "answer_first" else said.rpartition(template.joint)


def choice_named(example: Example, text: str, written: Sequence[str] | None = None) -> int | None:
    """Index of the one choice that a text names: equal but for case, punctuation around it, an article before it and an
    option's letter; None where that is none or several.

    Args:
        example: The example.
        text: What was said.
        written: Its choices as they are written; their names by default.
    """
    said = _bare(text)
    named = [
        place
        for place, choice in enumerate(example.choices if written is None else written)
        if said in (_bare(choice), _letter(place), _bare(f"{_letter(place)}) {choice}"))
    ]
    return named[0] if len(named) == 1 else None


def _letter(place: int) -> str:
    return chr(ord("a") + place)


def _bare(text: str) -> str:
    words = " ".join(text.casefold().replace("(", " ").split()).strip(" .,:;!?\"'").split()
    return " ".join(words[1:] if len(words) > 1 and words[0] in ("a", "an", "the") else words)


_NAMES: Final = tuple(each.name for each in fields(Completion))


class CompletionFile:
    """Completions as lines of JSON, added as they are made; what a kill left unfinished at the end is cut off.

    Args:
        path: Made when missing.

    Raises:
        InputError: If a line that was written whole is not a completion.
    """

    def __init__(self, path: Path):
        self.path = path
        content = path.read_bytes() if path.exists() else b""
        whole = content.rfind(b"\n") + 1
        self.keys = {one.key for one in _parsed(content[:whole], path)}
        self._file = AppendFile(path)
        if whole < len(content):
            self._file.cut(whole)

    def add(self, completions: list[Completion]) -> None:
        """Adds completions that are not there yet, and makes them survive a power loss."""
        fresh = [one for one in completions if one.key not in self.keys]
        lines = [json.dumps(asdict(one), ensure_ascii=False, allow_nan=False) + "\n" for one in fresh]
        self._file.append("".join(lines).encode("utf-8"))
        self._file.sync()
        self.keys |= {one.key for one in fresh}

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def read_completions(path: Path) -> Iterator[Completion]:
    """The completions of a file, in the order they were made.

    Raises:
        InputError: If it cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", file=path.name) from error
    yield from _parsed(content[: content.rfind(b"\n") + 1], path)


def _parsed(content: bytes, path: Path) -> Iterator[Completion]:
    for number, line in enumerate(content.splitlines(), 1):
        try:
            record: Mapping[str, Any] = json.loads(line)
            # A field that came later is missing from older files.
            yield Completion(**{"answered_by": None} | {name: record[name] for name in _NAMES if name in record})
        except (ValueError, KeyError, TypeError) as error:
            raise InputError("is not a completion; the file was changed", file=path.name, row=number) from error
