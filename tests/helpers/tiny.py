"""Tiny random models of every kind, made in a temporary folder and loaded like any other model.

Each has two layers, 16 hidden units and a vocabulary of the few sentences below, so a forward pass takes about a
millisecond. Weights are drawn with a wide spread: answers differ clearly between inputs.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from rationale_eval.data.example import Example, Task
from rationale_eval.models.families import config_class, network_class
from rationale_eval.models.load import load_model
from rationale_eval.models.network import quiet
from rationale_eval.models.transformer import TransformerModel

NLI = Task("nli", "classification", ("premise", "hypothesis"), ("entailment", "neutral", "contradiction"))
SENTIMENT = Task("sentiment", "classification", ("text",), ("negative", "positive"))
COMMONSENSE = Task("commonsense", "multiple_choice", ("question",))

CORPUS = (
    "A man is playing a guitar on the stage while people watch him.",
    "Nobody plays; the stage isn't lit and the street is empty!",
    "What do people do when they are hungry? eat food, sleep, run, read a book",
    "The film was a wonderful surprise, but its ending was dull.",
    "Premise: Hypothesis: Question: Options: Answer: entailment neutral contradiction positive negative text",
    "Q: A: Text: (a) (b) (c) (d) (e)",
)

_ENCODER = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
_SIZES: dict[str, dict[str, Any]] = {
    "bert": _ENCODER | {"max_position_embeddings": 64},
    "electra": _ENCODER | {"max_position_embeddings": 64, "embedding_size": 16},
    "roberta": _ENCODER | {"max_position_embeddings": 66, "type_vocab_size": 1},
    "distilbert": {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32, "max_position_embeddings": 64},
    "deberta-v2": _ENCODER | {"max_position_embeddings": 64, "type_vocab_size": 0},
    "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 256},
    "llama": _ENCODER | {"num_key_value_heads": 1, "max_position_embeddings": 256},
    "t5": {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2, "initializer_factor": 2.0},
    "bart": {"d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2}
    | {"decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "max_position_embeddings": 256},
}
_SPREAD = {"initializer_range": 0.4, "init_std": 0.4}


def tiny_classifier(task: Task = NLI, architecture: str = "bert", **options: Any) -> TransformerModel:
    """An encoder classifier: bert, electra, roberta, distilbert or deberta-v2.

    Args:
        task: A classification task.
        architecture: The model type.
        options: `seed` of the weights, and options of `load_model`.
    """
    return _load("classifier", architecture, task, options)


def tiny_choice_encoder(task: Task = COMMONSENSE, architecture: str = "bert", **options: Any) -> TransformerModel:
    """An encoder with one number for each choice; see `tiny_classifier`."""
    return _load("choice_encoder", architecture, task, options)


def tiny_causal(task: Task = COMMONSENSE, architecture: str = "gpt2", **options: Any) -> TransformerModel:
    """A causal language model scoring choices: gpt2 or llama."""
    return _load("causal", architecture, task, options)


def tiny_seq2seq(task: Task = COMMONSENSE, architecture: str = "t5", **options: Any) -> TransformerModel:
    """An encoder-decoder scoring choices: t5 or bart."""
    return _load("seq2seq", architecture, task, options)


def _load(use: str, architecture: str, task: Task, options: dict[str, Any]) -> TransformerModel:
    seed = options.pop("seed", 0)
    with tempfile.TemporaryDirectory() as folder:
        labels = len(task.choices) if use == "classifier" else 1
        tiny_folder(Path(folder), architecture, use, labels=labels, seed=seed)
        model = load_model(folder, task=task, device=options.pop("device", "cpu"), **options)
    model.name = f"tiny-{architecture}"
    return model


def tiny_folder(folder: Path, architecture: str, use: str, *, labels: int = 3, seed: int = 0) -> Path:
    """Writes a tiny random model as a plain folder: config.json, model.safetensors, tokenizer files.

    Args:
        folder: Where; made if it does not exist.
        architecture: A model type, for example "bert".
        use: "classifier", "choice_encoder", "multiple_choice", "causal" or "seq2seq".
        labels: Number of classes of a classifier.
        seed: Seed of the weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer, special = tiny_tokenizer(architecture)
    ids = {
        f"{role}_token_id": tokenizer.token_to_id(special[f"{role}_token"])
        for role in ("bos", "eos", "pad")
        if f"{role}_token" in special
    }
    spread = {} if architecture == "t5" else _SPREAD
    config = config_class(architecture)(
        vocab_size=tokenizer.get_vocab_size(), num_labels=labels, **_SIZES[architecture], **spread, **ids
    )
    with torch.random.fork_rng(), quiet():
        torch.manual_seed(seed)
        network_class(architecture, use)(config).eval().save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(special), encoding="utf-8")
    (folder / "generation_config.json").unlink(missing_ok=True)
    return folder


