"""Reference log-probabilities of every token, computed once and kept on disk.

They are cached per token, so masks, beta, alpha and optimiser settings do not matter to them: a sweep over those costs
no forward pass of the reference. What does matter is the key: weights, tokenizer, precision and attention back end;
within one key, a sequence is known by its token ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from iterpref.train.data import Completion, Example, Floats, Ints
from iterpref.train.files import write_atomically

__all__ = ["ReferenceCache", "weights_hash"]

Row = tuple[Ints, Completion]  # prompt ids, completion
Compute = Callable[[Sequence[Row]], list[Floats]]  # log pi_ref of each completion's tokens

_SHARD = 512  # sequences a file: what a kill can cost


class ReferenceCache:
    """The values of one reference model, in files of a folder.

    Args:
        folder: may be shared by runs; values of other models lie beside these.
        key: everything but the token ids that the values depend on.

    Attributes:
        sequences: how many the last :meth:`fill` was about.
        computed: how many of these this process had to compute, since no file held them.
    """

    sequences = computed = 0

    def __init__(self, folder: Path, key: Sequence[str]) -> None:
        self._folder = folder / hashlib.sha256("\0".join(key).encode()).hexdigest()[:16]
        self._values: dict[bytes, Floats] = {}

    def fill(
        self, examples: Sequence[Example], compute: Compute, *, rank: int = 0, world: int = 1, wait: Callable[[], None]
    ) -> list[Example]:
        """The examples with their reference values.

        ``compute`` is called for sequences that no file holds, up to 512 at a time, those of one prompt beside each
        other. Of several processes each computes its share; ``wait`` is their barrier, and the folder must be visible
        to all.
        """
        self._load()
        rows = {_name(row): row for example in examples for row in _rows(example)}
        prompts: dict[tuple[int, bytes], list[bytes]] = {}
        for name, (prompt_ids, _) in rows.items():
            prompts.setdefault((len(prompt_ids), prompt_ids.tobytes()), []).append(name)
        # shares are cut before looking what is there: another process may have saved some of its own by now
        share = [name for prompt in sorted(prompts)[rank::world] for name in sorted(prompts[prompt])]
        mine = [name for name in share if name not in self._values]
        self.sequences, self.computed = len(rows), len(mine)
        for begin in range(0, len(mine), _SHARD):
            names = mine[begin : begin + _SHARD]
            self._save(names, compute([rows[name] for name in names]))
        wait()
        self._load()
        return [self._filled(example) for example in examples]

    def _filled(self, example: Example) -> Example:
        chosen, *rejected = (
            replace(completion, reference=self._values[_name((prompt, completion))])
            for prompt, completion in _rows(example)
        )
        return replace(example, chosen=chosen, rejected=rejected[0] if rejected else None)

    def _load(self) -> None:
        for path in sorted(self._folder.glob("*.safetensors")):
            shard = load_file(path)
            names = shard["names"]
            cuts = np.cumsum(shard["lengths"])[:-1]
            for name, values in zip(names, np.split(shard["values"], cuts), strict=True):
                self._values[name.tobytes()] = values

    def _save(self, names: Sequence[bytes], values: Sequence[Floats]) -> None:
        tensors: dict[str, np.ndarray[Any, Any]] = {
            "names": np.stack([np.frombuffer(name, np.uint8) for name in names]),
            "lengths": np.array([len(item) for item in values], np.int64),
            "values": np.concatenate(values),
        }
        path = self._folder / f"{hashlib.sha256(b''.join(names)).hexdigest()[:16]}.safetensors"
        write_atomically(path, lambda place: save_file(tensors, place))


def weights_hash(named_tensors: Iterable[tuple[str, torch.Tensor]]) -> str:
    """SHA-256 over names, types, shapes and values of a model's weights."""
    digest = hashlib.sha256()
    for name, tensor in sorted(named_tensors, key=lambda item: item[0]):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _rows(example: Example) -> list[Row]:
    rows = [(example.prompt_ids, example.chosen)]
    return rows if example.rejected is None else [*rows, (example.prompt_ids, example.rejected)]


def _name(row: Row) -> bytes:
    prompt_ids, completion = row
    digest = hashlib.sha256(len(prompt_ids).to_bytes(8, "little"))
    digest.update(prompt_ids.tobytes())
    digest.update(completion.ids.tobytes())
    return digest.digest()
