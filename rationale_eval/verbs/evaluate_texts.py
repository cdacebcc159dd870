"""Free-text rationales scored, example by example, with controls beside them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.data.importing import import_texts
from rationale_eval.data.outputs import Outputs, TextRationale
from rationale_eval.errors import InputError, UsageError
from rationale_eval.metrics.record import Score
from rationale_eval.metrics.text_case import TextCase, TokenStates
from rationale_eval.models.text_encoder import TextEncoder
from rationale_eval.rationales.completion import read_completions
from rationale_eval.simulators.service import Answers, Simulators
from rationale_eval.verbs.chosen_metrics import Wanted
from rationale_eval.verbs.evaluate_asking import Asking, Place, ask
from rationale_eval.verbs.generate import Texts
from rationale_eval.verbs.generate_run import ABOUT, COMPLETIONS, FOLDER
from rationale_eval.verbs.import_run import imported_texts
from rationale_eval.verbs.predictions import FILE as ANSWERS
from rationale_eval.verbs.predictions import OWN, Answered, predictions_file, simulator
from rationale_eval.verbs.result import Result, ScoreRow, write_scores
from rationale_eval.verbs.simulating import asked_views
from rationale_eval.workspace.runs import Workspace

CONTROLS: Final = ("random", "gold")
"""`random`: a gold rationale of another example; `gold`: the first gold rationale against the others, where there are
several. Both answer rightly."""

WINDOW: Final = 256
"""Examples whose texts are encoded together."""


@dataclass(frozen=True, slots=True)
class _Said:
    """One system's text for one example, and what it is compared with."""

    system: str
    text: str
    answer: int | None
    references: Sequence[str]


