"""What every model made with transformers shares: tokenizer, special ids, fingerprint, saving, tokenising again."""

from __future__ import annotations

import copy
import hashlib
import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rationale_eval import durable
from rationale_eval.data.example import Example, Task
from rationale_eval.data.words import Word
from rationale_eval.errors import InputError, UsageError
from rationale_eval.models.base import Batch, Encoding, Row, TaskModel
from rationale_eval.models.card import CARD
from rationale_eval.models.joint_bert import can_read_jointly, joint_logits, joint_states
from rationale_eval.models.layout import TRUNCATION, Layout, Tokens, lay_out
from rationale_eval.models.narrowing import Narrowing
from rationale_eval.models.quick_bert import QuickBert, quick_bert, state_of

Attention = Literal["eager", "sdpa"]

ROBERTA_LIKE: Final = {"roberta", "xlm-roberta", "camembert"}
"""Their positions start after the pad id and, left to themselves, skip pad tokens: padding a word moves the rest."""

ABSOLUTE_PLACES: Final = ROBERTA_LIKE | {"bert", "electra", "albert"}
"""Encoders that know a token's place only by adding an embedding of it, and can be told the place."""


class TransformerModel(TaskModel):
    """A network of the transformers library with its tokenizer.

    Args:
        network: The module.
        tokenizer: Its fast tokenizer.
        name: How the user named it.
        task: What it is used for; None where every example brings choices and nothing else is known.
        layout: Name of the layout (or the prompt's text), which is part of the fingerprint.
        max_length: Most tokens in a row.
        source: The name made exact (a hub id with its commit); by default the name.
        trained: False when part of the weights was drawn at random, so that answers mean nothing yet.

    Attributes:
        narrowing: What chooses the words that the model answers from, for models that select and then predict.
        template: Record of the prompt that the model was trained to answer in words; None for all others.
    """

    kind: ClassVar[str]
    narrowing: Narrowing | None = None
    template: Mapping[str, Any] | None = None

    def __init__(
        self,
        network: nn.Module,
        tokenizer: Any,
        *,
        name: str,
        task: Task | None,
        layout: str,
        max_length: int,
        source: str | None = None,
        trained: bool = True,
    ):
        self.network = network.eval()
        self.tokenizer = tokenizer
        self.name, self.task, self.layout, self.trained = name, task, layout, trained
        self.max_length, self.source = max_length, source or name
        self.device = next(network.parameters()).device
        self.choices = None
        self.outputs = 1
        self.mask_id = tokenizer.mask_token_id
        self.pad_id = _pad_id(network, tokenizer)
        self._takes = set(inspect.signature(network.forward).parameters)
        # Multiple-choice modules want a choice axis: [rows, tokens] becomes [rows, 1, tokens].
        self._choice_axis = type(network).__name__.endswith("ForMultipleChoice")
        self._quick: tuple[tuple[tuple[int, int], ...], QuickBert | None] | None = None
        self._fingerprint: tuple[tuple[tuple[int, int], ...], str] | None = None
        config: Any = network.config
        self._segments = (getattr(config, "type_vocab_size", 0) or 0) > 1 and "token_type_ids" in self._takes
        self._first_position = self.pad_id + 1 if config.model_type in ROBERTA_LIKE else None
        self.keeps_places = config.model_type in ABSOLUTE_PLACES and "position_ids" in self._takes

    def with_network(self, network: nn.Module) -> TransformerModel:
        """The same use of another network of the same architecture, without extractor or narrowing."""
        twin = copy.copy(self)
        twin.network, twin.narrowing, twin.extractor = network, None, None
        twin._quick, twin._fingerprint = None, None
        return twin

    @property
    def dtype(self) -> torch.dtype:
        """The weights' number type."""
        return next(self.network.parameters()).dtype

    @property
    def fingerprint(self) -> str:  # type: ignore[override]
        """SHA-256 over weights, configuration, tokenizer, layout, dtype and narrowing; follows training in place."""
        tensors = dict(self.network.state_dict())
        state = tuple((tensor.data_ptr(), tensor._version) for tensor in tensors.values())
        if self._fingerprint is None or self._fingerprint[0] != state:
            self._fingerprint = state, self._digest(tensors)
        if self.narrowing is None:
            return self._fingerprint[1]
        both = self._fingerprint[1] + self.narrowing.fingerprint(self)
        return hashlib.sha256(both.encode()).hexdigest()

    def _digest(self, tensors: Mapping[str, Tensor]) -> str:
        digest = hashlib.sha256()
        config: Any = self.network.config
        facts = {key: value for key, value in config.to_dict().items() if key not in _NOT_ANSWERS}
        usage = [self.kind, self.layout, str(self.max_length), str(self.choices), str(self.dtype), TRUNCATION]
        for text in (repr(sorted(facts.items(), key=str)), self.tokenizer.backend_tokenizer.to_str(), *usage):
            digest.update(text.encode("utf-8") + b"\0")
        for key in sorted(tensors):
            flat = tensors[key].detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            digest.update(f"{key}{tuple(tensors[key].shape)}".encode() + b"\0")
            digest.update(flat.numpy().data)
        return digest.hexdigest()

    def embedding(self) -> nn.Embedding:
        """The input (token) embedding table."""
        table: nn.Embedding = self.network.get_input_embeddings()  # type: ignore[operator]
        return table

    def use_attention(self, attn: Attention) -> None:
        """Switches the attention implementation: `eager` gives attention weights, `sdpa` is fused."""
        self.network.set_attn_implementation(attn)  # type: ignore[operator]

    def forward_args(self, batch: Batch) -> dict[str, Tensor]:
        """What the network's forward takes for a batch: ids or embeddings, mask, segments, positions."""
        args: dict[str, Tensor] = {"input_ids": batch.ids} if batch.embeds is None else {"inputs_embeds": batch.embeds}
        if batch.attention is not None:
            args["attention_mask"] = batch.attention
        if self._segments:
            args["token_type_ids"] = batch.types
        if batch.places is not None:
            args["position_ids"] = batch.places + (self._first_position or 0)
        elif self._first_position is not None:
            places = torch.arange(batch.ids.shape[1], device=batch.ids.device)
            args["position_ids"] = (places + self._first_position).expand_as(batch.ids)
        return args

    def head_logits(self, batch: Batch) -> Tensor:
        """Head outputs of an encoder `[rows, labels]`: by the quick reading where there is one and no gradient is
        wanted.
        """
        return self.joint_head_logits([batch])

    def joint_head_logits(self, batches: Sequence[Batch]) -> Tensor:
        """Head outputs of an encoder for several batches, one after another, `[rows of all, labels]`; in one pass
        where a gradient is wanted and the network is known.
        """
        if self._trains_jointly():
            return joint_logits(self.network, batches)
        return torch.cat([self._head_logits(batch) for batch in batches])

    def _head_logits(self, batch: Batch) -> Tensor:
        plain = torch.is_grad_enabled() or self.network.training or torch.is_autocast_enabled("cpu")
        reader = None if plain or batch.places is not None else self._quick_reader()
        if reader is not None:
            return reader.logits(batch.ids, batch.types, batch.attention, batch.embeds)
        logits: Tensor = self._run(batch).logits
        return logits

    def head_logits_and_states(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Head outputs `[rows, labels]` and the last layer's states `[rows, tokens, hidden]` from one pass."""
        if self._trains_jointly():
            network: Any = self.network
            states = joint_states(network.bert, [batch]).view(*batch.ids.shape, -1)
            return network.classifier(network.dropout(network.bert.pooler(states))), states
        found = self._run(batch, output_hidden_states=True)
        return found.logits, found.hidden_states[-1].view(*batch.ids.shape, -1)

    def _trains_jointly(self) -> bool:
        """Outside training the network itself is asked: attributions look into its modules."""
        return self.network.training and torch.is_grad_enabled() and can_read_jointly(self.network)

    def _run(self, batch: Batch, **options: Any) -> Any:
        args = self.forward_args(batch)
        if self._choice_axis:
            args = {name: value.unsqueeze(1) for name, value in args.items()}
        return self.network(**args, **options)

    def _quick_reader(self) -> QuickBert | None:
        state = state_of(self.network)
        if self._quick is None or self._quick[0] != state:
            self._quick = state, quick_bert(self.network, self.pad_id)
        return self._quick[1]

    def lay_out(self, layout: Layout, example: Example, words: Sequence[Word]) -> tuple[list[Tokens], bool]:
        """Rows of tokens of an example, and whether it was cut; see `models.layout`."""
        return lay_out(self.tokenizer, layout, example, words, self.max_length)

    def narrowed(self, encoding: Encoding) -> Encoding:
        """What the model reads of an example: all of it, or what its narrowing chooses."""
        return encoding if self.narrowing is None else self.narrowing.narrow(self, [encoding])[0]

    def retokenize(self, row: Row, keep: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Ids after deleting the tokens outside `keep`: decoded to one text, tokenised again, as ferret does.

        The first and the last special token are left out, since tokenising adds them; a separator between fields stays
        in the text, which the tokenizer reads as that token again.
        """
        ids = row.ids[keep].tolist()
        special = set(self.tokenizer.all_special_ids)
        ids = ids[1:] if ids and ids[0] in special else ids
        ids = ids[:-1] if ids and ids[-1] in special else ids
        text = self.tokenizer.decode(ids)
        made = self.tokenizer(text, truncation=True, max_length=self.max_length, verbose=False)
        return np.array(made["input_ids"], dtype=np.int64)

    def save(self, folder: str) -> None:
        """Writes config, safetensors weights, tokenizer and the card into `folder` (made if it does not exist)."""
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        self.network.save_pretrained(path)  # type: ignore[operator]
        self.tokenizer.backend_tokenizer.save(str(path / "tokenizer.json"))
        special = {
            key: str(value) for key, value in self.tokenizer.special_tokens_map.items() if isinstance(value, str)
        }
        durable.write_json(path / "tokenizer_config.json", special | {"model_max_length": self.max_length})
        durable.write_json(path / CARD, self.card())

    def card(self) -> dict[str, Any]:
        """What `load_model` reads back from the card."""
        task = self.task
        return {
            "kind": self.kind,
            "task": task
            and {"name": task.name, "kind": task.kind, "fields": list(task.fields), "choices": list(task.choices)},
            "layout": self.layout,
            "max_length": self.max_length,
            "trained": self.trained,
            **({} if self.narrowing is None else {"narrowing": self.narrowing.card()}),
            **({} if self.template is None else {"template": dict(self.template)}),
        }

    def check_choices(self, example: Example, least: int = 2) -> Sequence[str]:
        """The example's choices.

        Raises:
            InputError: If there are fewer than `least`.
        """
        if len(example.choices) < least:
            raise InputError(
                f"example '{example.id}' has {len(example.choices)} choices; a scorer of choices needs at least {least}"
            )
        return example.choices


_NOT_ANSWERS: Final = {"_name_or_path", "transformers_version", "architectures", "dtype", "torch_dtype", "use_cache"}


def encoding(rows: Sequence[Row], words: int, truncated: bool) -> Encoding:
    """Joins rows to an encoding; a word is seen if any row has a token of it."""
    seen = np.zeros(words, dtype=bool)
    for row in rows:
        seen[row.word[row.word >= 0]] = True
    return Encoding(rows=tuple(rows), words=words, seen=seen, truncated=truncated)


def to_row(tokens: Tokens, *, segments: bool, target: NDArray[np.int64] | None = None) -> Row:
    """A row from tokens; segment ids only where the network has them."""
    return Row(
        ids=tokens.ids,
        types=tokens.types if segments else np.zeros_like(tokens.types),
        word=tokens.word,
        target=np.zeros(0, dtype=np.int64) if target is None else target,
    )


def _pad_id(network: nn.Module, tokenizer: Any) -> int:
    """The pad id; models trained without padding get the end-of-text id, which is then never attended to."""
    config: Any = network.config
    for found in (tokenizer.pad_token_id, config.pad_token_id, tokenizer.eos_token_id, config.eos_token_id, 0):
        if isinstance(found, list):
            found = found[0]
        if found is not None and found >= 0:
            return int(found)
    return 0


def check_task(task: Task | None, kinds: Sequence[str], what: str) -> Task:
    """The task, if a model of this kind can do it.

    Raises:
        UsageError: If there is no task or it is of another kind.
    """
    if task is None:
        raise UsageError(f"{what} needs to know its task; give task=...")
    if task.kind not in kinds:
        raise UsageError(f"{what} cannot do the {task.kind} task '{task.name}'; it does {' and '.join(kinds)} tasks")
    return task
