"""`extract`: word scores of one or several methods for a data set, made once and kept in files."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any
from weakref import finalize

import pyarrow as pa
import pyarrow.parquet as pq

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.explanations import explanations_file, load_explanations
from rationale_eval.data.load import load_dataset
from rationale_eval.data.rationale import Explanations, WordScores
from rationale_eval.engine.memory import DiskMemory, Memory
from rationale_eval.engine.run import Engine
from rationale_eval.errors import InputError, UsageError
from rationale_eval.models.base import TaskModel
from rationale_eval.models.load import load_model
from rationale_eval.rationales.extract import Chosen, Extraction, check, choose
from rationale_eval.rationales.methods import METHODS

Progress = Callable[[int], None]
"""Called with the number of examples done since the last call."""


def extract(
    model: TaskModel | str | None,
    data: RationaleDataset | str,
    method: str = "integrated_gradients",
    *,
    target: str = "predicted",
    seed: int = 0,
    out: str | Path | None = None,
    progress: Progress | None = None,
    **params: Any,
) -> Explanations:
    """Explains a model's choices on a data set by one method.

    Args:
        model: The model, or what `load_model` takes; None for the controls random, gold and inverse_gold.
        data: The data set, or what `load_dataset` takes.
        method: Name of a method, see `rationale_eval.rationales.methods.METHODS`.
        target: The explained choice: "predicted", "gold", or its name.
        seed: Where randomness starts from; with the example it fixes every draw.
        out: Folder to keep `METHOD.parquet` in; by default a temporary one that goes with the result.
        progress: Called with the number of examples done since the last call.
        params: The method's parameters, such as `steps=20`.

    Returns:
        The rationales, in the data set's order, read from the file on every pass.

    Raises:
        UsageError: If a name is unknown, a parameter cannot be used, or the method does not fit the model.
        InputError: If the data cannot be read, or an example lacks the target.

    Example:
        >>> scores = extract(model, data, "integrated_gradients", steps=20)
    """
    settings = {f"{method}.{name}": value for name, value in params.items()}
    (found,) = extract_many(
        model, data, [method], settings=settings, target=target, seed=seed, out=out, progress=progress
    )
    return found


def extract_many(
    model: TaskModel | str | None,
    data: RationaleDataset | str,
    methods: Sequence[str],
    *,
    settings: Mapping[str, Any] | None = None,
    target: str = "predicted",
    seed: int = 0,
    out: str | Path | None = None,
    progress: Progress | None = None,
) -> list[Explanations]:
    """Explains by several methods at once: texts are encoded once, and methods that remove words share passes.

    Args:
        model: See `extract`.
        data: See `extract`.
        methods: Names of methods.
        settings: Parameters: `{"steps": 20}` for every method that has them, `{"lime.samples": 50}` for one.
        target: See `extract`.
        seed: See `extract`.
        out: See `extract`.
        progress: See `extract`.

    Returns:
        One set of rationales for each method, in the order asked.
    """
    if isinstance(data, str):
        data = load_dataset(data)
    if isinstance(model, str):
        model = load_model(model, task=data.task)
    if out is not None:
        return extract_to(
            Path(out), model, data, methods, settings=settings, target=target, seed=seed, progress=progress
        )
    folder = _TemporaryFolder()
    made = extract_to(folder.path, model, data, methods, settings=settings, target=target, seed=seed, progress=progress)
    return [Explanations(each.method, partial(_read, each, folder), each.params) for each in made]


class _TemporaryFolder:
    """A folder that goes when nothing refers to this any more."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="rationale_eval-"))
        finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def _read(explanations: Explanations, folder: _TemporaryFolder) -> Iterator[WordScores]:
    """One pass; the folder is an argument so that it stays for as long as it may be read."""
    return iter(explanations)


