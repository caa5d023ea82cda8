"""What an endpoint was asked and what that cost, as Markdown: before the work from a plan, after it from the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from iterpref.records import End, mark, trajectories
from iterpref.report.baseline import beside
from iterpref.report.paper import CALLS_PER_PAIR, CALLS_PER_SOLVED, PASSING
from iterpref.report.tables import Table, cell, counts, markdown, money
from iterpref.store import Drop, Run
from iterpref.teachers.estimate import Plan
from iterpref.teachers.ledger import LEDGER, Ledger, Spent
from iterpref.teachers.prices import Prices, total_cost
from iterpref.types import Attempt, Pair

__all__ = ["asked", "calls_per_pair", "costs", "estimate_text", "marks"]


def estimate_text(plan: Plan, model: str, tasks: int, ended: int, spent: Sequence[Spent], prices: Prices) -> str:
    """The plan as a table, with what it assumes."""
    lines = [f"{tasks} tasks, {ended} sessions complete. Nothing was sent.", ""]
    rows = tuple(
        (name, f"{calls:,.0f}", f"{prompt:,.0f}", f"{answer:,.0f}", money(usd))
        for name, calls, prompt, answer, usd in plan.rows()
    )
    lines += markdown([Table(("", "calls", "tokens sent", "tokens answered", "USD"), rows)])
    lines += [
        "At most: every session goes to its last iteration, every answer to its limit, also where a prompt",
        "holds it, and all feedback to its own; failed tries are not counted.",
        "Expected: sessions are solved as in the paper (36.7 % at first, 67.5 % after five repairs, between them",
        "interpolated); answers are as long as those of their kind in the ledger, else 400 tokens (tasks 1,200).",
        "A token is taken to be four characters.",
    ]
    if plan.price is None:
        lines += [f"The cost is unknown: there is no price for {model!r}; add it to a file named by chat.prices."]
    if spent:
        answers = sum(each.answers for each in spent)
        lines += [
            f"The ledger holds {answers:,} answers ({money(total_cost(spent, prices))}); they are not asked again."
        ]
    return "\n".join(lines)


def costs(run: Run, prices: Prices, baseline: str = "") -> list[str]:
    """The tables of :func:`asked` as a section of the summary. Empty where there is nothing to say."""
    tables = asked(run, prices, baseline)
    return ["## What was asked", "", *markdown(tables)] if tables else []


def asked(run: Run, prices: Prices, baseline: str = "") -> list[Table]:
    """Calls, tokens, money, faults, calls per pair, pass rates, drops, where an endpoint was asked.

    ``baseline`` is a run folder to compare with (:func:`iterpref.report.baseline.beside`).
    """
    return [*_of_the_ledger(run, prices), *beside(run, baseline, prices)]


def _of_the_ledger(run: Run, prices: Prices) -> list[Table]:
    if not (run.path / LEDGER).exists():
        return []
    with Ledger(run.path, read_only=True) as ledger:
        spent = ledger.spent()
        if not spent:
            return []
        faults, lost, reasons, names = ledger.faults(), ledger.lost(), ledger.finish_reasons(), ledger.answered_by()
    rows = [
        (
            each.purpose,
            each.model,
            f"{each.answers:,}",
            f"{each.prompt_tokens:,}",
            f"{each.completion_tokens:,}",
            money(total_cost([each], prices)),
        )
        for each in spent
    ]
    answers, prompt, completion = (
        sum(getattr(each, name) for each in spent) for name in ("answers", "prompt_tokens", "completion_tokens")
    )
    rows.append(("all", "", f"{answers:,}", f"{prompt:,}", f"{completion:,}", money(total_cost(spent, prices))))
    told = (
        f"Answered by: {counts(names)}. Answers ended by: {counts(reasons)}. "
        f"Tries without an answer: {counts(faults) if faults else 'none'}. Requests whose end is unknown, because the "
        f"process was stopped while they were under way: {lost}."
    )
    head = ("purpose", "model", "answers", "tokens sent", "tokens answered", "USD")
    return [Table(head, tuple(rows)), Table(note=told), *_per_pair(run, answers)]


def calls_per_pair(run: Run, answers: int) -> float | None:
    """Answers for each pair of the run; None where it has no pair."""
    pairs = sum(pair.rejected is not None for round in run.rounds() for _, pair in run.items("pair", Pair, round))
    return answers / pairs if pairs else None


def marks(run: Run, round: int = 1) -> Counter[str]:
    """How many versions repeat an earlier one, and how many pass fewer tests than one before."""
    found: Counter[str] = Counter()
    for _, trajectory in trajectories(run, round):
        earlier: list[Attempt] = []
        for attempt in trajectory.attempts:
            found[mark(earlier, attempt)] += 1
            earlier.append(attempt)
    del found[""]
    return found


def _per_pair(run: Run, answers: int) -> list[Table]:
    rate = calls_per_pair(run, answers)
    ends = [end for round in run.rounds() for _, end in run.items("end", End, round)]
    sampled = any(end.sampled for end in ends)
    solved = sum(end.reason == "solved" for end in ends)
    tables = [
        Table(
            ("", "this run", "paper, debugging", "paper, sampling"),
            (
                ("versions are", "sampled" if sampled else "debugged", "debugged", "sampled"),
                ("calls per pair", f"{rate:.1f}" if rate else "no pairs", *CALLS_PER_PAIR),
                ("calls per solved task", f"{answers / solved:.1f}" if solved else "none solved", *CALLS_PER_SOLVED),
            ),
        ),
        *_pass_rates(run, sampled),
    ]
    return [*tables, *(table for round in run.rounds() for table in _kept(run, round, sampled))]


def _kept(run: Run, round: int, sampled: bool) -> Iterator[Table]:
    """What became of odd versions, of answers that were no task or program, and of tests beside a repair."""
    marked = marks(run, round)
    if sampled and marked["repeat"]:
        told = f"{marked['repeat']:,} of {run.count('attempt', round):,} in round {round}"
        yield Table(
            note=f"Independent versions that repeat an earlier one of their task word for word: {told}. Where that is "
            "most of them, the server does not sample: look at its temperature."
        )
    elif marked and not sampled:
        yield Table(note=f"Kept and marked in round {round}: {counts(marked)}.")
    drops = [drop for _, drop in run.items("left", Drop, round)]
    if drops:
        left = Counter(f"{drop.stage}: {drop.reason}" for drop in drops)
        kept = run.count("source", round)
        asked_for = kept + sum(drop.stage == "tasks" for drop in drops)
        note = f"Left out before there was a program to run (of {asked_for:,} tasks asked for, {kept:,} were kept):"
        yield Table(("reason", "count"), _rows(left), note)
    proposed = Counter(_of_new_tests(seen) for _, seen in run.items("new tests", dict, round))
    if proposed:
        note = (
            f"Repairs that came with tests of their own: {proposed.total():,}. They were checked like those of a task, "
            "run and recorded; the frozen tests decided."
        )
        yield Table(("the tests of the repair", "count"), _rows(proposed), note)


def _rows(found: Counter[str]) -> tuple[tuple[str, str], ...]:
    return tuple((cell(what), f"{count:,}") for what, count in found.most_common())


def _of_new_tests(seen: Mapping[str, str]) -> str:
    if seen["usable"]:
        return f"of no use: {seen['usable']}"
    return f"fit; with the repair they say: {seen['outcome']}"


def _pass_rates(run: Run, sampled: bool) -> list[Table]:
    """Share of sessions with a passing version after each iteration."""
    firsts: Counter[int] = Counter()
    count = longest = 0
    for round in run.rounds():
        for _, trajectory in trajectories(run, round):
            count += 1
            longest = max([longest, *(attempt.index for attempt in trajectory.attempts)])
            passing = [attempt.index for attempt in trajectory.attempts if attempt.verdict.passed]
            if passing:
                firsts[min(passing)] += 1
    if not count:
        return []
    published = PASSING[sampled]
    unit = 1 if sampled else 0  # tries are counted from one, iterations from the draft
    rows = []
    for index in range(longest + 1):
        share = sum(firsts[each] for each in range(index + 1)) / count
        rows.append((str(index + unit), f"{share:.1%}", published.get(index + 1, "")))
    return [Table(("tries" if sampled else "iteration", "sessions that pass", "paper"), tuple(rows))]
