"""A run folder of any number of small synthetic sessions, and the peak memory of writing its page."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from iterpref.records import End, attempt_id
from iterpref.report.page import write_page
from iterpref.store import Run
from iterpref.types import Attempt, Outcome, Pair, Span, Task, Trajectory, Verdict

KINDS = ("ValueError", "TypeError", "IndexError", "KeyError")
PASS = Verdict(Outcome.PASS, tests_passed=3, tests_total=3)


def session(number: int) -> Iterator[tuple[str, str, Any]]:
    """One in ten passes at once, one in ten never; one in a thousand of the others is a rare timeout."""
    id = f"task/{number}"
    head = f"def f(x):\n    total = {number}\n"
    bad, good = head + "    return x\n", head + "    return x + total\n"
    verdict = Verdict(Outcome.ERROR, KINDS[number % 4], f"f({number}) raised", 1, 3)
    if number % 1000 == 5:
        verdict = Verdict(Outcome.TIMEOUT, "", "over 5 s", 0, 3)
    failing, passing = number % 10 != 0, number % 10 != 1
    versions = [(bad, verdict)] * failing + [(good, PASS)] * passing
    yield "source", id, Trajectory(Task(id, f"Add {number} to x."), (), "search")
    for index, (code, said) in enumerate(versions):
        yield "attempt", attempt_id(id, index), Attempt(index, code, said)
    yield "end", id, End(id, "search", "solved" if passing else "unsolved")
    if failing and passing:
        place = bad.index("    return")
        span = Span(place, len(bad), 1.0, "changed")
        yield "pair", f"{id}/0", Pair(f"p{number}", "Add.", good, bad, (Span(place, len(good)),), (span,))


def fill(path: Path, sessions: int) -> None:
    with Run(path) as run:
        for start in range(0, sessions, 5000):
            numbers = range(start, min(start + 5000, sessions))
            run.put_many(record for number in numbers for record in session(number))


if __name__ == "__main__":  # in a process of its own, as the peak of a process never falls
    with Run(sys.argv[1], read_only=True) as opened:
        write_page(opened, Path(sys.argv[2]))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