def tiny_tokenizer(architecture: str) -> tuple[Tokenizer, dict[str, str]]:
    """A tokenizer of the architecture's sort, and its special tokens by role."""
    if architecture in ("bert", "electra", "distilbert", "deberta-v2"):
        return _wordpiece()
    if architecture in ("roberta", "bart"):
        return _byte_level(("<s>", "<pad>", "</s>", "<unk>", "<mask>"), wrap=True)
    if architecture == "gpt2":
        return _byte_level(("<|endoftext|>",), wrap=False)
    return _metaspace(start=architecture == "llama")


def _wordpiece() -> tuple[Tokenizer, dict[str, str]]:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = sorted({word for line in CORPUS for word in re.findall(r"\w+|[^\w\s]", line.lower())})
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    entries = dict.fromkeys([*special, *words, *letters, *(f"##{letter}" for letter in letters)])
    tokenizer = Tokenizer(models.WordPiece({entry: i for i, entry in enumerate(entries)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )
    roles = zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special, strict=True)
    return tokenizer, dict(roles)


def _byte_level(special: tuple[str, ...], *, wrap: bool) -> tuple[Tokenizer, dict[str, str]]:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    if not wrap:
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
        return tokenizer, {"bos_token": special[0], "eos_token": special[0], "unk_token": special[0]}
    start, end = (("<s>", tokenizer.token_to_id("<s>")), ("</s>", tokenizer.token_to_id("</s>")))
    tokenizer.post_processor = processors.RobertaProcessing(end, start, trim_offsets=True)
    roles = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>"}
    return tokenizer, roles | {"pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>"}


def _metaspace(*, start: bool) -> tuple[Tokenizer, dict[str, str]]:
    """Like T5's (unigrams, closing `</s>`) or, with `start`, like Llama's (byte fallback, opening `<s>`)."""
    special = ["<pad>", "</s>", "<unk>", "<s>"]
    letters = [chr(code) for code in range(33, 127)]
    if start:
        known = [*special, *(f"<0x{i:02X}>" for i in range(256)), "▁", *letters, "▁a", "th", "▁th", "▁the"]
        merges = [("▁", "a"), ("t", "h"), ("▁", "th"), ("▁th", "e")]
        vocabulary = {entry: i for i, entry in enumerate(known)}
        model: Any = models.BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    else:
        words = sorted({f"▁{word}" for line in CORPUS for word in line.split()})
        model = models.Unigram(
            [*((e, 0.0) for e in special), *((w, -2.0) for w in words), *((c, -8.0) for c in ["▁", *letters])], 2
        )
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first" if start else "always")
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A" if start else "$A </s>",
        pair="<s> $A $B" if start else "$A </s> $B </s>",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("<s>", "</s>")],
    )
    roles = {"eos_token": "</s>", "unk_token": "<unk>"}
    return tokenizer, roles | ({"bos_token": "<s>"} if start else {"pad_token": "<pad>"})


def example(task: Task = NLI, name: str = "one", **inputs: str) -> Example:
    """An example of one of the tasks above; `inputs` replace the usual texts."""
    texts = {
        "premise": "A man is playing a guitar on the stage.",
        "hypothesis": "Nobody plays, isn't that odd?",
        "text": "The film was a wonderful surprise.",
        "question": "What do people do when they are hungry?",
    }
    choices = task.choices or ("eat food", "sleep", "read a book")
    return Example(name, task.name, {key: texts[key] for key in task.fields} | inputs, choices, label=0)