def evaluate_texts(  # noqa: PLR0913 -- as `evaluate`; all but the first three are keywords with defaults
    data: RationaleDataset,
    systems: Sequence[Outputs[TextRationale]],
    wanted: Sequence[Wanted],
    *,
    controls: Sequence[str] = CONTROLS,
    encoder: str = "embedded/minilm",
    simulators: Mapping[str, Simulators] | None = None,
    asking: Asking | None = None,
    device: str = "auto",
    seed: int = 0,
    out: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Result:
    """Scores free-text rationales.

    Args:
        data: The examples.
        systems: Texts of one or several systems, one for each example.
        wanted: Metrics of free text.
        controls: Names in `CONTROLS`, beside the systems.
        encoder: The encoder of metrics that need one.
        simulators: By their weights ("pt", "np"), for metrics that need some.
        asking: The language model and how it is asked again, for metrics that do.
        device: Where the encoder runs.
        seed: Draws the random control.
        out: Parquet file for the scores; a temporary one by default. What was said, and what simulators answer to it,
            stands beside it (`verbs/predictions.py`).
        progress: Called with the number of examples done since the last call.

    Raises:
        UsageError: For unknown controls, or systems of one name.
        InputError: If a system has no text for an example, or several.
    """
    check_controls(controls)
    names = [each.system for each in systems]
    if len({*names, *controls}) < len(names) + len(controls):
        raise UsageError(f"two systems have one name among {', '.join([*names, *controls])}; rename one")
    texts = {each.system: by_example(each) for each in systems}
    _require_all(data, texts)
    reader = None
    if any("encoder" in each.metric.needs for each in wanted):
        reader = TextEncoder(encoder, device=device)
    donors = _donors(data, seed) if "random" in controls else {}

    def said(example: Example) -> list[_Said]:
        return list(_said(example, texts, donors, controls))

    simulated = _simulated(data, said, wanted, simulators or {}, seed)
    provenance = _provenance(data, names, controls, wanted, reader, seed)
    asked: dict[Place, Score] = {}
    if asking is not None:
        cases = ((one.system, _case(example, one)) for example in data for one in said(example))
        asked, how = ask(asking, cases, wanted, seed, None if reader is None else reader.vectors)
        provenance |= how | {"model": {"name": asking.lm.name, "fingerprint": asking.lm.fingerprint}}
    path = write_scores(_rows(data, said, wanted, reader, simulated, asked, progress), out)
    with predictions_file(path.with_name(ANSWERS)) as keep:
        for answered in _answered(data, said, simulated):
            keep(answered)
    learned = {
        f"{weights} {seen}": made.learned(seen, seed).record()
        for weights, made in (simulators or {}).items()
        for seen in asked_views(wanted, weights)
    }
    return Result(path, provenance | {"simulators": learned})


def check_controls(controls: Sequence[str]) -> None:
    """Refuses controls that free text does not have.

    Raises:
        UsageError: If there is one.
    """
    unknown = [name for name in controls if name not in CONTROLS]
    if unknown:
        raise UsageError(f"there is no control '{unknown[0]}' for free text; choose among {', '.join(CONTROLS)}")


def read_texts(
    names: Sequence[str], data: RationaleDataset, workspace: Workspace
) -> list[tuple[Outputs[TextRationale], Path | None]]:
    """Texts by name: a file in a form that `import` reads, a folder of completions, or a run that generated some.

    Returns:
        Systems, each with its file of completions where it has one. A generation is one system, or one for each draw
        where it was told to keep all.

    Raises:
        UsageError: If there is no such file or run.
        InputError: If it cannot be read, once it is.
    """
    found: list[tuple[Outputs[TextRationale], Path | None]] = []
    for name in names:
        imported = imported_texts(name, workspace)
        if imported is not None:
            found.append((import_texts(imported[1], data, system=imported[0]), None))
            continue
        file = completions_of(name, workspace)
        if file is None:
            found.append((import_texts(Path(name), data), None))
            continue
        about = json.loads((file.parent / ABOUT).read_text(encoding="utf-8"))
        texts = Texts(list(read_completions(file)), data, about)
        systems = texts.draws() if about.get("keep") == "all" else [texts.rationales()]
        found.extend((each, file) for each in systems)
    return found


def completions_of(name: str, workspace: Workspace) -> Path | None:
    """The file of completions that a name means; None where it is a file of texts of another tool.

    Raises:
        UsageError: If there is no such file or run.
    """
    path = Path(name)
    if path.is_file() and path.name != COMPLETIONS:
        return None
    if not path.exists():
        path = workspace.find(name).folder / FOLDER
    file = path if path.is_file() else path / COMPLETIONS
    if not file.is_file():
        raise UsageError(f"'{name}' holds no texts; name a run of `generate`, or a file with id and text")
    return file


def by_example(system: Outputs[TextRationale]) -> dict[str, TextRationale]:
    """A system's texts by example id.

    Raises:
        InputError: If there are several for one example.
    """
    found: dict[str, TextRationale] = {}
    for one in system:
        if one.example_id in found:
            raise InputError(
                f"'{system.system}' has several texts for example '{one.example_id}'; only one can be scored"
            )
        found[one.example_id] = one
    return found


def _require_all(data: RationaleDataset, texts: Mapping[str, Mapping[str, TextRationale]]) -> None:
    """Refuses texts that do not cover the examples; where the first ones are covered, it says how to score those."""
    ids = [example.id for example in data]
    for system, of in texts.items():
        there = [id in of for id in ids]
        if all(there):
            continue
        first, have = there.index(False), sum(there)
        way = f", or score the first {first:,} alone, with --limit {first}" if first == have and first else ""
        raise InputError(
            f"the system '{system}' has no text for example '{ids[first]}', and texts for {have:,} of {len(ids):,} "
            f"examples; generate or import the others{way}"
        )


def _donors(data: RationaleDataset, seed: int) -> dict[str, str]:
    """For each example the gold rationale of another one: the examples are put in a random ring."""
    known = [(example.id, example.rationales[0]) for example in data if example.rationales]
    if len(known) < 2:
        return {}
    ring = np.random.default_rng(seed).permutation(len(known))
    return {known[place][0]: known[after][1] for place, after in zip(ring, np.roll(ring, -1), strict=True)}


def _said(
    example: Example, texts: dict[str, dict[str, TextRationale]], donors: dict[str, str], controls: Sequence[str]
) -> Iterator[_Said]:
    for system, of in texts.items():
        yield _Said(system, of[example.id].text, of[example.id].target, example.rationales)
    if "random" in controls and example.id in donors:
        yield _Said("random", donors[example.id], example.label, example.rationales)
    if "gold" in controls and len(example.rationales) > 1:
        yield _Said("gold", example.rationales[0], example.label, example.rationales[1:])


def _case(example: Example, one: _Said) -> TextCase:
    return TextCase(example, one.text, one.references, one.answer)


Simulated = dict[tuple[str, str], Mapping[tuple[str, str], NDArray[np.float64]]]
"""System and example id to what simulators answer there, by weights and what they see."""


def _simulated(
    data: RationaleDataset,
    said: Callable[[Example], list[_Said]],
    wanted: Sequence[Wanted],
    simulators: Mapping[str, Simulators],
    seed: int,
) -> Simulated:
    by_system: dict[str, dict[str, _Said]] = {}
    for example in data if simulators else ():
        for one in said(example):
            if one.answer is not None:
                by_system.setdefault(one.system, {})[example.id] = one
    found: dict[tuple[str, str], dict[tuple[str, str], NDArray[np.float64]]] = {}
    for system, of in by_system.items():
        answers = Answers(
            data,
            {key: one.answer for key, one in of.items() if one.answer is not None},
            {key: one.text for key, one in of.items()},
        )
        for weights, made in simulators.items():
            for seen in asked_views(wanted, weights):
                for key, probabilities in made.guesses(answers, seen, seed).items():
                    found.setdefault((system, key), {})[weights, seen] = probabilities
    return {place: dict(each) for place, each in found.items()}


def _rows(
    data: RationaleDataset,
    said: Callable[[Example], Iterable[_Said]],
    wanted: Sequence[Wanted],
    reader: TextEncoder | None,
    simulated: Simulated,
    asked: Mapping[Place, Score],
    progress: Callable[[int], None] | None,
) -> Iterator[ScoreRow]:
    examples = iter(data)
    while window := [(example, list(said(example))) for example in islice(examples, WINDOW)]:
        known = {} if reader is None else _encoded(reader, [one for _, all_of in window for one in all_of], wanted)
        for example, all_of in window:
            shared = data.cluster(example)
            cluster = None if shared is None else blake2b(shared.encode(), digest_size=8).hexdigest()
            for one in all_of:
                guesses = simulated.get((one.system, example.id), {})
                encode = known.__getitem__ if known else None
                case = replace(_case(example, one), simulated=guesses, encode=encode)
                for each in wanted:
                    known_score = asked.get((one.system, example.id, each.metric.name, each.variant))
                    score: Score = known_score or each.metric.ask(case, **each.options)
                    yield ScoreRow(example.id, cluster, one.system, each.metric.name, each.variant, score)
            if progress is not None:
                progress(1)


def _answered(
    data: RationaleDataset, said: Callable[[Example], Iterable[_Said]], simulated: Simulated
) -> Iterator[Answered]:
    for example in data:
        for one in said(example):
            yield Answered(example.id, one.system, OWN, one.answer, text=one.text)
            for (weights, seen), found in simulated.get((one.system, example.id), {}).items():
                yield Answered(example.id, one.system, simulator(weights, seen), int(np.argmax(found)), found)


def _encoded(reader: TextEncoder, said: Sequence[_Said], wanted: Sequence[Wanted]) -> dict[str, TokenStates]:
    """States of every text of a window; those in lower case where a metric asks for them."""
    texts = {text for one in said for text in (one.text, *one.references)}
    if any(each.options.get("lower") for each in wanted):
        texts |= {text.lower() for text in texts}
    ordered = sorted(texts)
    return {text: TokenStates(*found) for text, found in zip(ordered, reader.states(ordered), strict=True)}


def _provenance(
    data: RationaleDataset,
    names: Sequence[str],
    controls: Sequence[str],
    wanted: Sequence[Wanted],
    reader: TextEncoder | None,
    seed: int,
) -> dict[str, Any]:
    return {
        "data": {"name": data.name, "split": data.split, "fingerprint": data.fingerprint(), "examples": len(data)},
        "model": None,
        "systems": list(names),
        "controls": list(controls),
        "metrics": [
            {"metric": w.metric.name, "variant": w.variant, "version": w.metric.version, **w.options} for w in wanted
        ],
        "encoder": None if reader is None else {"name": reader.name, "fingerprint": reader.fingerprint},
        "seed": seed,
        "truncated": 0,
        "engine": None,
    }
