"""The focus, proven by running programs: which differences make y- fail, and which are beside the point.

The paper takes every line of y- outside the LCS for wrong and asks a language model to sort out the rest (section 3.1).
Here the differences are applied to y-, some at a time, and the tests are run. A 1-minimal set of them that makes y-
pass is the focus; the others are ``irrelevant``. It is found coarsely first (whole hunks), then within the hunks that
matter (:mod:`.pairing`, or lexemes), always from a program that passed to a smaller change that passes too.

What differs between two ways to write the same is taken out first, where that passes the tests too: names
(:mod:`.names`) and forms (:mod:`.forms`). Lines that are harmless only because the repair made them idle count as wrong
(:mod:`.leftovers`).

Beside it stands the converse: which differences cannot be undone in y+, one at a time, without making it fail.
"""

from __future__ import annotations

import ast
import hashlib
import warnings
from collections.abc import Callable, Collection, Generator, Iterable
from dataclasses import dataclass, replace

from iterpref.focus.aligned import Aligned
from iterpref.focus.diff import Differ, Hunk, apply_hunks
from iterpref.focus.forms import align_forms
from iterpref.focus.leftovers import idle_lines
from iterpref.focus.lexemes import diff_lexemes
from iterpref.focus.lines import diff_lines
from iterpref.focus.minimal import OutOfBudget, minimal_subset
from iterpref.focus.names import align_names
from iterpref.focus.pairing import diff_paired_lines
from iterpref.focus.syntax import parse

__all__ = ["Question", "Search", "Verified", "reruns_agree", "verified_focus", "verify"]


@dataclass(frozen=True)
class Question:
    """Does ``program`` pass its tests? ``again`` counts repetitions: a flaky program may answer otherwise."""

    program: str
    again: int = 0


@dataclass(frozen=True)
class Verified:
    """What running said about a pair.

    ``hunks`` lie between y- and y+, in order: those that matter are ``changed``, the others ``irrelevant`` or
    ``renamed``. ``minimal`` is y- with nothing but what matters, in y-'s own names; it passed when it was run, and
    ``minimal_hunks`` lie between y- and it.
    """

    hunks: tuple[Hunk, ...]
    minimal: str
    minimal_hunks: tuple[Hunk, ...]
    necessary: tuple[Hunk, ...]  # the converse: those of `hunks` that cannot be undone in y+, one at a time
    runs: int  # programs that had to be run
    complete: bool  # the budget sufficed: the set is 1-minimal, the converse known


Search = Generator[Question, bool, Verified | str | bool]
"""Yields questions, is sent answers. Returns the result (True: nothing against the pair), or why there is none."""


def verified_focus(
    rejected: str,
    chosen: str,
    passes: Callable[[str], bool],
    *,
    differ: Differ = diff_lines,
    runs: int = 200,
    keep: Collection[str] = (),
) -> Verified | str:
    """Search one pair, one program at a time. Arguments and result as in :func:`verify`."""
    search = verify(rejected, chosen, differ=differ, runs=runs, keep=keep)
    try:
        question = next(search)
        while True:
            question = search.send(passes(question.program))
    except StopIteration as end:
        result: Verified | str = end.value
        return result


def verify(
    rejected: str,
    chosen: str,
    *,
    differ: Differ = diff_lines,
    runs: int = 200,
    reruns: int = 0,
    keep: Collection[str] = (),
) -> Generator[Question, bool, Verified | str]:
    """Search for the differences that matter.

    Programs that do not compile are taken as failing and not asked about; nothing is asked twice, except that y-, y+
    and the minimal program are asked ``reruns`` more times.

    Args:
        differ: what the differences are; ``lexemes`` goes below lines once the lines are known.
        runs: how many programs may be asked about. If they do not suffice, the smallest passing change so far counts.
        keep: names that must not be aligned, since the tests use them.
    """
    asker = _Asker()
    unstable = yield from _unstable(asker, rejected, chosen, range(reruns + 1))
    if unstable:
        return unstable
    aligned = align_names(rejected, chosen, keep)
    if aligned.text != chosen and not (yield from asker.passes(aligned.text)):
        aligned = Aligned(chosen)
    form = align_forms(rejected, aligned.text)
    if form != aligned.text and (yield from asker.passes(form)):
        aligned = aligned.rewritten(form, diff_lines(form, aligned.text))
    target = aligned.text

    def with_only(some: Iterable[Hunk]) -> str:
        return apply_hunks(rejected, target, some)[0]

    hunks: list[Hunk] = []
    needed = [Hunk(0, len(rejected), 0, len(target))]
    complete = True
    for level in _levels(differ):
        parts = [part for hunk in needed for part in _within(level, rejected, target, hunk)]
        if not (yield from asker.passes(with_only(parts))):
            continue  # this level leaves something out that does matter, such as the end of a line
        hunks = sorted([*(hunk for hunk in hunks if hunk not in needed), *parts], key=_order)
        search = minimal_subset(parts)
        needed, minimised = yield from _translated(search, asker, with_only, runs)
        complete = complete and minimised
    if not hunks:
        return "what makes y- fail is in none of the differences"
    minimal, minimal_hunks = apply_hunks(rejected, target, needed)
    for again in range(1, reruns + 1):
        if not (yield from asker.passes(minimal, again)):
            return "a program between y- and y+ passes only at times"
    necessary: set[Hunk] = set()
    for hunk in hunks:
        undone = with_only(other for other in hunks if other != hunk)
        if asker.runs >= runs and not asker.knows(undone):
            complete = False
        elif not (yield from asker.passes(undone)):
            necessary.add(hunk)
    wrong = {*needed, *idle_lines(rejected, target, needed, [hunk for hunk in hunks if hunk not in needed])}
    labelled = aligned.hunks([_labelled(hunk, hunk in wrong) for hunk in hunks])
    return Verified(
        hunks=tuple(sorted([*labelled, *aligned.beside(rejected, hunks)], key=_order)),
        minimal=minimal,
        minimal_hunks=tuple(_labelled(hunk, True) for hunk in minimal_hunks),
        necessary=tuple(each for each, hunk in zip(labelled, hunks, strict=True) if hunk in necessary),
        runs=asker.runs,
        complete=complete,
    )


