"""Pairs to token ids and weights, and batches of them.

Spans become token weights here, once. A completion that cannot be trained on is left out and counted by its reason;
nothing is ever truncated.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from iterpref.focus.masks import token_weights
from iterpref.suites.rendering import Renderer
from iterpref.train.losses import Objective
from iterpref.train.variants import chosen_spans, rejected_spans
from iterpref.types import Pair, Span

__all__ = ["Collator", "Completion", "Encoder", "Example"]

Ints = np.ndarray[Any, np.dtype[np.int32]]
Floats = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class Completion:
    """One answer to a prompt: its token ids, the end token last, and one weight and reference logp for each."""

    ids: Ints
    weights: Floats  # of K+ or K-
    reference: Floats | None = None  # log pi_ref of each token


@dataclass(frozen=True, eq=False)
class Example:
    """A pair, or (``rejected`` is None) a y+ for the NLL term alone; ``anchor``: it has no y- in the data either.

    Examples of one ``trajectory`` share their prompt and y+; "" is a trajectory of its own.
    """

    prompt_ids: Ints
    chosen: Completion
    rejected: Completion | None
    anchor: bool
    trajectory: str = ""


class Encoder:
    """Encodes pairs for one tokenizer and one objective."""

    def __init__(self, tokenizer: Any, objective: Objective, *, max_length: int, use_anchors: bool) -> None:
        self.renderer = Renderer(untrimmed(tokenizer))
        self._objective = objective
        self._max_length = max_length
        self._use_anchors = use_anchors and objective.alpha > 0

    def encode(self, pairs: Iterable[Pair]) -> tuple[list[Example], Counter[str]]:
        """Examples in the order of ``pairs``, and how many were left out for which reason."""
        examples: list[Example] = []
        dropped: Counter[str] = Counter()
        for pair in pairs:
            example = self._example(pair)
            if isinstance(example, str):
                dropped[example] += 1
            else:
                examples.append(example)
        return examples, dropped

    def _example(self, pair: Pair) -> Example | str:
        """The example, or why there is none."""
        anchor = pair.rejected is None
        if anchor and not self._use_anchors:
            return "anchor not used"
        prompt_ids = self.renderer.prompt_ids(pair.prompt)
        if not prompt_ids:
            return "empty prompt"
        prompt = np.array(prompt_ids, np.int32)
        chosen = self._completion(pair.prompt, prompt_ids, pair.chosen, chosen_spans(pair, self._objective))
        if isinstance(chosen, str):
            return f"chosen {chosen}"
        trajectory = str(pair.provenance.get("trajectory", ""))
        if pair.rejected is None or self._objective.contrast == 0:
            return Example(prompt, chosen, None, anchor, trajectory)
        spans = rejected_spans(pair, self._objective)
        rejected = self._completion(pair.prompt, prompt_ids, pair.rejected, spans)
        if isinstance(rejected, str):
            return f"rejected {rejected}"
        if np.array_equal(chosen.ids, rejected.ids):
            return "chosen and rejected have the same tokens"
        return Example(prompt, chosen, rejected, anchor, trajectory)

    def _completion(
        self, prompt: str, prompt_ids: list[int], code: str, spans: Sequence[Span] | None
    ) -> Completion | str:
        """Ids and weights (1 everywhere if ``spans`` is None), or what is wrong with ``code``."""
        if not code.strip():
            return "empty"
        text, shift = self.renderer.completion(code)
        ids, offsets = self.renderer.completion_ids(prompt, text)
        if self.renderer.end_token_id in ids:
            return "contains the end token"
        if len(prompt_ids) + len(ids) + 1 > self._max_length:
            return "too long"
        if spans is None:
            weights = [1.0] * (len(ids) + 1)
        else:
            weights = token_weights(text, offsets, _placed(spans, code, shift, len(text)))
        return Completion(np.array([*ids, self.renderer.end_token_id], np.int32), np.array(weights, np.float32))


def _placed(spans: Iterable[Span], code: str, shift: int, length: int) -> list[Span]:
    """Spans of the code as spans of the completion that holds it.

    Code that is missing after an unterminated last line is missing where a fenced block closes: y- wrote the newline
    and the fence instead, so both are penalised (the newline alone may be y+'s too).
    """
    placed = []
    for span in spans:
        start, end = span.start + shift, span.end + shift
        if span.start == span.end == len(code) and not code.endswith("\n"):
            end = length
        placed.append(replace(span, start=start, end=end))
    return placed


def untrimmed(tokenizer: Any) -> Any:
    """The tokenizer, or a copy of it whose offsets keep the blanks that belong to each token.

    Some byte-level tokenizers (``trim_offsets``) leave blanks out of the offsets; indentation would have no place then.
    """
    trims = [index for index, part in enumerate(_post_processors(tokenizer)) if getattr(part, "trim_offsets", False)]
    if not trims:
        return tokenizer
    tokenizer = copy.deepcopy(tokenizer)
    for part in _post_processors(tokenizer):
        if getattr(part, "trim_offsets", False):
            part.trim_offsets = False
    return tokenizer


def _post_processors(tokenizer: Any) -> list[Any]:
    processor = tokenizer.backend_tokenizer.post_processor
    return list(processor) if hasattr(type(processor), "__getitem__") else [processor]


class Collator:
    """Examples to one batch of padded rows: every y+, then every y-, in the same order.

    S positions from the first scored token on are scored; the columns of all ``_RS`` tensors are the last S of T.

    * ``input_ids``, ``attention_mask`` (R, T)
    * ``completion_mask`` (R, S), bool: the scored tokens
    * ``weights``, ``reference`` (R, S): weights of K+ or K-, log pi_ref
    * ``contrasted``, ``anchor`` (B,), bool: which of the B rows of y+ have a row of y-, and which are anchors
    * ``lengths`` (R,): tokens of every completion
    * ``tokens`` (2,): of all rows' prompts and completions, and what is computed: these and the padding
    """

    def __init__(self, pad_token_id: int) -> None:
        self._pad = pad_token_id

    def __call__(self, examples: Sequence[Example]) -> dict[str, torch.Tensor]:
        rows = [(example.prompt_ids, example.chosen) for example in examples]
        rows += [(example.prompt_ids, example.rejected) for example in examples if example.rejected is not None]
        return {
            **self.rows(rows),
            "contrasted": torch.tensor([example.rejected is not None for example in examples]),
            "anchor": torch.tensor([example.anchor for example in examples]),
        }

    def rows(self, rows: Sequence[tuple[Ints, Completion]]) -> dict[str, torch.Tensor]:
        """The tensors that have a row for each completion."""
        first = min(len(prompt_ids) for prompt_ids, _ in rows)
        ids = [np.concatenate([prompt_ids, completion.ids]) for prompt_ids, completion in rows]
        blanks = [np.zeros(len(prompt_ids) - first, np.float32) for prompt_ids, _ in rows]

        def scored(values: Iterable[Floats]) -> torch.Tensor:
            return _padded([np.concatenate(parts) for parts in zip(blanks, values, strict=True)], 0)

        completions = [completion for _, completion in rows]
        references = [item.ids * 0.0 if item.reference is None else item.reference for item in completions]
        padded = _padded(ids, self._pad).long()
        return {
            "input_ids": padded,
            "attention_mask": _padded([np.ones_like(row) for row in ids], 0).long(),
            "completion_mask": scored(np.ones(len(item.ids)) for item in completions).bool(),
            "weights": scored(item.weights for item in completions),
            "reference": scored(references),
            "lengths": torch.tensor([len(item.ids) for item in completions]),
            "tokens": torch.tensor([sum(map(len, ids)), padded.numel()]),
        }


def _padded(rows: Sequence[np.ndarray[Any, Any]], value: int) -> torch.Tensor:
    return pad_sequence([torch.from_numpy(row) for row in rows], batch_first=True, padding_value=value)
