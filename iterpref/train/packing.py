"""Examples to one packed row of prefix trees: the batch that :func:`iterpref.train.forward.tree_logps` computes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from iterpref.train.data import Completion, Example, Ints
from iterpref.train.tree import Tree, grow

__all__ = ["TreeCollator"]


class TreeCollator:
    """Examples to one packed row of trees, one tree for every distinct prompt, and what is scored in it.

    N nodes, T trees, E scored tokens. R rows (every y+, then every y-, as in
    :class:`~iterpref.train.data.Collator`) of up to S scored tokens: all of y+, the penalised ones of y-.

    * ``input_ids``, ``position_ids`` (1, N); ``ends`` (N,): see :class:`~iterpref.train.tree.Tree`
    * ``cuts`` (T + 1,): where each tree begins, and N. No node attends beyond its tree.
    * ``kept``, ``targets`` (E,): the nodes whose next token is scored, and these tokens
    * ``index`` (R, S): which of the E a row's scored tokens are; 0 where ``completion_mask`` (R, S) is False
    * ``weights``, ``reference`` (R, S); ``contrasted``, ``anchor`` (B,); ``lengths`` (R,), ``tokens`` (2,): as there
    """

    def __call__(self, examples: Sequence[Example]) -> dict[str, torch.Tensor]:
        rows = [(example.prompt_ids, example.chosen) for example in examples]
        rows += [(example.prompt_ids, example.rejected) for example in examples if example.rejected is not None]
        chosen = len(examples)
        scored = [
            _every(completion) if number < chosen else np.flatnonzero(completion.weights).astype(np.int32)
            for number, (_, completion) in enumerate(rows)
        ]
        return {
            **self.rows(rows, scored),
            "contrasted": torch.tensor([example.rejected is not None for example in examples]),
            "anchor": torch.tensor([example.anchor for example in examples]),
        }

    def rows(
        self, rows: Sequence[tuple[Ints, Completion]], scored: Sequence[Ints] | None = None
    ) -> dict[str, torch.Tensor]:
        """The tensors that do not depend on which row is a y+; all tokens are scored if ``scored`` is None."""
        scored = [_every(completion) for _, completion in rows] if scored is None else scored
        groups: dict[bytes, list[int]] = {}
        for number, (prompt_ids, _) in enumerate(rows):
            groups.setdefault(prompt_ids.tobytes(), []).append(number)
        trees = [_tree(rows, scored, numbers) for numbers in groups.values()]
        nodes = np.cumsum([0, *(len(tree.ids) for tree in trees)])
        entries = np.cumsum([0, *(len(tree.kept) for tree in trees)])
        index = {
            number: part + begin
            for begin, tree, numbers in zip(entries, trees, groups.values(), strict=False)
            for number, part in zip(numbers, tree.index, strict=True)
        }
        references = [item.ids * 0.0 if item.reference is None else item.reference for _, item in rows]
        lengths = torch.tensor([len(completion.ids) for _, completion in rows])
        both = sum(len(prompt_ids) + len(completion.ids) for prompt_ids, completion in rows)

        def joined(parts: Sequence[np.ndarray[Any, Any]]) -> torch.Tensor:
            return torch.from_numpy(np.concatenate(parts)).long()

        def padded(parts: Sequence[np.ndarray[Any, Any]]) -> torch.Tensor:
            return pad_sequence([torch.from_numpy(part) for part in parts], batch_first=True)

        return {
            "input_ids": joined([tree.ids for tree in trees])[None],
            "position_ids": joined([tree.depths for tree in trees])[None],
            "ends": joined([tree.ends + begin for begin, tree in zip(nodes, trees, strict=False)]),
            "cuts": torch.from_numpy(nodes),
            "kept": joined([tree.kept + begin for begin, tree in zip(nodes, trees, strict=False)]),
            "targets": joined([tree.targets for tree in trees]),
            "index": padded([index[number] for number in range(len(rows))]).long(),
            "completion_mask": padded([np.ones(len(at), bool) for at in scored]),
            "weights": padded([item.weights[at] for (_, item), at in zip(rows, scored, strict=True)]),
            "reference": padded([values[at] for values, at in zip(references, scored, strict=True)]),
            "lengths": lengths,
            "tokens": torch.tensor([both, int(nodes[-1])]),
        }


def _every(completion: Completion) -> Ints:
    return np.arange(len(completion.ids), dtype=np.int32)


def _tree(rows: Sequence[tuple[Ints, Completion]], scored: Sequence[Ints], numbers: Sequence[int]) -> Tree:
    sequences = [np.concatenate([rows[number][0], rows[number][1].ids]) for number in numbers]
    return grow(sequences, [scored[number] + len(rows[number][0]) for number in numbers])