def reruns_agree(rejected: str, chosen: str, reruns: int) -> Generator[Question, bool, str | bool]:
    """Ask about y- and y+ ``reruns`` times. Returns what is wrong with the pair, or True."""
    return (yield from _unstable(_Asker(), rejected, chosen, range(1, reruns + 1))) or True


def _unstable(asker: _Asker, rejected: str, chosen: str, times: Iterable[int]) -> Generator[Question, bool, str | None]:
    for again in times:
        if (yield from asker.passes(rejected, again)):
            return "y- passes when it is run again"
        if not (yield from asker.passes(chosen, again)):
            return "y+ fails when it is run again"
    return None


class _Asker:
    """Asks about one pair's programs, each once. Counts what had to be run."""

    def __init__(self) -> None:
        self.runs = 0
        self._known: dict[tuple[str, int], bool] = {}

    def passes(self, program: str, again: int = 0) -> Generator[Question, bool, bool]:
        key = _key(program)
        if key is None:
            return False
        if (key, again) not in self._known:
            self.runs += 1
            self._known[key, again] = yield Question(program, again)
        return self._known[key, again]

    def knows(self, program: str) -> bool:
        key = _key(program)
        return key is None or (key, 0) in self._known


def _key(program: str) -> str | None:
    """The same for programs that differ in comments and layout alone; None if the program does not compile."""
    tree = parse(program)
    if tree is None:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(tree, "<program>", "exec", dont_inherit=True)
            return hashlib.sha256(ast.dump(tree).encode("utf-8", "surrogatepass")).hexdigest()
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _translated(
    search: Generator[tuple[Hunk, ...], bool, tuple[tuple[Hunk, ...], bool]],
    asker: _Asker,
    with_only: Callable[[Iterable[Hunk]], str],
    runs: int,
) -> Generator[Question, bool, tuple[list[Hunk], bool]]:
    """A search among hunks as one among programs, which ends when the budget does."""
    try:
        subset = next(search)
        while True:
            program = with_only(subset)
            if asker.runs >= runs and not asker.knows(program):
                subset = search.throw(OutOfBudget())
            else:
                subset = search.send((yield from asker.passes(program)))
    except StopIteration as end:
        found, complete = end.value
        return list(found), complete


def _levels(differ: Differ) -> list[Differ]:
    """Ever finer differences, each level within what mattered in the one before."""
    return [differ, diff_paired_lines] if differ is not diff_lexemes else [diff_lines, diff_paired_lines, diff_lexemes]


def _within(differ: Differ, rejected: str, chosen: str, hunk: Hunk) -> list[Hunk]:
    old, new = rejected[hunk.rejected_start : hunk.rejected_end], chosen[hunk.chosen_start : hunk.chosen_end]
    return [
        replace(part.shifted(hunk.rejected_start, hunk.chosen_start), reason=hunk.reason) for part in differ(old, new)
    ]


def _order(hunk: Hunk) -> tuple[int, int, int, int]:
    return hunk.rejected_start, hunk.chosen_start, hunk.rejected_end, hunk.chosen_end


def _labelled(hunk: Hunk, needed: bool) -> Hunk:
    if needed:
        return replace(hunk, reason="changed")
    return replace(hunk, reason="irrelevant") if hunk.counts else hunk
