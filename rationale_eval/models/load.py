"""From a name to a model that chooses."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

import torch

from rationale_eval.data.example import Task
from rationale_eval.errors import InputError, UsageError
from rationale_eval.models.card import task_of
from rationale_eval.models.choice_encoder import ChoiceEncoder
from rationale_eval.models.choice_lm import CausalChoice, Seq2SeqChoice
from rationale_eval.models.classifier import Classifier
from rationale_eval.models.embedded import SMOLLM2
from rationale_eval.models.families import FAMILIES, Kind
from rationale_eval.models.layout import LAYOUTS
from rationale_eval.models.narrowing import narrowing_of
from rationale_eval.models.network import check_vocabulary, load_network, load_tokenizer, longest_input
from rationale_eval.models.prompt import Prompt
from rationale_eval.models.safe import Checked, copy_in, read_json
from rationale_eval.models.source import NEW, find
from rationale_eval.models.transformer import Attention, TransformerModel, check_task

DTYPES: Final = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_MODELS: Final[tuple[Any, ...]] = (Classifier, ChoiceEncoder, CausalChoice, Seq2SeqChoice)
EXTRACTOR: Final = "extractor"
"""Folder beside the weights that holds a rationale extractor; read by `rationales.extractors`."""
KINDS: Final[dict[str, Any]] = {model.kind: model for model in _MODELS}


@dataclass(frozen=True, slots=True)
class _Use:
    """How to use a folder, after the caller, its card and its weights have been heard."""

    kind: Kind
    task: Task | None
    layout: str | Prompt | Mapping[str, Any] | None
    max_length: int | None
    trained: bool
    narrowing: Mapping[str, Any] | None = None
    template: Mapping[str, Any] | None = None


def load_model(  # noqa: PLR0913 -- the public verb; all but the name are keywords with defaults
    name: str,
    *,
    task: Task | None = None,
    device: str = "auto",
    dtype: str = "float32",
    kind: Kind | None = None,
    prompt: str | Prompt | None = None,
    attn: Attention = "sdpa",
    seed: int = 0,
    max_length: int | None = None,
    workspace: str | Path | None = None,
) -> TransformerModel:
    """Loads a model that chooses.

    Args:
        name: `embedded/minilm`, `embedded/smollm2`, a local folder, `run:<id>`, the folder of a run, or a hub id
            (`owner/name` or `owner/name@revision`).
        task: What it is to do; may be left out for models saved by this package.
        device: "auto", "cpu", "cuda", "cuda:1" ...
        dtype: "float32", "bfloat16" or "float16"; scores are always computed to float32 or better.
        kind: "classifier", "choice_encoder", "causal" or "seq2seq"; by default what the weights and the task suggest.
        prompt: For language models the name of a prompt or a template; for encoders the name of a layout.
        attn: "sdpa" or "eager"; architectures that only have eager attention get that.
        seed: Seed of a fresh head, where the folder holds a bare encoder.
        max_length: Most tokens in a row; by default the model's limit.
        workspace: The folder that has `runs/`; by default that of `RATIONALE_EVAL_WORKSPACE`, else `./workspace`.

    Returns:
        The model, in eval mode. `trained` is False where a head was drawn at random, `source` is the name made exact
        (hub ids with their commit).

    Raises:
        UsageError: For names, tasks and options that do not fit together.
        InputError: For folders that are refused or damaged.
    """
    if dtype not in DTYPES:
        raise UsageError(f"there is no number type '{dtype}'; choose one of {', '.join(DTYPES)}")
    if attn not in get_args(Attention):
        raise UsageError(f"there is no attention '{attn}'; choose one of {', '.join(get_args(Attention))}")
    place = pick_device(device)
    found = find(name, workspace)
    with tempfile.TemporaryDirectory(prefix="rationale_eval-") as scratch:
        checked = copy_in(found.folder, Path(scratch), name, ours=found.ours)
        use = decide(checked, task, kind, prompt, max_length)
        network, fresh = load_network(checked, use.kind, use.task, seed=seed, dtype=DTYPES[dtype], attn=attn)
        tokenizer = load_tokenizer(checked)
        limit = longest_input(checked, use.max_length)
    check_vocabulary(tokenizer, network, name)
    model: TransformerModel = KINDS[use.kind](
        network.to(place),
        tokenizer,
        name=name,
        source=found.exact,
        task=use.task,
        layout=use.layout,
        max_length=limit,
        trained=use.trained and not fresh,
    )
    extractor = found.folder / EXTRACTOR
    model.extractor = extractor if extractor.is_dir() else None
    model.narrowing = None if use.narrowing is None else narrowing_of(use.narrowing)
    model.template = use.template
    return model


def reads(name: str, workspace: str | Path | None = None) -> str:
    """How the model of a name reads, without loading it: "encoder", "causal" or "seq2seq".

    Raises:
        UsageError: If the name leads nowhere.
        InputError: If the folder holds no model that can be loaded.
    """
    if name.startswith(NEW):
        return "seq2seq"
    if name.startswith("embedded/"):
        return "causal" if name == SMOLLM2 else "encoder"
    folder = find(name, workspace).folder
    kind = read_json(folder / "config.json", name).get("model_type")
    if kind not in FAMILIES:
        raise InputError(f"models of the type '{kind}' cannot be loaded; choose another", file=name)
    return FAMILIES[str(kind)].reads


def pick_device(device: str) -> torch.device:
    """The device; "auto" is the first GPU, else the CPU.

    Raises:
        UsageError: If it does not exist here.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        place = torch.device(device)
        torch.empty(1, device=place)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UsageError(f"there is no device '{device}' on this machine; use cpu or auto") from error
    return place


