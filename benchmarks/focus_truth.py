"""Does focus find the lines that are wrong? Precision and recall against bugs that were planted.

    ITERPREF_TEST_DATA=... python benchmarks/focus_truth.py [--count N] [--seed N] [--examples N]

``--count`` pairs each from the micro-world and from HumanEval (benchmarks/seeded_bugs.py). The unit is a changed line
of y-: it is in focus where a span with weight touches it, and wrong where a bug was planted in it. Counts are summed
over pairs (micro-average); intervals are 95 % by bootstrap over pairs. Results: docs/focus.md.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from seeded_bugs import SeededPair, humaneval, micro_world, seeded_pairs

from iterpref.focus import DIFFERS, Verified, focus_spans, verified_focus
from iterpref.focus.syntax import names_from_outside
from iterpref.sandbox import Sandbox
from iterpref.types import Span

RESAMPLES = 1000
VERIFIED, CONVERSE = "verified, lines", "converse, lines"


@dataclass(frozen=True)
class Found:
    """What a method said of one pair, held against the truth."""

    pair: SeededPair
    spans: tuple[Span, ...]
    hits: frozenset[int]  # lines in focus and wrong
    extra: frozenset[int]  # in focus, not wrong
    missed: frozenset[int]  # wrong, not in focus
    runs: int = 0


Method = Callable[[SeededPair], "tuple[tuple[Span, ...], int]"]


def lines_of(text: str, spans: Sequence[Span]) -> set[int]:
    """Lines (from 0) that hold something else than blanks and that a span with weight touches."""
    found: set[int] = set()
    for span in spans:
        if span.weight and span.start < span.end:
            first = text.count("\n", 0, span.start)
            found.update(range(first, first + text.count("\n", span.start, span.end - 1) + 1))
    lines = text.split("\n")
    return {line for line in found if lines[line].strip()}


def compare(pair: SeededPair, spans: tuple[Span, ...], runs: int = 0) -> Found:
    """Hold spans against the truth. Of several choices of wrong lines the one that is in focus most is meant."""
    focus = lines_of(pair.rejected, spans)
    wrong: set[int] = set()
    for bug in pair.bugs:
        if bug.choices:
            wrong.update(max(bug.choices, key=lambda lines: len(focus.intersection(lines)) / len(lines)))
    return Found(pair, spans, frozenset(focus & wrong), frozenset(focus - wrong), frozenset(wrong - focus), runs)


def rates(found: Sequence[Found], seed: int = 0) -> dict[str, tuple[float, float, float]]:
    """Precision and recall, each with its interval."""
    counts = np.array([[len(each.hits), len(each.extra), len(each.missed)] for each in found], dtype=float)
    drawn = np.random.default_rng(seed).multinomial(len(counts), np.full(len(counts), 1 / len(counts)), RESAMPLES)
    totals = np.vstack([counts.sum(axis=0), drawn @ counts])
    result = {}
    for name, other in (("precision", 1), ("recall", 2)):
        with np.errstate(invalid="ignore"):
            values = totals[:, 0] / (totals[:, 0] + totals[:, other])
        low, high = np.nanpercentile(values[1:], [2.5, 97.5])
        result[name] = (float(values[0]), float(low), float(high))
    return result


def table(title: str, groups: dict[str, list[Found]]) -> None:
    print(f"\n{title}\n")
    print("| | pairs | precision | recall | runs a pair |\n| --- | --- | --- | --- | --- |")
    for name, found in groups.items():
        if found:
            cells = [f"{value:.3f} [{low:.3f}, {high:.3f}]" for value, low, high in rates(found).values()]
            runs = np.mean([each.runs for each in found])
            print(f"| {name} | {len(found)} | {' | '.join(cells)} | {f'{runs:.1f}' if runs else ''} |")


def misses(found: list[Found], examples: int) -> None:
    """The commonest kinds of lines that are wrongly in focus or out of it."""
    kinds: Counter[str] = Counter()
    for each in found:
        wrong = each.hits | each.missed
        for line in each.extra:
            near = "next to" if wrong & {line - 1, line + 1} else "apart from"
            kinds[f"in focus though right, {near} a bug, rewrites in {each.pair.rewritten}"] += 1
        for line in each.missed:
            kinds[f"wrong though not in focus: {_reason(each, line)}"] += 1
        for name in set(each.pair.rewrites) if each.extra else ():
            kinds[f"pairs with a right line in focus that had: {name}"] += 1
    for kind, count in kinds.most_common(16):
        print(f"  {count:5} {kind}")
    for each in [each for each in found if each.extra or each.missed][:examples]:
        _print_example(each)


def _reason(each: Found, line: int) -> str:
    starts = [span for span in each.spans if span.start < span.end]
    reasons = {span.reason for span in starts if line in lines_of(each.pair.rejected, [_weighted(span)])}
    return ", ".join(sorted(reasons)) or "unchanged"


def _weighted(span: Span) -> Span:
    return Span(span.start, span.end, 1.0, span.reason)


def _print_example(each: Found) -> None:
    pair = each.pair
    print(
        f"\n--- {pair.task.id}: {', '.join(pair.rewrites) or 'no rewrites'} in {pair.rewritten}; y+ is\n{pair.chosen}"
    )
    print("--- y- is (ok: found, ++: in focus though right, !!: missed)")
    for number, line in enumerate(pair.rejected.split("\n")):
        sign = (
            "ok" if number in each.hits else "++" if number in each.extra else "!!" if number in each.missed else "  "
        )
        print(f"{sign} {line}")


class Prover:
    """Execution-verified focus of seeded pairs, each searched once."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box
        self._known: dict[tuple[str, str, str], Verified | str] = {}

    def search(self, pair: SeededPair, differ: str) -> Verified | str:
        key = (pair.rejected, pair.chosen, differ)
        if key not in self._known:
            tests = pair.task.tests
            assert tests is not None
            self._known[key] = verified_focus(
                pair.rejected,
                pair.chosen,
                lambda program: self._box.judge(program, tests).passed,
                differ=DIFFERS[differ],
                keep={tests.entry_point, *names_from_outside(tests.code)},  # as the pairs stage does
            )
        return self._known[key]

    def needed(self, differ: str) -> Method:
        """The differences that suffice to make y- pass."""

        def focus(pair: SeededPair) -> tuple[tuple[Span, ...], int]:
            found = self.search(pair, differ)
            if isinstance(found, str):  # why nothing could be proven: the difference stands as it is
                return by_differ(differ)(pair)
            return focus_spans(found.hunks)[0], found.runs

        return focus

    def necessary(self, differ: str) -> Method:
        """The converse: the differences that cannot be undone in y+."""

        def focus(pair: SeededPair) -> tuple[tuple[Span, ...], int]:
            found = self.search(pair, differ)
            if isinstance(found, str):
                return by_differ(differ)(pair)
            hunks = [
                replace(hunk, reason="changed" if hunk in found.necessary else "irrelevant") for hunk in found.hunks
            ]
            return focus_spans(hunks)[0], found.runs

        return focus


