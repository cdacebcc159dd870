"""From a name to a model: embedded ones, local folders, finished runs, pinned hub ids."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer
from torch import nn
from transformers import PreTrainedTokenizerFast
from transformers.utils import logging

from rationale_eval.data.example import Task
from rationale_eval.errors import InputError, UsageError
from rationale_eval.models import embedded
from rationale_eval.models.choice_encoder import ChoiceEncoder
from rationale_eval.models.choice_lm import CausalChoice, Seq2SeqChoice
from rationale_eval.models.classifier import Classifier
from rationale_eval.models.families import FAMILIES, Kind, config_class, network_class
from rationale_eval.models.prompt import Prompt
from rationale_eval.models.safe import Checked, copy_in
from rationale_eval.models.transformer import ROBERTA_LIKE, Attention, TransformerModel

DTYPES: Final = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
BUILD: Final[dict[str, type[TransformerModel]]] = {
    model.kind: model for model in (Classifier, ChoiceEncoder, CausalChoice, Seq2SeqChoice)
}
DEFAULT_LENGTH: Final = 512
"""Most tokens in a row where neither the model nor its tokenizer has a limit."""


@dataclass(frozen=True, slots=True)
class _Use:
    """How to use a folder, after its card and the caller have been heard."""

    kind: Kind
    task: Task | None
    layout: str | Prompt | Mapping[str, Any] | None
    max_length: int | None
    trained: bool


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
    workspace: str | Path = "workspace",
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
        workspace: Where runs are kept.

    Returns:
        The model, in eval mode. `trained` is False where a head was drawn at random.

    Raises:
        UsageError: For names, tasks and options that do not fit together.
        InputError: For folders that are refused or damaged.
    """
    if dtype not in DTYPES:
        raise UsageError(f"there is no number type '{dtype}'; choose one of {', '.join(DTYPES)}")
    if attn not in get_args(Attention):
        raise UsageError(
            f"there is no attention implementation '{attn}'; choose one of {', '.join(get_args(Attention))}"
        )
    place = pick_device(device)
    with tempfile.TemporaryDirectory(prefix="rationale_eval-") as scratch:
        checked = copy_in(find(name, workspace), Path(scratch), name)
        use = decide(checked, name, task, kind, prompt, max_length)
        network, fresh = load_network(checked, use, name, seed, DTYPES[dtype], attn)
        tokenizer = load_tokenizer(checked, name)
        limit = _length(checked, use, name)
        layout = {} if use.layout is None else {"layout": use.layout}
        return BUILD[use.kind](
            network.to(place),
            tokenizer,
            name=name,
            task=use.task,
            max_length=limit,
            trained=use.trained and not fresh,
            **layout,
        )


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps the library's progress bars and load reports off the terminal; what matters is said by our errors."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def find(name: str, workspace: str | Path) -> Path:
    """The folder that a name stands for."""
    if name == embedded.MINILM:
        return embedded.minilm()
    if name == embedded.SMOLLM2:
        return embedded.convert_smollm2()
    return Path(name)


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
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"there is no device '{device}' on this machine; use cpu or auto") from error
    return place


def decide(
    checked: Checked,
    name: str,
    task: Task | None,
    kind: Kind | None,
    prompt: str | Prompt | None,
    max_length: int | None,
) -> _Use:
    """Kind, task, layout and length, from the caller first, then the card, then the weights.

    Raises:
        UsageError: If they contradict each other.
    """
    card = checked.card or {}
    if task is None:
        task = _card_task(card.get("task"), name)
    if task is not None and task.kind == "open":
        raise UsageError(f"the task '{task.name}' has open answers; a model that chooses needs a task with choices")
    reads = FAMILIES[checked.config["model_type"]].reads
    if kind is None:
        kind = card.get("kind") or _guess(reads, checked, task)
    if kind not in BUILD:
        raise UsageError(f"there is no kind of model '{kind}'; choose one of {', '.join(BUILD)}")
    if (kind in ("classifier", "choice_encoder")) != (reads == "encoder") or (reads != "encoder" and kind != reads):
        raise UsageError(f"'{name}' is a {reads} model ({checked.config['model_type']}); it cannot be used as {kind}")
    layout = prompt if prompt is not None else card.get("layout")
    return _Use(kind, task, layout, max_length or card.get("max_length"), bool(card.get("trained", True)))


