"""From a checked folder to a network and a tokenizer, with explicit classes and nothing fetched or executed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer
from torch import nn
from transformers import PreTrainedTokenizerFast
from transformers.utils import logging

from rationale_eval.data.example import Task
from rationale_eval.errors import InputError, UsageError
from rationale_eval.models.attention import BY_LENGTH
from rationale_eval.models.families import FAMILIES, Kind, config_class, network_class
from rationale_eval.models.safe import Checked
from rationale_eval.models.transformer import ROBERTA_LIKE, Attention

DEFAULT_LENGTH: Final = 512
"""Most tokens in a row where neither the model nor its tokenizer has a limit."""

_HEAD: Final = re.compile(r"(\w+\.)?(classifier|score|pre_classifier|pooler|head|sequence_summary)\.")
"""Tensors that a bare encoder lacks; drawn at random they need training, any other missing tensor is damage."""


_SIZE_FACTOR: Final = 2
"""A tied table that is stored once may be counted twice."""
_SIZE_HEAD: Final = 1 << 26
"""Most numbers that fresh heads may add."""


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


def make_config(checked: Checked) -> Any:
    """The configuration object of a checked folder."""
    settings = {key: value for key, value in checked.config.items() if key != "model_type"}
    return config_class(checked.config["model_type"])(**settings)


def load_network(
    checked: Checked, kind: Kind, task: Task | None, *, seed: int, dtype: torch.dtype, attn: Attention
) -> tuple[nn.Module, bool]:
    """The network, and whether part of its head was drawn at random.

    Args:
        checked: The folder.
        kind: What it is used as.
        task: What for; gives a fresh head its classes.
        seed: Seed of a fresh head.
        dtype: Number type of the weights.
        attn: Attention implementation; "eager" is taken where the architecture has nothing else.

    Raises:
        InputError: If weights of the body are missing or do not fit the configuration.
        UsageError: If the folder's head has another number of outputs than is needed.
    """
    config = make_config(checked)
    multiple = any(name.endswith("ForMultipleChoice") for name in config.architectures or ())
    use = "multiple_choice" if multiple and kind == "choice_encoder" else kind
    cls = network_class(config.model_type, use)
    _fit_head(config, checked, kind, task)
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(seed)
        try:
            _check_size(cls, config, checked)
            network, report = cls.from_pretrained(
                checked.folder,
                config=config,
                dtype=dtype,
                attn_implementation=BY_LENGTH if attn == "sdpa" and cls._supports_sdpa else "eager",
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                token=False,
                output_loading_info=True,
            )
        except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
            first = str(error).strip().splitlines() or [type(error).__name__]
            raise InputError(f"the weights do not fit config.json ({first[0][:200]})", file=checked.shown) from error
    missing = sorted(report["missing_keys"])
    lost = [key for key in missing if kind in ("causal", "seq2seq") or not _HEAD.match(key)]
    if lost:
        raise InputError(
            f"the weights are not complete: '{lost[0]}' and {len(lost) - 1} others are missing; fetch the model again",
            file=checked.shown,
        )
    return network, any(_is_output(key) for key in missing)


def _check_size(cls: Any, config: Any, checked: Checked) -> None:
    """Refuses a configuration that asks for far more memory than the weights fill, before any is taken."""
    with torch.device("meta"):
        asked = sum(parameter.numel() for parameter in cls(config).parameters())
    stored = sum(math.prod(shape) for shape in checked.shapes.values())
    if asked > _SIZE_FACTOR * stored + _SIZE_HEAD:
        raise ValueError(f"it describes {asked:,} numbers and there are {stored:,}")


def _fit_head(config: Any, checked: Checked, kind: Kind, task: Task | None) -> None:
    """Sets the number of outputs that is needed, if the folder's own head does not contradict it."""
    if kind not in ("classifier", "choice_encoder"):
        return
    found = {shape[0] for key, shape in checked.shapes.items() if _is_output(key) and len(shape) == 2}
    needed = 1 if kind == "choice_encoder" else len(task.choices) if task else config.num_labels
    if found and found != {needed}:
        classes = "a classifier with {} classes".format(*found) if found != {1} else "a scorer of choices"
        raise UsageError(
            f"'{checked.shown}' is {classes}, but {needed} {'is' if needed == 1 else 'are'} needed"
            + (f" for the task '{task.name}'" if task else "")
            + "; choose another model or train this one's encoder for the task"
        )
    if not found and kind == "classifier" and task is not None:
        config.id2label = dict(enumerate(task.choices))
        config.label2id = {choice: i for i, choice in enumerate(task.choices)}
    elif not found:
        config.num_labels = needed