def by_differ(name: str) -> Method:
    return lambda pair: (focus_spans(DIFFERS[name](pair.rejected, pair.chosen))[0], 0)


def methods(box: Sandbox) -> dict[str, Method]:
    """Each differ alone, and what running leaves of the differences of lexemes, and of lines."""
    prover = Prover(box)
    return {
        **{name: by_differ(name) for name in ("lines", "lexemes", "ends", "tree")},
        "verified, lexemes": prover.needed("lexemes"),
        CONVERSE: prover.necessary("lines"),
        VERIFIED: prover.needed("lines"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--count", type=int, default=600, help="pairs from each of the two suites")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--examples", type=int, default=0, help="misses of verified focus that are printed")
    options = parser.parse_args()
    with Sandbox() as box:
        for suite, tasks in (("micro-world", micro_world(options.count, options.seed)), ("HumanEval", humaneval())):
            pairs = list(seeded_pairs(box, tasks, options.count, options.seed))
            print(f"\n# {suite}: {len(pairs)} pairs of {len({pair.task.id for pair in pairs})} solutions")
            by_method = methods(box)
            report(pairs, by_method, options.examples, box.workers)
            gone = list(seeded_pairs(box, tasks, options.count // 4, options.seed, missing=True))
            report_missing(gone, by_method)


def report(pairs: list[SeededPair], by_method: dict[str, Method], examples: int, workers: int) -> None:
    with ThreadPoolExecutor(workers) as pool:
        results = {
            name: list(pool.map(lambda pair, method=method: compare(pair, *method(pair)), pairs))
            for name, method in by_method.items()
        }
    table("Every pair", results)
    for name, found in results.items():
        groups = {f"{n} bugs": [each for each in found if len(each.pair.bugs) == n] for n in (1, 2, 3)}
        groups |= {f"{n} rewrites": [each for each in found if len(each.pair.rewrites) == n] for n in range(6)}
        table(name, groups)
    both = list(zip(results[CONVERSE], results[VERIFIED], strict=True))
    differing = [(a, b) for a, b in both if lines_of(a.pair.rejected, a.spans) != lines_of(b.pair.rejected, b.spans)]
    table("Where the two sets differ", {CONVERSE: [a for a, _ in differing], VERIFIED: [b for _, b in differing]})
    print(f"\nMisses of {VERIFIED}, by kind")
    misses(results[VERIFIED], examples)


def report_missing(pairs: list[SeededPair], by_method: dict[str, Method]) -> None:
    """One line of y- was taken away: is its place penalised (or a line beside it), and what else is?"""
    print(f"\nOne line missing ({len(pairs)} pairs)\n")
    print("| | place penalised | lines in focus a pair |\n| --- | --- | --- |")
    for name, method in by_method.items():
        hits = lines = 0
        for pair in pairs:
            spans, _ = method(pair)
            starts = {pair.rejected.count("\n", 0, span.start) for span in spans if span.weight}
            focus = lines_of(pair.rejected, spans)
            hits += any(abs(line - pair.bugs[0].place) <= 1 for line in starts | focus)
            lines += len(focus)
        print(f"| {name} | {hits / len(pairs):.3f} | {lines / len(pairs):.2f} |")


if __name__ == "__main__":
    main()