def _guess(reads: str, checked: Checked, task: Task | None) -> Kind:
    if reads == "causal":
        return "causal"
    if reads == "seq2seq":
        return "seq2seq"
    if any(name.endswith("ForMultipleChoice") for name in checked.config.get("architectures", ())):
        return "choice_encoder"
    return "choice_encoder" if task is not None and task.kind == "multiple_choice" else "classifier"


def _card_task(found: Any, name: str) -> Task | None:
    if found is None:
        return None
    try:
        return Task(str(found["name"]), found["kind"], tuple(found["fields"]), tuple(found["choices"]))
    except (KeyError, TypeError) as error:
        raise InputError("rationale_eval.json does not describe a task; give task=...", file=name) from error


def load_network(
    checked: Checked, use: _Use, name: str, seed: int, dtype: torch.dtype, attn: Attention
) -> tuple[nn.Module, bool]:
    """The network, and whether its head is fresh.

    Raises:
        InputError: If weights of the body are missing or do not fit the configuration.
    """
    model_type = checked.config["model_type"]
    multiple = any(part.endswith("ForMultipleChoice") for part in checked.config.get("architectures", ()))
    cls = network_class(model_type, "multiple_choice" if multiple and use.kind == "choice_encoder" else use.kind)
    config = config_class(model_type)(**{k: v for k, v in checked.config.items() if k != "model_type"})
    if use.kind == "choice_encoder":
        config.num_labels = 1
    elif use.kind == "classifier" and not _has_head(checked):
        config.num_labels = len(use.task.choices) if use.task else config.num_labels
    with torch.random.fork_rng(), quiet():
        torch.manual_seed(seed)
        try:
            network, info = cls.from_pretrained(
                checked.folder,
                config=config,
                dtype=dtype,
                attn_implementation=attn if attn == "eager" or cls._supports_sdpa else "eager",
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                token=False,
                output_loading_info=True,
            )
        except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
            raise InputError(f"the weights do not fit config.json ({error})", file=name) from error
    missing = sorted(info["missing_keys"])
    return network, bool(missing)


def _has_head(checked: Checked) -> bool:
    return any(key.startswith(("classifier.", "score.")) for key in checked.keys)


def load_tokenizer(checked: Checked, name: str) -> Any:
    """The fast tokenizer, made from `tokenizer.json` alone, so that no class of the folder's choice is involved.

    Raises:
        InputError: If the file cannot be read.
    """
    try:
        backend = Tokenizer.from_file(str(checked.folder / "tokenizer.json"))
    except Exception as error:
        raise InputError(f"tokenizer.json cannot be read ({error})", file=name) from error
    backend.no_truncation()
    backend.no_padding()
    return PreTrainedTokenizerFast(tokenizer_object=backend, **checked.special)


def _length(checked: Checked, use: _Use, name: str) -> int:
    """Most tokens in a row.

    Raises:
        UsageError: If more is asked for than the model has positions.
    """
    family = FAMILIES[checked.config["model_type"]]
    config = config_class(checked.config["model_type"])(
        **{key: value for key, value in checked.config.items() if key != "model_type"}
    )
    positions = getattr(config, family.positions) if family.positions else None
    if positions is not None and checked.config["model_type"] in ROBERTA_LIKE:
        positions -= (config.pad_token_id or 0) + 1
    if use.max_length is not None:
        if use.max_length < 1 or (positions is not None and use.max_length > positions):
            raise UsageError(f"max_length {use.max_length} does not fit '{name}', which reads 1 to {positions} tokens")
        return int(use.max_length)
    limits = [limit for limit in (positions, checked.max_length) if limit is not None]
    return min(limits) if limits else DEFAULT_LENGTH
