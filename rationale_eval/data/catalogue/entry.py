"""The facts about one named set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rationale_eval.data.example import Task

Gold = Literal["highlights", "free text", "model-written text", "ratings"]


@dataclass(frozen=True, slots=True)
class Form:
    """One public form of a set: how its columns become ours.

    Args:
        columns: A column mapping as a user would write it (see `data/mapping.py`): our name to theirs.
        choices: Label names in the order of the form's label numbers, where it has numbers.
        confirmed: Whether the mapping was checked against the real files.
    """

    columns: Mapping[str, str]
    choices: tuple[str, ...] = ()
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One named set.

    Args:
        name: Its name here, also that of its folder.
        title: The name its authors gave it.
        about: One sentence.
        task: What its examples ask for.
        gold: What human (or model) rationales it has.
        licence: As its source states it.
        citation: Authors, title, venue and year.
        word_rule: "whitespace" where the corpus is tokenised already.
        cluster_field: Input shared by dependent examples, or None.
        warning: What a reader should know before looking at the texts, or None.
        hub: Repository id (and configuration, after a second slash) of a public copy, or None.
        forms: Public column forms, the likeliest first.
    """

    name: str
    title: str
    about: str
    task: Task
    gold: tuple[Gold, ...] = ()
    licence: str = "not stated"
    citation: str = ""
    word_rule: str = "unicode"
    cluster_field: str | None = None
    warning: str | None = None
    hub: str | None = None
    forms: tuple[Form, ...] = ()
