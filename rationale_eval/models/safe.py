"""Model folders are data from strangers: look at the folder, copy in what is allowed, load only the copy.

Nothing in a folder can name code to run. What may be copied is listed (configuration, fast tokenizer, safetensors
weights); what could hold code, a pickle or a reference to another place is refused with a sentence that says why.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError, safe_open

from rationale_eval.errors import InputError
from rationale_eval.models.families import FAMILIES, config_class, known_keys

WEIGHTS: Final = "model.safetensors"
INDEX: Final = "model.safetensors.index.json"
TEXTS: Final = ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", INDEX)
"""JSON files that are read; `rationale_eval.json` besides. Shards named by the index are copied too."""

CODE: Final = (".py", ".pyc", ".pyo", ".pyd", ".so", ".dll", ".dylib", ".sh", ".ipynb")
PICKLE: Final = (
    ".bin",
    ".pt",
    ".pth",
    ".pkl",
    ".pickle",
    ".ckpt",
    ".joblib",
    ".dill",
    ".h5",
    ".npy",
    ".npz",
    ".msgpack",
)
GGUF: Final = (".gguf", ".ggml", ".ggjt")
CODE_KEYS: Final = ("auto_map", "trust_remote_code", "custom_pipelines", "custom_pipeline")
KERNEL_KEYS: Final = ("attn_implementation", "_attn_implementation", "_attn_implementation_internal", "use_kernels")
KERNEL_KEYS_ALSO: Final = ("experts_implementation", "_experts_implementation", "kernel_config", "use_kernel_forward")
QUANTISED_KEYS: Final = ("quantization_config", "compression_config", "quantization", "load_in_8bit", "load_in_4bit")

TOKENIZERS: Final = frozenset(
    {"PreTrainedTokenizerFast", "PreTrainedTokenizer", "TokenizersBackend", "GPTNeoXTokenizer", "CodeLlamaTokenizer"}
    | {"BertTokenizer", "RobertaTokenizer", "XLMRobertaTokenizer", "CamembertTokenizer", "DistilBertTokenizer"}
    | {"ElectraTokenizer", "DebertaV2Tokenizer", "AlbertTokenizer", "GPT2Tokenizer", "LlamaTokenizer"}
    | {"Qwen2Tokenizer", "T5Tokenizer", "BartTokenizer"}
)
"""Tokenizer classes whose meaning is wholly in `tokenizer.json`; "Fast" may follow the name."""

SPECIAL_TOKENS: Final = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
MAX_TEXT: Final = 64 << 20
MAX_DEPTH: Final = 8
MAX_SIZE: Final = 1 << 24
MAX_LAYERS: Final = 512
_SHARD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.safetensors")


@dataclass(frozen=True, slots=True)
class Checked:
    """A folder copied in: everything in it passed.

    Args:
        folder: The copy.
        config: The configuration, known keys only.
        special: Special tokens by role.
        max_length: The tokenizer's own limit, or None.
        card: Our own card, or None.
        shapes: Shape of each tensor by name.
        shown: How messages call the folder.
    """

    folder: Path
    config: Mapping[str, Any]
    special: Mapping[str, str]
    max_length: int | None
    card: Mapping[str, Any] | None
    shapes: Mapping[str, tuple[int, ...]]
    shown: str


def copy_in(source: Path, target: Path, shown: str, *, ours: bool = False) -> Checked:
    """Inspects a model folder and copies what is allowed into `target`.

    Args:
        source: The folder.
        target: An empty folder of ours.
        shown: How messages call the folder.
        ours: Whether nobody but this program writes there, so that weights may be read in place instead of copied.

    Raises:
        InputError: With one sentence, if anything in the folder is refused.
    """
    names = list_folder(source, shown)
    card_name = "rationale_eval.json"
    for name in (*TEXTS, card_name):
        if name in names:
            _copy(source / name, target / name, shown, MAX_TEXT)
    config = check_config(read_json(target / "config.json", shown), shown)
    special, limit = check_tokenizer(target, shown)
    shapes: dict[str, tuple[int, ...]] = {}
    for name in _shards(target, names, shown):
        if ours:
            (target / name).symlink_to((source / name).absolute())
        else:
            _copy(source / name, target / name, shown)
        shapes |= _shapes(target / name, shown)
    (target / "config.json").write_text(json.dumps(config), encoding="utf-8")
    card = read_json(target / card_name, shown) if card_name in names else None
    return Checked(target, config, special, limit, card, shapes, shown)


def allowed(name: str) -> bool:
    """Whether a file of this name would be copied in."""
    return name in TEXTS or _SHARD.fullmatch(name) is not None


def list_folder(folder: Path, shown: str) -> frozenset[str]:
    """Names of the regular files in a folder.

    Raises:
        InputError: If the folder holds code, pickles, GGUF files, adapters, links, pipes or devices, or lacks
            configuration, tokenizer or weights.
    """
    if not folder.is_dir():
        raise InputError("this is not a folder; name a folder with config.json and model.safetensors", file=shown)
    names = set()
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            raise _refuse(shown, entry.name, "is a link; copy the file itself into the folder")
        if stat.S_ISDIR(mode):
            continue
        if not stat.S_ISREG(mode):
            raise _refuse(shown, entry.name, "is not a regular file; remove it")
        _check_name(shown, entry.name)
        names.add(entry.name)
    if "config.json" not in names:
        raise InputError("there is no config.json; name the folder of a saved model", file=shown)
    if "tokenizer.json" not in names:
        raise InputError("there is no tokenizer.json; save the model together with its fast tokenizer", file=shown)
    if WEIGHTS not in names and INDEX not in names:
        raise InputError(f"there is no {WEIGHTS}; save the model's weights as safetensors", file=shown)
    return frozenset(names)


def _check_name(shown: str, name: str) -> None:
    lower = name.lower()
    if lower.endswith(CODE):
        raise _refuse(shown, name, "is program code, which is never run; remove it if the model works without")
    if lower.endswith(PICKLE):
        raise _refuse(shown, name, "can hold a pickle, which could run code; keep only safetensors weights")
    if lower.endswith(GGUF):
        raise _refuse(shown, name, "is a GGUF file, which is not read; convert the model to safetensors")
    if lower.startswith("adapter_"):
        raise _refuse(shown, name, "is an adapter; merge it into its model and save that")


def _refuse(shown: str, name: str, why: str) -> InputError:
    return InputError(f"'{name}' {why}", file=shown)


def _copy(source: Path, target: Path, shown: str, most: int | None = None) -> None:
    """Copies one regular file, opened without following links and checked after opening."""
    try:
        handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise _refuse(shown, source.name, f"cannot be read ({error.strerror})") from error
    with os.fdopen(handle, "rb") as file:
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            raise _refuse(shown, source.name, "is not a regular file; remove it")
        if most is not None and state.st_size > most:
            raise _refuse(shown, source.name, f"is larger than {most >> 20} MiB, too large for such a file")
        with open(target, "wb") as copy:
            shutil.copyfileobj(file, copy, 1 << 20)


def read_json(path: Path, shown: str) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        InputError: If it is not JSON in UTF-8, not an object, or nested too deeply.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise _refuse(shown, path.name, "is not readable JSON") from error
    if not isinstance(value, dict):
        raise _refuse(shown, path.name, "does not hold a JSON object")
    return value


def check_config(config: Mapping[str, Any], shown: str) -> dict[str, Any]:
    """The configuration with known keys only.

    Raises:
        InputError: If it names code, kernels or quantisation, an unknown model type, or absurd sizes.
    """
    _check_keys(config, shown, "config.json")
    model_type = config.get("model_type")
    if not isinstance(model_type, str) or model_type not in FAMILIES:
        raise InputError(
            f"the model type {json.dumps(model_type)[:60]} is not supported; there are: {', '.join(FAMILIES)}",
            file=shown,
            field="model_type",
        )
    known = {key: value for key, value in config.items() if key in known_keys(model_type)}
    _check_values(known, shown)
    layers = known.get(FAMILIES[model_type].layers, 1)
    if not isinstance(layers, int) or not 0 < layers <= MAX_LAYERS:
        raise InputError(f"{layers} layers are not believable; mend config.json", file=shown)
    architectures = config.get("architectures")
    if isinstance(architectures, Sequence) and all(isinstance(name, str) for name in architectures):
        known["architectures"] = list(architectures)
    try:
        config_class(model_type)(**{key: value for key, value in known.items() if key != "model_type"})
    except Exception as error:
        raise InputError(f"config.json cannot be used ({_brief(error)})", file=shown) from error
    return known | {"model_type": model_type}


def _check_keys(value: Any, shown: str, name: str, depth: int = 0) -> None:
    """Refuses keys that name code, kernels or quantisation anywhere in a JSON value."""
    if depth > MAX_DEPTH:
        raise _refuse(shown, name, "is nested too deeply")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in CODE_KEYS:
                raise _refuse(shown, name, f"asks for code of its own ('{key}'), which is never run")
            if key in KERNEL_KEYS + KERNEL_KEYS_ALSO:
                raise _refuse(shown, name, f"names a kernel or attention implementation ('{key}'); remove the key")
            if key in QUANTISED_KEYS:
                raise _refuse(shown, name, f"describes quantised weights ('{key}'); save the model in full precision")
            _check_keys(inner, shown, name, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check_keys(inner, shown, name, depth + 1)


def _check_values(config: Mapping[str, Any], shown: str) -> None:
    for key, value in config.items():
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) > MAX_SIZE:
            raise InputError(f"{value} is not a believable size; mend config.json", file=shown, field=key)


def check_tokenizer(folder: Path, shown: str) -> tuple[dict[str, str], int | None]:
    """Special tokens by role and the tokenizer's own limit.

    Raises:
        InputError: If the tokenizer's class is unknown or it asks for code.
    """
    special: dict[str, str] = {}
    limit = None
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        if not (folder / name).exists():
            continue
        settings = read_json(folder / name, shown)
        _check_keys(settings, shown, name)
        kind = settings.get("tokenizer_class") or "PreTrainedTokenizerFast"
        if not isinstance(kind, str) or kind.removesuffix("Fast") not in {t.removesuffix("Fast") for t in TOKENIZERS}:
            raise _refuse(shown, name, f"names the tokenizer class {json.dumps(kind)[:60]}, which is not supported")
        for role in SPECIAL_TOKENS:
            token = settings.get(role)
            content = token.get("content") if isinstance(token, Mapping) else token
            if isinstance(content, str):
                special[role] = content
        length = settings.get("model_max_length")
        limit = length if isinstance(length, int) and 0 < length <= MAX_SIZE else limit
    return special, limit


def _shards(folder: Path, names: frozenset[str], shown: str) -> list[str]:
    """Names of the weight files, each a plain name in the folder."""
    if INDEX not in names:
        return [WEIGHTS]
    shards = read_json(folder / INDEX, shown).get("weight_map")
    if not isinstance(shards, Mapping) or not shards or not all(isinstance(name, str) for name in shards.values()):
        raise _refuse(shown, INDEX, "does not say which file holds which tensor")
    for name in sorted(set(shards.values())):
        if not _SHARD.fullmatch(name):
            raise _refuse(shown, INDEX, f"names the file {json.dumps(name)[:80]}, which is not a plain file name")
        if name not in names:
            raise _refuse(shown, INDEX, f"names the file '{name}', which is not in the folder")
    return sorted(set(shards.values()))


def _shapes(path: Path, shown: str) -> dict[str, tuple[int, ...]]:
    try:
        with safe_open(path, framework="numpy") as file:
            return {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118 -- not a dict
    except (SafetensorError, OSError, ValueError) as error:
        raise _refuse(shown, path.name, f"is not a whole safetensors file ({_brief(error)})") from error


def _brief(error: Exception) -> str:
    """The first line of an error, shortened."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
