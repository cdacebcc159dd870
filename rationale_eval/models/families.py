"""The architectures that may be loaded, and by which classes. A model type that is not here is refused."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

Kind = Literal["classifier", "choice_encoder", "causal", "seq2seq"]
"""`classifier`: encoder with class logits; `choice_encoder`: encoder with one number for each choice; `causal` and
`seq2seq`: language models scoring each choice by its likelihood."""


@dataclass(frozen=True, slots=True)
class Family:
    """Class names of one model type in the transformers library.

    Args:
        config: The configuration class.
        stem: What the model classes' names start with.
        reads: "encoder", "causal" or "seq2seq".
        layers: Where the number of layers stands in the configuration.
        positions: Where the longest input stands, or None for models without absolute limit.
    """

    config: str
    stem: str
    reads: Literal["encoder", "causal", "seq2seq"]
    layers: str = "num_hidden_layers"
    positions: str | None = "max_position_embeddings"


FAMILIES: Final[dict[str, Family]] = {
    "bert": Family("BertConfig", "Bert", "encoder"),
    "roberta": Family("RobertaConfig", "Roberta", "encoder"),
    "xlm-roberta": Family("XLMRobertaConfig", "XLMRoberta", "encoder"),
    "camembert": Family("CamembertConfig", "Camembert", "encoder"),
    "distilbert": Family("DistilBertConfig", "DistilBert", "encoder", layers="n_layers"),
    "electra": Family("ElectraConfig", "Electra", "encoder"),
    "deberta-v2": Family("DebertaV2Config", "DebertaV2", "encoder"),
    "albert": Family("AlbertConfig", "Albert", "encoder"),
    "modernbert": Family("ModernBertConfig", "ModernBert", "encoder"),
    "gpt2": Family("GPT2Config", "GPT2", "causal", layers="n_layer", positions="n_positions"),
    "gpt_neox": Family("GPTNeoXConfig", "GPTNeoX", "causal"),
    "llama": Family("LlamaConfig", "Llama", "causal"),
    "mistral": Family("MistralConfig", "Mistral", "causal"),
    "qwen2": Family("Qwen2Config", "Qwen2", "causal"),
    "qwen3": Family("Qwen3Config", "Qwen3", "causal"),
    "t5": Family("T5Config", "T5", "seq2seq", layers="num_layers", positions=None),
    "mt5": Family("MT5Config", "MT5", "seq2seq", layers="num_layers", positions=None),
    "bart": Family("BartConfig", "Bart", "seq2seq", layers="encoder_layers"),
}

_SUFFIX: Final[dict[str, str]] = {
    "classifier": "ForSequenceClassification",
    "choice_encoder": "ForSequenceClassification",
    "multiple_choice": "ForMultipleChoice",
    "causal": "ForCausalLM",
    "seq2seq": "ForConditionalGeneration",
}


def config_class(model_type: str) -> Any:
    """The configuration class of a model type."""
    import transformers

    return getattr(transformers, FAMILIES[model_type].config)


def network_class(model_type: str, use: str) -> Any:
    """The model class of a model type: `use` is a `Kind` or "multiple_choice"."""
    import transformers

    stem = FAMILIES[model_type].stem
    name = "GPT2LMHeadModel" if (stem, use) == ("GPT2", "causal") else stem + _SUFFIX[use]
    return getattr(transformers, name)


@cache
def known_keys(model_type: str) -> frozenset[str]:
    """Configuration keys that this model type has, old spellings included; everything else is dropped."""
    return (frozenset(config_class(model_type)().to_dict()) | _OLD_KEYS) - _NEVER


_OLD_KEYS: Final = frozenset(
    {"rope_theta", "rope_scaling", "num_labels", "n_ctx", "classifier_dropout", "seq_classif_dropout"}
    | {"decoder_start_token_id", "sliding_window", "summary_first_dropout", "tie_word_embeddings", "pad_token_id"}
)
_NEVER: Final = frozenset(
    {"_name_or_path", "transformers_version", "dtype", "torch_dtype", "output_attentions", "output_hidden_states"}
    | {"return_dict", "attn_implementation", "_attn_implementation", "auto_map", "quantization_config", "problem_type"}
)