def extract_to(  # noqa: PLR0913 -- what `extract_many` takes, and what runs add
    folder: Path,
    model: TaskModel | None,
    data: RationaleDataset,
    methods: Sequence[str],
    *,
    settings: Mapping[str, Any] | None = None,
    target: str = "predicted",
    seed: int = 0,
    memory: Memory | Path | None = None,
    progress: Progress | None = None,
    reuse: bool = False,
) -> list[Explanations]:
    """Explains by several methods and keeps `METHOD.parquet` for each in `folder`; see `extract_many`.

    Args:
        folder: Made if it does not exist.
        model: The model; None where all methods are controls.
        data: The data set.
        methods: Names of methods.
        settings: Parameters.
        target: The explained choice.
        seed: Where randomness starts from.
        memory: Where the model's answers are remembered: a file, or something that remembers.
        progress: Called with the number of examples done since the last call.
        reuse: Keep files that lie there already where they hold what would be made: same method, parameters, model,
            target, seed and data.
    """
    chosen = choose_methods(methods, settings)
    check(chosen, model)

    def kept(each: Chosen) -> Explanations | None:
        return _kept(folder / f"{each.name}.parquet", _identity(each, model, target, seed), data) if reuse else None

    found = {each.name: kept(each) for each in chosen}
    missing = [each for each in chosen if found[each.name] is None]
    with ExitStack() as stack:
        if isinstance(memory, Path):
            memory = DiskMemory(memory)
            stack.callback(memory.close)
        if missing:
            engine = None if model is None else Engine(model, memory=memory)
            extraction = Extraction(missing, model, target=target, seed=seed, engine=engine)
            write(extraction, data, folder, progress)
    return [found[each.name] or load_explanations(folder / f"{each.name}.parquet") for each in chosen]


def _kept(file: Path, identity: Mapping[str, Any], data: RationaleDataset) -> Explanations | None:
    """What lies in a file, if it is whole and is what would be made again; files are only ever written whole."""
    try:
        found = load_explanations(file, data)
        whole = pq.read_metadata(file).num_rows == len(data)
    except (InputError, OSError, pa.ArrowException):
        return None
    return found if whole and found.params == json.loads(json.dumps(dict(identity), default=str)) else None


def write(
    extraction: Extraction, data: RationaleDataset, folder: Path, progress: Progress | None = None
) -> list[Explanations]:
    """Runs an extraction over a data set and keeps one file for each method; none is there unless all are whole."""
    with ExitStack() as stack:
        adders = [
            stack.enter_context(
                explanations_file(folder / f"{each.name}.parquet", each.name, _made_by(each, extraction), data)
            )
            for each in extraction.chosen
        ]
        for scores in extraction.run((example, data.words(example)) for example in data):
            for add, one in zip(adders, scores, strict=True):
                add(one)
            if progress is not None:
                progress(1)
    return [load_explanations(folder / f"{each.name}.parquet") for each in extraction.chosen]


def choose_methods(methods: Sequence[str], settings: Mapping[str, Any] | None = None) -> list[Chosen]:
    """Looks methods up and gives each its parameters.

    Args:
        methods: Names.
        settings: Parameters by name, for every method that has them, or by `method.name`, for one.

    Raises:
        UsageError: If a method is unknown, or no method has a parameter.
    """
    if not methods:
        raise UsageError(f"name at least one method; there are: {', '.join(METHODS)}")
    given: dict[str, dict[str, Any]] = {name: {} for name in methods}
    for key, value in (settings or {}).items():
        only, dot, param = key.rpartition(".")
        takers = [name for name in methods if (name == only if dot else param in METHODS[name].params)]
        if not takers:
            raise UsageError(
                f"'{only}' is not among the methods asked for, so '{key}' cannot be set"
                if dot
                else f"none of {', '.join(methods)} has a parameter '{key}'"
            )
        for name in takers:
            # A setting for one method wins over the same setting for all.
            if dot or param not in given[name]:
                given[name][param] = value
    return [choose(name, given[name]) for name in methods]


def _made_by(each: Chosen, extraction: Extraction) -> dict[str, Any]:
    return _identity(each, extraction.model, extraction.target, extraction.seed)


def _identity(each: Chosen, model: TaskModel | None, target: str, seed: int) -> dict[str, Any]:
    """What identifies a method's results: all parameters, and what else they depend on."""
    identity = dict(each.params)
    if not each.method.deterministic:
        identity["seed"] = seed
    if each.method.family != "control" and model is not None:
        identity |= {"target": target, "model": model.name}
        identity["fingerprint"] = model.fingerprint
    return identity