def decide(
    checked: Checked, task: Task | None, kind: Kind | None, prompt: str | Prompt | None, max_length: int | None
) -> _Use:
    """Kind, task, layout and length: from the caller first, then the card, then the weights.

    Raises:
        UsageError: If they contradict each other.
        InputError: If the card cannot be read.
    """
    card = _card(checked)
    task = task or card.task
    if task is not None and task.kind == "open":
        raise UsageError(f"the task '{task.name}' has open answers; a model that chooses needs a task with choices")
    model_type = checked.config["model_type"]
    reads = FAMILIES[model_type].reads
    kind = kind or (card.kind if card.kind in KINDS else None) or _guess(reads, checked, task)
    if kind not in KINDS:
        raise UsageError(f"there is no kind of model '{kind}'; choose one of {', '.join(KINDS)}")
    if kind not in (("classifier", "choice_encoder") if reads == "encoder" else (reads,)):
        what = "an encoder" if reads == "encoder" else f"a {reads} language model"
        raise UsageError(f"'{checked.shown}' is {what} ({model_type}); it cannot be used as {kind}")
    if kind == "classifier" and task is not None:
        check_task(task, ("classification",), "an encoder classifier")
    layout = prompt if prompt is not None else card.layout
    encoder = kind in ("classifier", "choice_encoder")
    if encoder and layout is not None and (not isinstance(layout, str) or layout not in LAYOUTS):
        raise UsageError(f"an encoder has no prompt '{layout}'; choose a layout: {', '.join(LAYOUTS)}")
    return _Use(kind, task, layout, max_length or card.max_length, card.trained, card.narrowing, card.template)


def _guess(reads: Kind | str, checked: Checked, task: Task | None) -> Kind:
    if reads == "causal" or reads == "seq2seq":
        return reads  # type: ignore[return-value]
    multiple = any(name.endswith("ForMultipleChoice") for name in checked.config.get("architectures", ()))
    return "choice_encoder" if multiple or (task is not None and task.kind == "multiple_choice") else "classifier"


def _card(checked: Checked) -> _Use:
    """What the folder's card says, or nothing.

    Raises:
        InputError: If there is a card that cannot be read.
    """
    card = checked.card or {}
    length, layout = card.get("max_length"), card.get("layout")
    damaged = InputError("rationale_eval.json cannot be read; save the model again", file=checked.shown)
    if not (length is None or (type(length) is int and length > 0)):
        raise damaged
    narrowing, template = card.get("narrowing"), card.get("template")
    if not all(part is None or isinstance(part, Mapping) for part in (narrowing, template)):
        raise damaged
    if not (layout is None or isinstance(layout, str | Mapping)) or not isinstance(card.get("kind", ""), str):
        raise damaged
    known = task_of(card, checked.shown)
    trained = bool(card.get("trained", True))
    return _Use(card.get("kind"), known, layout, length, trained, narrowing, template)  # type: ignore[arg-type]
