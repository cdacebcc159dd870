"""A small T5 with weights drawn by seed and sub-words learned from the training texts, where no checkpoint is at hand.

It knows nothing of the language before it is trained. Saved like any other model, it is read back by `load_model`.

Source: Raffel et al. 2020, section 2.1 (architecture), at about 5 million parameters; the tokenizer is a BPE with
bytes for characters it does not know, so that every text can be written and read back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from rationale_eval.data.example import Task
from rationale_eval.errors import UsageError
from rationale_eval.models.choice_lm import Seq2SeqChoice
from rationale_eval.models.families import config_class, network_class
from rationale_eval.models.source import NEW_T5

PAD, END, UNKNOWN = "<pad>", "</s>", "<unk>"
SENTINELS: Final = 100
"""Marks of left-out spans, `<extra_id_0>` and so on, as T5 has them."""

BYTES: Final = 256
ALPHABET: Final = 400
"""Most characters with a token of their own; rarer ones are written in bytes."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large it is.

    Args:
        vocabulary: Most sub-words, special tokens and bytes included.
        width: Size of a token's state.
        layers: Layers of the encoder, and again of the decoder.
        heads: Attention heads.
        inner: Size of the feed-forward layers.
        max_length: Most tokens of an input.
        dropout: Of every layer; drawing its masks would take a third of the time of a step on a CPU.
    """

    vocabulary: int = 4096
    width: int = 256
    layers: int = 3
    heads: int = 4
    inner: int = 512
    max_length: int = 512
    dropout: float = 0.0


def new_t5(
    texts: Iterable[str], *, task: Task | None = None, device: str | torch.device = "cpu", seed: int = 0,
    sizes: Sizes | None = None, layout: str | None = None,
) -> Seq2SeqChoice:  # fmt: skip
    """A T5 that has learned nothing yet.

    Args:
        texts: What its sub-words are learned from; the same texts give the same sub-words.
        task: What it is to do.
        device: Where it is to live.
        seed: Fixes its weights.
        sizes: How large it is.
        layout: Its prompt; by default that of the task's kind.

    Raises:
        UsageError: If there are no texts.
    """
    size = sizes or Sizes()
    tokenizer = learn_subwords(texts, size.vocabulary)
    config = config_class("t5")(
        vocab_size=len(tokenizer),
        d_model=size.width,
        d_kv=size.width // size.heads,
        d_ff=size.inner,
        num_layers=size.layers,
        num_decoder_layers=size.layers,
        num_heads=size.heads,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
        dropout_rate=size.dropout,
    )
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        network: Any = network_class("t5", "seq2seq")(config)
    return Seq2SeqChoice(
        network.to(device), tokenizer, name=NEW_T5, task=task, layout=layout, max_length=size.max_length, trained=False
    )


def learn_subwords(texts: Iterable[str], size: int) -> Any:
    """A fast tokenizer with T5's special tokens: `</s>` closes a text, blanks are kept as `▁`.

    Raises:
        UsageError: If there is nothing to learn from, or `size` leaves no room for words.
    """
    special = [PAD, END, UNKNOWN]
    sentinels = [f"<extra_id_{place}>" for place in range(SENTINELS)]
    fixed = [*special, *(f"<0x{byte:02X}>" for byte in range(BYTES))]
    room = size - len(fixed) - len(sentinels)
    found = list(texts)
    if not any(text.strip() for text in found):
        raise UsageError("a new model learns its sub-words from the training texts, and there are none")
    if room < ALPHABET:
        raise UsageError(f"a vocabulary of {size} is too small; give at least {size - room + ALPHABET}")
    learned = Tokenizer(models.BPE())
    learned.pre_tokenizer = _pieces()
    learned.train_from_iterator(
        found, trainers.BpeTrainer(vocab_size=room, limit_alphabet=ALPHABET, show_progress=False, min_frequency=2)
    )
    made = json.loads(learned.to_str())["model"]
    words = sorted(made["vocab"], key=made["vocab"].get)
    vocabulary = {entry: place for place, entry in enumerate([*fixed, *words, *sentinels])}
    merges = [tuple(pair) if isinstance(pair, list) else tuple(pair.split(" ")) for pair in made["merges"]]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token=UNKNOWN, byte_fallback=True, fuse_unk=True))
    tokenizer.pre_tokenizer = _pieces()
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    end = (END, vocabulary[END])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {END}", pair=f"$A {END} $B {END}", special_tokens=[end]
    )
    tokenizer.add_special_tokens([*special, *sentinels])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=PAD, eos_token=END, unk_token=UNKNOWN)


def _pieces() -> Any:
    """Words with the blank before them, and each punctuation mark apart."""
    return pre_tokenizers.Sequence([pre_tokenizers.Metaspace(prepend_scheme="always"), pre_tokenizers.Punctuation()])
