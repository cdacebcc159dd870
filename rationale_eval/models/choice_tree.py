"""Scores of many continuations in few tokens: texts that begin alike are laid out as one tree and read once.

The prompts of one example (cut here, filled there) and the choices after each of them share most of their tokens. A
token sees its ancestors and itself only, and stands at the place that it has in its own text, so that every path
through the tree is read as that text alone would be:

    Question ... s_1 ── So the answer is ─┬─ sleep
                  │                       └─ eat
                  └── s_2 ── So the answer is ─┬─ sleep ...

Logits over the vocabulary are computed only where a choice's token is predicted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rationale_eval.models.shared_prefix import Prefix, sharing
from rationale_eval.models.transformer import TransformerModel

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """A text whose end is scored.

    Args:
        ids: Its tokens, int64 `[tokens]`.
        first: Place of the first scored token; at least 1. All after it are scored too.
    """

    ids: Ids
    first: int


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """Texts that begin alike, token by token.

    Args:
        ids: Token of each node, int64 `[nodes]`; a node stands after its parent.
        parent: Its parent, int64 `[nodes]`; -1 where it begins the text.
        depth: Its place in its text, int64 `[nodes]`, from 0.
        scored: For each text its scored nodes, int64.
        texts: Which texts these are, by the caller's count.
    """

    ids: Ids
    parent: Ids
    depth: Ids
    scored: tuple[Ids, ...]
    texts: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def sees(self) -> NDArray[np.bool_]:
        """Booleans `[nodes, nodes]`: whether the first sees the second."""
        found = np.eye(len(self), dtype=bool)
        for node, parent in enumerate(self.parent):
            if parent >= 0:
                found[node] |= found[parent]
        return found


def grow(texts: Sequence[Said], skip: int, most: int) -> list[Tree]:
    """Lays texts out as trees.

    Args:
        texts: The texts; the first `skip` tokens of all are alike and are left out.
        skip: Tokens of the beginning that is read elsewhere; a scored token comes at least one after it.
        most: Most nodes of a tree of several texts.

    Returns:
        Trees, each text in one of them. Texts share a tree where at least half of what remains of one stands in the
        text before it, in alphabetical order of tokens.
    """
    order = sorted(range(len(texts)), key=lambda place: texts[place].ids[skip:].tolist())
    groups: list[list[int]] = []
    size, before = 0, np.zeros(0, dtype=np.int64)
    for place in order:
        own = texts[place].ids[skip:]
        shared = _alike(before, own)
        size += len(own) - shared
        if not groups or 2 * shared < len(own) or size > most:
            groups.append([])
            size = len(own)
        groups[-1].append(place)
        before = own
    return [_tree([texts[place] for place in group], skip, tuple(group)) for group in groups]


def _alike(one: Ids, other: Ids) -> int:
    size = min(len(one), len(other))
    different = np.flatnonzero(one[:size] != other[:size])
    return int(different[0]) if len(different) else size


def _tree(texts: Sequence[Said], skip: int, places: tuple[int, ...]) -> Tree:
    children: dict[tuple[int, int], int] = {}
    ids: list[int] = []
    parents: list[int] = []
    depths: list[int] = []
    scored = []
    for text in texts:
        node, path = -1, []
        for depth, token in enumerate(text.ids[skip:].tolist()):
            found = children.get((node, token))
            if found is None:
                found = children[node, token] = len(ids)
                ids.append(token)
                parents.append(node)
                depths.append(depth)
            node = found
            path.append(node)
        scored.append(np.array(path[text.first - skip :], dtype=np.int64))
    tokens, parent, depth_of = (np.array(values, dtype=np.int64) for values in (ids, parents, depths))
    return Tree(tokens, parent, depth_of, tuple(scored), places)


def tree_scores(model: TransformerModel, prefix: Prefix, trees: Sequence[Tree]) -> dict[int, float]:
    """Mean log-likelihood (nats) of each text's scored tokens, by the text's number.

    Args:
        model: A causal model whose rows can share a prefix.
        prefix: What was read before.
        trees: One batch.
    """
    network: Any = model.network
    longest = max(map(len, trees))
    ids = np.full((len(trees), longest), model.pad_id, dtype=np.int64)
    depth = np.zeros((len(trees), longest), dtype=np.int64)
    sees = np.zeros((len(trees), 1, longest, longest), dtype=bool)
    sees[:] = np.eye(longest, dtype=bool)
    for row, tree in enumerate(trees):
        size = len(tree)
        ids[row, :size], depth[row, :size], sees[row, 0, :size, :size] = tree.ids, tree.depth, tree.sees()
    device = model.device
    with sharing(network, prefix):
        states = network.base_model(
            input_ids=torch.from_numpy(ids).to(device),
            attention_mask=torch.from_numpy(sees).to(device),
            position_ids=torch.from_numpy(depth + prefix.tokens).to(device),
            use_cache=False,
        ).last_hidden_state
    # One line of logits for each node that something scored comes after, however many come after it.
    edges = [(row, tree.parent[nodes], tree.ids[nodes]) for row, tree in enumerate(trees) for nodes in tree.scored]
    askers, which = np.unique(
        np.concatenate([row * longest + parents for row, parents, _ in edges]), return_inverse=True
    )
    picked = states.reshape(-1, states.shape[-1])[torch.from_numpy(askers).to(device)]
    logits = network.get_output_embeddings()(picked).float()
    said = torch.from_numpy(np.concatenate([tokens for _, _, tokens in edges])).to(device)
    lines = torch.from_numpy(which).to(device)
    nats = (logits[lines, said] - logits.logsumexp(1)[lines]).double().cpu().numpy()
    sizes = [len(tokens) for _, _, tokens in edges]
    parts = np.split(nats, np.cumsum(sizes)[:-1])
    return dict(
        zip([text for tree in trees for text in tree.texts], (float(part.mean()) for part in parts), strict=True)
    )
