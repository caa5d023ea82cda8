"""In which order pairs are learnt, and how the global batch of a step is cut into micro-batches and these into rows.

The loss does not depend on the cut, so the cut is free to keep what shares tokens together, to give every process the
same amount of work, and to keep to a number of tokens that are computed at once. Needs no communication: every process
computes the same order from the seed and the epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence

import torch
from torch.utils.data import Sampler
from transformers import TrainingArguments

from iterpref.train.data import Example

__all__ = ["GlobalBatches", "global_batches"]


def global_batches(
    examples: Sequence[Example],
    collate: Callable[[list[Example]], dict[str, torch.Tensor]],
    args: TrainingArguments,
    tokens_per_row: int | None,
) -> GlobalBatches:
    """The order of ``examples`` under these training arguments; tokens are those of the collator's batches."""
    return GlobalBatches(
        [example.trajectory or number for number, example in enumerate(examples)],
        size=args.train_batch_size,
        accumulation=args.gradient_accumulation_steps,
        rank=args.process_index,
        world=args.world_size,
        seed=args.seed if args.data_seed is None else args.data_seed,
        cost=lambda numbers: int(collate([examples[number] for number in numbers])["tokens"][1]),
        budget=tokens_per_row,
    )


class GlobalBatches(Sampler[list[list[int]]]):
    """The micro-batches of one process in one epoch: each a list of rows, each of these a list of example numbers.

    A step takes the next ``size * parts`` examples of a shuffle that keeps trajectories together. They go to ``parts``
    micro-batches of about equal cost, by whole trajectories where that is possible. Where every example is a trajectory
    of its own, the shuffle is that of torch's ``RandomSampler``.

    Args:
        trajectories: for each example the trajectory it belongs to.
        size: examples of a micro-batch, on average.
        accumulation: micro-batches of a step on one process.
        rank, world: this process, of how many.
        cost: tokens that a row of these examples computes.
        budget: the most that a row of several examples may cost; None: every micro-batch is one row. All micro-batches
            of a step have the same number of rows: processes that share a sharded model must keep step.
    """

    def __init__(
        self,
        trajectories: Sequence[Hashable],
        *,
        size: int,
        accumulation: int,
        rank: int,
        world: int,
        seed: int,
        cost: Callable[[Sequence[int]], int],
        budget: int | None = None,
    ) -> None:
        self._groups: dict[Hashable, list[int]] = {}
        for number, trajectory in enumerate(trajectories):
            self._groups.setdefault(trajectory, []).append(number)
        self._trajectories = list(trajectories)
        self._size, self._seed, self._cost, self._budget = size, seed, cost, budget
        self._rank, self._world = rank, world
        self._step = size * accumulation * world
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __len__(self) -> int:
        return sum(parts for _, parts in self._steps()) // self._world

    def __iter__(self) -> Iterator[list[list[int]]]:
        order = self._shuffled()
        begin = 0
        for count, parts in self._steps():
            yield from self._in_rows(self._cut(order[begin : begin + count], parts))[self._rank :: self._world]
            begin += count

    def _steps(self) -> list[tuple[int, int]]:
        """(examples, micro-batches of all processes) of every step; the last one has enough for all processes."""
        whole, rest = divmod(len(self._trajectories), self._step)
        counts = [self._step] * whole
        if rest >= self._world or not whole:
            counts += [rest]
        else:
            counts[-1] += rest
        most = self._step // self._size
        return [(count, min(most, self._world * self._rounds(count))) for count in counts if count]

    def _rounds(self, count: int) -> int:
        """Micro-batches of each process in a step of ``count`` examples; none of them is empty."""
        return max(1, min(-(-count // (self._size * self._world)), count // self._world))

    def _shuffled(self) -> list[int]:
        generator = torch.Generator().manual_seed(self._epoch + self._seed)
        first = torch.randperm(len(self._trajectories), generator=generator).tolist()
        visited = dict.fromkeys(self._trajectories[number] for number in first)
        return [number for trajectory in visited for number in self._groups[trajectory]]

    def _in_rows(self, batches: list[list[int]]) -> list[list[list[int]]]:
        if self._budget is None:
            return [[batch] for batch in batches]
        count, most = -(-max(map(self._cost, batches)) // self._budget), min(map(len, batches))
        while True:
            rows = [self._cut(batch, min(count, most)) for batch in batches]
            several = [row for batch in rows for row in batch if len(row) > 1]
            if count >= most or all(self._cost(row) <= self._budget for row in several):
                return rows
            count += 1

    def _cut(self, numbers: list[int], parts: int) -> list[list[int]]:
        if parts == 1:
            return [numbers]
        pieces: dict[Hashable, list[int]] = {}
        for number in numbers:
            pieces.setdefault(self._trajectories[number], []).append(number)
        groups = list(pieces.values())
        while len(groups) < parts:  # fewer trajectories than micro-batches
            groups.sort(key=len)
            largest = groups.pop()
            groups += [largest[: len(largest) // 2], largest[len(largest) // 2 :]]
        costs = [self._cost(group) for group in groups]
        loads, found = [0] * parts, [list[int]() for _ in range(parts)]
        for place in sorted(range(len(groups)), key=lambda place: -costs[place]):
            lightest = min(range(parts), key=lambda part: (loads[part], len(found[part])))
            found[lightest] += groups[place]
            loads[lightest] += costs[place]
        return found
