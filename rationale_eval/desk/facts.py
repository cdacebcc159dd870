"""What there is to use, from the records: metrics here, everything that needs torch from the warm process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rationale_eval.desk.desk import Desk
from rationale_eval.desk.remembered import kept, remembered
from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.catalogue import ARROWS, NEEDS
from rationale_eval.metrics.nrg import DESIDERATA, FACTS
from rationale_eval.metrics.record import Metric

KINDS: Final[Mapping[str, str]] = {
    "metric": "Metrics",
    "method": "Attribution methods",
    "recipe": "Recipes",
    "prompt": "Prompts",
    "perturbation": "Perturbations",
    "task_model": "Task models of an audit",
}
"""Kinds of things and what they are called, in the order they are shown."""


NOTATION: Final[Mapping[str, str]] = {
    "faithfulness": "p is the model's probability, x the whole input, y the explained choice, r the rationale's words, "
    "r_k its best k per cent.",
    "plausibility": "r are the selected words (or spans), g those that people highlighted, P precision, R recall.",
    "similarity": "t_i are the tokens of the text, g_j those of a gold rationale, P precision, R recall.",
    "simulation": "s is 1 where a simulator guesses the answer and 0 where not; x the input, r the rationale, so that "
    "s_xr sees both, s_x the input alone, s_r the rationale alone.",
    "chain_of_thought": "s_1 ... s_m are the sentences of the rationale; [ ] is 1 where what it holds is so, else 0.",
    "task": "p is the model's probability, x the input, y the gold label, TP_c, FP_c and FN_c the counts of class c.",
    "composite": "z is the value of one system; min and max are over the systems of the table.",
    "method": "s_i is the score of word i, e its embedding, b that of the baseline, f the number that is explained.",
    "recipe": "L is the loss, p the model's probability, x the input, y the label, r the rationale.",
}
"""What the letters of formulas stand for, by family of metrics, and for methods and recipes."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing and what is known of it. All text is the program's own.

    Args:
        kind: One of `KINDS`.
        name: As the user names it.
        title: The name in words.
        family: What it belongs to, in a word.
        what: What it says or does.
        formula: Plain-text mathematics, or empty.
        avoid: When not to use it, or empty.
        cite: Source, or empty.
        version: Raised whenever values or texts change; None where there is no count.
        lines: Further facts, name and value.
        variants: Named settings of the same function, name and parameters.
        knobs: What can be set: name, default and meaning.
        texts: Longer texts word by word, name and text.
    """

    kind: str
    name: str
    title: str
    family: str
    what: str
    formula: str = ""
    avoid: str = ""
    cite: str = ""
    version: int | None = None
    lines: tuple[tuple[str, str], ...] = ()
    variants: tuple[tuple[str, str], ...] = ()
    knobs: tuple[tuple[str, str, str], ...] = ()
    texts: tuple[tuple[str, str], ...] = ()

    @property
    def notation(self) -> str:
        """What the letters of the formula stand for."""
        return NOTATION.get(self.family if self.kind == "metric" else self.kind, "") if self.formula else ""

    def mentions(self, words: str) -> bool:
        """Whether all of some words stand in its name, its title or its texts."""
        everything = " ".join((self.name, self.title, self.family, self.what, self.avoid, self.cite)).casefold()
        return all(word in everything for word in words.casefold().split())


def warm_facts(desk: Desk) -> dict[str, Any]:
    """The records of methods, recipes, prompts, perturbations and the audit; see `warm.facts.facts`.

    Raises:
        RationaleEvalError: If the warm process does not answer.
    """
    found: dict[str, Any] = remembered(desk.workspace, "facts", lambda: desk.warm.call("facts"))
    return found


def kept_facts(desk: Desk) -> dict[str, Any] | None:
    """The same if it was asked before, of the same program; None otherwise, at once."""
    found: dict[str, Any] | None = kept(desk.workspace, "facts")
    return found


def metric_facts() -> list[Fact]:
    """Every metric and the composite, by family and name."""
    found = [_metric(each) for each in load_all().values()]
    return [*sorted(found, key=lambda each: (each.family, each.name)), _composite()]


def other_facts(records: Mapping[str, Any]) -> list[Fact]:
    """Everything that `warm_facts` knows, in the order of `KINDS`."""
    return [
        *(_method(each) for each in records["methods"]),
        *(_recipe(each) for each in records["recipes"]),
        *(_prompt(each) for each in records["prompts"]),
        *(_perturbation(each) for each in records["perturbations"]),
        *(_task_model(each) for each in records["rationalizers"]),
    ]


def chosen(facts: Iterable[Fact], *, kind: str | None = None, family: str | None = None, words: str = "") -> list[Fact]:
    """Those of a kind and a family that mention some words."""
    return [
        each
        for each in facts
        if (kind is None or each.kind == kind) and (family is None or each.family == family) and each.mentions(words)
    ]


def _metric(one: Metric) -> Fact:
    low, high = (_number(end) for end in one.range)
    lines = (
        ("Symbol", one.symbol),
        ("Direction", ARROWS[one.direction]),
        ("Range", f"{low} to {high}"),
        ("Best", "none" if one.best is None else _number(one.best)),
        ("Needs", ", ".join(NEEDS[need] for need in one.needs)),
        *((("Simulators see", ", ".join(one.views).replace("_", " ")),) if one.views else ()),
    )
    variants = tuple((name, _settings(options) or "the defaults") for name, options in one.variants.items())
    return Fact(
        "metric", one.name, one.title, one.family, one.describe, one.formula, one.avoid, one.cite, one.version, lines,
        variants,
    )  # fmt: skip


def _composite() -> Fact:
    groups = "; ".join(f"{name}: {', '.join(names)}" for name, names in DESIDERATA.items())
    lines = (
        ("Symbol", "NRG"),
        ("Direction", ARROWS["higher"]),
        ("Range", "0 to 1"),
        ("Needs", "two systems or more"),
        ("Made of", groups),
    )
    return Fact(
        "metric", "nrg", FACTS["title"], "composite", FACTS["describe"], FACTS["formula"], FACTS["avoid"],
        FACTS["cite"], None, lines,
    )  # fmt: skip


def _method(one: Mapping[str, Any]) -> Fact:
    signs = "below 0 speaks against the choice" if one["signed"] else "magnitudes or selections, never against a choice"
    lines = (
        ("Looks at", "no model: a control" if one["family"] == "control" else one["family"]),
        ("Signs", signs),
        ("Seed", "plays no part" if one["deterministic"] else "two seeds differ"),
    )
    knobs = tuple(
        (
            each["name"],
            str(each["default"]),
            f"one of {', '.join(map(str, each['options']))}" if each["options"] else "",
        )
        for each in one["params"]
    )
    return Fact(
        "method", one["name"], one["title"], one["family"], one["what"], one["formula"], one["avoid"], one["cite"],
        None, lines, knobs=knobs,
    )  # fmt: skip


def _recipe(one: Mapping[str, Any]) -> Fact:
    knobs = tuple((each["name"], _value(each["default"]), each["what"]) for each in one["knobs"])
    return Fact(
        "recipe", one["name"], one["title"], "recipe", one["what"], one["formula"], one["avoid"], one["cite"], None,
        knobs=knobs,
    )  # fmt: skip


_WRITES: Final = {
    "answer_first": "the answer, then the rationale",
    "rationale_first": "the rationale, then the answer",
    "rationale": "a rationale alone",
    "answer": "an answer alone",
}


def _prompt(one: Mapping[str, Any]) -> Fact:
    given = {
        "input": "the input alone",
        "label": "the gold answer too",
        "choice": "one choice",
        "rationale": "the rationale",
    }
    lines = (
        ("Known", given[one["given"]]),
        ("Written", _WRITES[one["order"]]),
        ("Solved examples before", str(one["shots"])),
    )
    texts = (("Instruction", one["instruction"]), ("Case", one["case"]), ("What is written", one["says"].strip()))
    return Fact(
        "prompt", one["name"], one["name"].replace("_", " "), "prompt", one["what"], version=one["version"],
        lines=lines, texts=texts,
    )  # fmt: skip


def _perturbation(one: Mapping[str, Any]) -> Fact:
    needs = {"pool": "rationales of other instances", "lm": "a language model"}
    lines = (
        ("Meaning", "stays" if one["effect"] == "equivalent" else "changes"),
        ("Needs", ", ".join(needs[each] for each in one["needs"]) or "nothing but the text"),
    )
    return Fact(
        "perturbation", one["name"], one["title"], one["effect"], one["what"], cite=one["cite"],
        version=one["version"], lines=lines,
    )  # fmt: skip


def _task_model(one: Mapping[str, Any]) -> Fact:
    return Fact("task_model", one["name"], one["title"], "task model", one["what"], cite=one["cite"])


def _settings(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {_value(value)}" for name, value in options.items())


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_value(each) for each in value)
    if isinstance(value, Mapping):
        return _settings(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _number(value: float) -> str:
    if value in (float("inf"), -float("inf")):
        return "infinity" if value > 0 else "-infinity"
    return f"{value:.4g}"


def families(facts: Iterable[Fact]) -> Iterator[str]:
    """The families of some things, each once, in their order."""
    yield from dict.fromkeys(each.family for each in facts)
