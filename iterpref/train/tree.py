"""Prefix trees: the sequences of one trajectory laid out so that no token is computed twice. Needs no torch.

The pairs of one trajectory share the prompt and mostly y+, and each y- shares a long beginning with it. Laid out in
preorder, every node of the tree of their tokens stands once, behind its ancestors and before the next branch::

    prompt  y+ ................  rest of y-1 ....  rest of y-2 ...
                                 (from the first token that differs to the last one that is scored)

A causal model computes the same numbers as on separate sequences if a token attends to its ancestors only and its
position is its depth. What follows the last scored token is not needed, nor is that token itself: only what predicts
it. Ancestors are told by one number a node: ``k`` is an ancestor of ``q`` or ``q`` itself if ``k <= q < ends[k]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Ints", "Tree", "grow"]

Ints = np.ndarray[Any, np.dtype[np.int32]]


@dataclass(frozen=True, eq=False)
class Tree:
    """A tree of tokens in preorder (N nodes) and its scored tokens (E of them).

    Attributes:
        ids: token of every node, (N,).
        depths: position of every node in its sequence, (N,).
        ends: one past the last node below every node, (N,).
        kept: the node that predicts each scored token, (E,). Two branches may leave the same node.
        targets: the scored tokens, (E,).
        index: for every sequence that was given, which of the E its scored tokens are.
    """

    ids: Ints
    depths: Ints
    ends: Ints
    kept: Ints
    targets: Ints
    index: list[Ints]


def grow(sequences: Sequence[Ints], scored: Sequence[Ints]) -> Tree:
    """The tree of ``sequences``.

    Args:
        sequences: token ids, prompt first.
        scored: for each sequence the rising positions, from 1 on, of the tokens whose log-probability is wanted.
    """
    # in lexical order neighbours share the most: each sequence adds what it does not share with the one before
    inputs = [ids[: at[-1]] if len(at) else ids[:0] for ids, at in zip(sequences, scored, strict=True)]
    paths: list[Ints] = [np.zeros(0, np.int32)] * len(inputs)
    ids: list[Ints] = []
    depths: list[Ints] = []
    before = before_path = np.zeros(0, np.int32)
    count = 0
    ends = np.zeros(sum(map(len, inputs)), np.int32)
    for number in sorted(range(len(inputs)), key=lambda number: inputs[number].tolist()):
        own = inputs[number]
        shared = _shared(before, own)
        ends[before_path[shared:]] = count  # no later node lies below these
        fresh = np.arange(count, count + len(own) - shared, dtype=np.int32)
        paths[number] = before_path = np.concatenate([before_path[:shared], fresh])
        ids.append(own[shared:])
        depths.append(np.arange(shared, len(own), dtype=np.int32))
        before, count = own, count + len(fresh)
    ends[before_path] = count

    kept = [path[at - 1] for path, at in zip(paths, scored, strict=True)]
    targets = [row[at] for row, at in zip(sequences, scored, strict=True)]
    both = np.stack([np.concatenate(kept), np.concatenate(targets)])
    distinct, inverse = np.unique(both, axis=1, return_inverse=True)
    cuts = np.cumsum([len(at) for at in scored])[:-1]
    return Tree(
        ids=np.concatenate(ids),
        depths=np.concatenate(depths),
        ends=ends[:count],
        kept=distinct[0],
        targets=distinct[1],
        index=[part.astype(np.int32) for part in np.split(inverse.reshape(-1), cuts)],
    )


def _shared(one: Ints, other: Ints) -> int:
    """How many tokens two sequences begin with alike."""
    length = min(len(one), len(other))
    differing = np.flatnonzero(one[:length] != other[:length])
    return int(differing[0]) if len(differing) else length
