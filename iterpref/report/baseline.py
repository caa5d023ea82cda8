"""Two runs on the same tasks side by side: debugging against sampling (paper, section 3.1), or any two ways.

Everything is counted on the tasks that both runs have, and on these alone: calls and money by the subject of each
request, pairs by their task. The calls that wrote the tasks are told apart, since both runs live on them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from iterpref.errors import InputError
from iterpref.records import End, fingerprint, trajectories
from iterpref.report.paper import CALLS_PER_PAIR, CALLS_PER_SOLVED, PASSING
from iterpref.report.tables import Table, money
from iterpref.store import Run, encode
from iterpref.teachers.ledger import LEDGER, Ledger, Spent
from iterpref.teachers.prices import Prices, total_cost
from iterpref.types import Pair, Trajectory

__all__ = ["beside"]

_WRITING = ("task", "task, again")


@dataclass(frozen=True)
class _Side:
    """One run, as far as the common tasks go."""

    head: str
    spent: Sequence[Spent]
    programs: int
    longest: int  # versions of the task that has most
    pairs: int
    solved: Counter[int]  # tasks by the number of versions that the first passing one took, from 1

    def calls(self, *, writing: bool) -> int:
        return sum(each.answers for each in self.spent if (each.purpose in _WRITING) == writing)


def beside(run: Run, other: str, prices: Prices) -> list[Table]:
    """Tables that compare ``run`` with the run folder ``other``; a note where there is nothing to compare with."""
    if not other:
        return []
    try:
        with Run(other, read_only=True) as second:
            tasks = _tasks(run).items() & _tasks(second).items()
            if not tasks:
                return [Table(note=f"{other} has no task in common with this run.")]
            names = {name for name, _ in tasks}
            sides = [_side(run, names), _side(second, names)]
    except InputError as error:
        return [Table(note=f"Nothing to compare with: {error}")]
    return [_figures(sides, len(names), prices), _rates(sides, len(names))]


def _tasks(run: Run) -> dict[str, str]:
    """Task id -> digest of all that makes it the same task."""
    found = {}
    for round in run.rounds():
        for _, source in run.items("source", Trajectory, round):
            task = source.task
            found[task.id] = fingerprint(task.prompt, encode(task.tests) if task.tests else "")
    return found


def _side(run: Run, names: Collection[str]) -> _Side:
    spent: list[Spent] = []
    if (run.path / LEDGER).exists():
        with Ledger(run.path, read_only=True) as ledger:
            spent = ledger.spent(names)
    first: dict[str, int] = {}
    programs = pairs = longest = 0
    ends = [end for round in run.rounds() for _, end in run.items("end", End, round)]
    for round in run.rounds():
        for _, made in trajectories(run, round):
            if made.task.id not in names:
                continue
            programs += len(made.attempts)
            for attempt in made.attempts:
                longest = max(longest, attempt.index + 1)
                if attempt.verdict.passed:
                    first[made.task.id] = min(attempt.index + 1, first.get(made.task.id, attempt.index + 1))
        for _, pair in run.items("pair", Pair, round):
            pairs += pair.rejected is not None and pair.provenance.get("task_id") in names
    how = "sampling" if any(end.sampled for end in ends) else "debugging"
    return _Side(f"{how} ({run.path.resolve().name})", spent, programs, longest, pairs, Counter(first.values()))


def _figures(sides: Sequence[_Side], tasks: int, prices: Prices) -> Table:
    def ratio(number: float, count: int) -> str:
        return f"{number / count:.1f}" if count else "none"

    rows: list[tuple[str, ...]] = []

    def row(name: str, cells: Iterable[str], paper: tuple[str, str] = ("", "")) -> None:
        rows.append((name, *cells, *paper))

    asked = [side.calls(writing=True) + side.calls(writing=False) for side in sides]
    solved = [side.solved.total() for side in sides]
    row("calls that wrote the tasks", (f"{side.calls(writing=True):,}" for side in sides))
    row("calls for drafts and repairs", (f"{side.calls(writing=False):,}" for side in sides))
    for name, field in (("tokens sent", "prompt_tokens"), ("tokens answered", "completion_tokens")):
        row(name, (f"{sum(getattr(each, field) for each in side.spent):,}" for side in sides))
    row("USD", (money(total_cost(side.spent, prices)) for side in sides))
    row("programs run", (f"{side.programs:,}" for side in sides))
    row("tasks solved", (f"{count:,} ({count / tasks:.1%})" for count in solved))
    row("pairs", (f"{side.pairs:,}" for side in sides))
    row("calls per pair", map(ratio, asked, [side.pairs for side in sides]), CALLS_PER_PAIR)
    row("the same, without writing tasks", (ratio(side.calls(writing=False), side.pairs) for side in sides))
    row("calls per solved task", map(ratio, asked, solved), CALLS_PER_SOLVED)
    head = (f"{tasks:,} tasks that both have", *(side.head for side in sides), "paper, debugging", "paper, sampling")
    note = "Only the tasks that both runs have, and what was asked about them, are counted."
    return Table(head, tuple(rows), note, f"{sides[0].head} beside {sides[1].head}")


def _rates(sides: Sequence[_Side], tasks: int) -> Table:
    """Share of tasks with a passing version among the first so many."""
    rows = []
    for number in range(1, max(side.longest for side in sides) + 1):
        shares = [sum(side.solved[each] for each in range(1, number + 1)) / tasks for side in sides]
        published = (each.get(number, "") for each in PASSING)
        rows.append((str(number), *(f"{share:.1%}" for share in shares), *published))
    head = ("versions of a task", *(side.head for side in sides), "paper, debugging", "paper, sampling")
    return Table(head, tuple(rows), "Tasks with a passing version among the first so many:")