def _is_output(key: str) -> bool:
    """Whether a tensor is the last layer of a head."""
    return re.fullmatch(r"(classifier|score|classifier\.out_proj)\.(weight|bias)", key) is not None


def label_order(config: Any, task: Task) -> list[int] | None:
    """For each choice of the task the class that means it, by the labels' names; None where classes have no names.

    Raises:
        UsageError: If the classes have names and they are not those of the choices.
    """
    labels: Mapping[int, str] = config.id2label or {}
    names = [str(labels.get(i, "")).casefold() for i in range(config.num_labels)]
    if all(re.fullmatch(r"(label_\d+)?", name) for name in names):
        return None
    choices = [choice.casefold() for choice in task.choices]
    if sorted(choices) != sorted(names):
        raise UsageError(
            f"the model's classes are {', '.join(names)}, the choices of the task '{task.name}' are "
            f"{', '.join(choices)}; name the choices like the classes"
        )
    return [names.index(choice) for choice in choices]


def load_tokenizer(checked: Checked) -> Any:
    """The fast tokenizer, made from `tokenizer.json` alone, so that no class of the folder's choice is involved.

    Truncation, padding and random merges that were saved with it are switched off.

    Raises:
        InputError: If the file cannot be read.
    """
    try:
        backend = Tokenizer.from_file(str(checked.folder / "tokenizer.json"))
    except Exception as error:  # the library raises plain Exception for every malformed file
        raise InputError(f"tokenizer.json cannot be read ({str(error)[:200]})", file=checked.shown) from error
    backend.no_truncation()
    backend.no_padding()
    if getattr(backend.model, "dropout", None):
        backend.model.dropout = None
    return PreTrainedTokenizerFast(tokenizer_object=backend, **checked.special)


def check_vocabulary(tokenizer: Any, network: Any, shown: str) -> None:
    """Refuses a tokenizer with ids that the network has no embedding for.

    Raises:
        InputError: If there is such an id.
    """
    rows = network.get_input_embeddings().num_embeddings
    highest = max(tokenizer.backend_tokenizer.get_vocab(with_added_tokens=True).values(), default=0)
    if highest >= rows:
        raise InputError(
            f"the tokenizer has the id {highest}, but the model has {rows} embeddings; save both together again",
            file=shown,
        )


def longest_input(checked: Checked, asked: int | None) -> int:
    """Most tokens in a row: what is asked for, else the smaller of the model's and the tokenizer's limits.

    Raises:
        UsageError: If more is asked for than the model has positions.
    """
    config = make_config(checked)
    family = FAMILIES[config.model_type]
    positions = getattr(config, family.positions) if family.positions else None
    if positions is not None and config.model_type in ROBERTA_LIKE:
        positions -= (config.pad_token_id or 0) + 1
    if asked is not None:
        if asked < 1 or (positions is not None and asked > positions):
            raise UsageError(f"max_length {asked} does not fit '{checked.shown}', which reads 1 to {positions} tokens")
        return asked
    limits = [limit for limit in (positions, checked.max_length) if limit is not None]
    return min(limits) if limits else DEFAULT_LENGTH
