"""What the simulators of an evaluation learn from: gold labels and rationales, or what the system itself says.

A simulator is to guess the system's answer, not the right one (Hase et al. 2020; Chan et al. 2022, FRAME). Where the
system's texts for a training split are at hand, simulators learn its own answers and rationales; gold ones are what is
left where they are not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.importing import import_texts, stated_ids
from rationale_eval.data.load import load_dataset
from rationale_eval.data.outputs import Outputs, TextRationale
from rationale_eval.errors import InputError, UsageError
from rationale_eval.rationales.completion import read_completions
from rationale_eval.simulators.service import Answers
from rationale_eval.training.held_out import hold_out
from rationale_eval.verbs.evaluate_texts import by_example, completions_of
from rationale_eval.verbs.generate import Texts
from rationale_eval.verbs.generate_run import ABOUT
from rationale_eval.verbs.job import EvaluateConfig
from rationale_eval.verbs.simulating import Taught
from rationale_eval.workspace.runs import Workspace

LEAST: Final = 20
"""Fewest examples that simulators are made from."""


@dataclass(frozen=True, slots=True)
class _Known:
    """Examples with an answer and a rationale, before some are drawn."""

    data: RationaleDataset
    targets: Mapping[str, int]
    texts: Mapping[str, str]
    about: Mapping[str, Any]


def what_is_taught(job: EvaluateConfig, data: RationaleDataset, workspace: Workspace) -> Taught:
    """What the simulators of an evaluation learn from, a tenth of it held out.

    Args:
        job: The evaluation, with names resolved.
        data: What is evaluated.
        workspace: Where runs are kept.

    Raises:
        UsageError: If there is no such split or file, if it is the evaluated one, or if too little is left.
        InputError: If the texts cannot be read, or are of other examples.
    """
    source = load_dataset(job.data, job.simulator_split, mapping=job.mapping or None)
    if source.split == data.split:
        raise UsageError(
            f"simulators cannot learn from the split '{data.split}', which is evaluated; name another with "
            "--simulator-split"
        )
    known = _gold(source) if job.simulator_texts is None else _said(job, job.simulator_texts, source, workspace)
    drawn = known.data.sample(job.simulator_limit, job.seed)
    if len(drawn) < LEAST:
        raise UsageError(_too_few(known, len(drawn), len(known.targets)))
    train, dev = (Answers(part, known.targets, known.texts) for part in hold_out(drawn))
    about = {"split": source.split, **known.about, "examples": len(drawn)}
    return Taught(train, dev, about)


def _too_few(known: _Known, drawn: int, all_of: int) -> str:
    if drawn < all_of:
        return (
            f"simulators need {LEAST} examples with a label and a rationale; --simulator-limit lets them have {drawn}"
        )
    left_out = known.about.get("without_answer")
    if left_out is None:
        return (
            f"simulators need {LEAST} examples with a label and a rationale, and {known.data.name} "
            f"({known.data.split}) has {drawn}"
        )
    return (
        f"simulators need {LEAST} texts from which an answer can be read, and {known.about['texts']} has {drawn} "
        f"({left_out} without one); generate more, or leave out --simulator-texts to have them learn gold labels"
    )


def _gold(source: RationaleDataset) -> _Known:
    data = source.where(lambda example: example.label is not None and bool(example.rationales))
    targets = {example.id: example.label for example in data if example.label is not None}
    return _Known(data, targets, {example.id: example.rationales[0] for example in data}, {"answers": "gold"})


def _said(job: EvaluateConfig, name: str, source: RationaleDataset, workspace: Workspace) -> _Known:
    file = completions_of(name, workspace)
    if file is None:
        system = _of_file(Path(name), source)
    else:
        _require_split(job, name, source, workspace)
        system = _of_completions(file, source)
    of = by_example(system)
    targets = {key: one.target for key, one in of.items() if one.target is not None}
    texts = {key: of[key].text for key in targets}
    about = {"answers": "system", "texts": name, "system": system.system, "without_answer": len(of) - len(targets)}
    return _Known(source.where(lambda example: example.id in targets), targets, texts, about)


def _of_file(path: Path, source: RationaleDataset) -> Outputs[TextRationale]:
    """A system that need not have spoken of every example."""
    named = stated_ids(path)
    _require_known(named, source, path.name)
    return import_texts(path, source.where(lambda example: example.id in named) if named else source)


def _of_completions(file: Path, source: RationaleDataset) -> Outputs[TextRationale]:
    made = list(read_completions(file))
    _require_known({one.example_id for one in made}, source, file.name)
    about = json.loads((file.parent / ABOUT).read_text(encoding="utf-8"))
    return Texts(made, source, about).rationales()


def _require_known(ids: set[str], source: RationaleDataset, file: str) -> None:
    other = ids - {example.id for example in source}
    if other:
        raise InputError(
            f"'{min(other)[:80]}' is no example of {source.name} ({source.split}), which simulators learn from; name "
            "the split of these texts with --simulator-split",
            file=file,
        )


def _require_split(job: EvaluateConfig, name: str, source: RationaleDataset, workspace: Workspace) -> None:
    """Refuses a run whose texts are of another split: ids may be the same in all splits."""
    if Path(name).exists():
        return
    made = workspace.find(name).config
    if made.get("data") != job.data:
        return
    split = load_dataset(job.data, made.get("split"), mapping=job.mapping or None).split
    if split != source.split:
        raise UsageError(
            f"{name} has texts for the split '{split}', and simulators learn from '{source.split}'; generate some for "
            "that split, or name another with --simulator-split"
        )
