"""A differ that knows the language: statements are compared as trees, and moved and renamed code is recognised.

Both texts are cut into units of whole lines: a simple statement, the head of a compound one, a comment, a line such as
``else:``. Units match where their trees do, at the same depth of nesting, after y+ was given the names of y-
(:mod:`.names`); the match is a longest common subsequence. What matches as a tree but not as text is a hunk with reason
``formatting`` or ``renamed``. A statement that left one place and stands in another is ``moved`` if nothing it passed
depends on it; else the order may be what is wrong, and it is ``changed`` like everything else.

Where one of the texts does not parse, lines are compared.
"""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, groupby

from iterpref.focus.diff import Hunk
from iterpref.focus.lines import bare_lines, cut_lines, diff_lines, opcodes
from iterpref.focus.names import align_names
from iterpref.focus.syntax import Positions, parse

__all__ = ["diff_tree"]

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
_JUMPS = (ast.Return, ast.Break, ast.Continue, ast.Raise, ast.Yield, ast.YieldFrom, ast.Await, ast.Assert)


@dataclass(frozen=True)
class _Unit:
    """Lines ``start`` to ``end`` (exclusive) of a text. ``scope``: the names of the functions and classes around it."""

    start: int
    end: int
    key: tuple[object, ...]
    nodes: tuple[ast.AST, ...] = ()
    scope: tuple[str, ...] = ()

    @property
    def words(self) -> bool:
        """Whether it is more than a comment, or a line such as ``else:``."""
        return bool(self.nodes)

    @cached_property
    def effects(self) -> tuple[frozenset[str], frozenset[str], bool]:
        """Names it binds, names it reads, and whether it may do more than that (calls, jumps, changes of objects)."""
        stores: set[str] = set()
        reads: set[str] = set()
        more = False
        for top in self.nodes:
            for node in ast.walk(top):
                if isinstance(node, ast.Name):
                    (reads if isinstance(node.ctx, ast.Load) else stores).add(node.id)
                elif isinstance(node, _DEFINITIONS):
                    stores.add(node.name)
                elif isinstance(node, ast.alias):
                    stores.add(node.asname or node.name.partition(".")[0])
                elif isinstance(node, (ast.Attribute, ast.Subscript)):
                    more = more or not isinstance(node.ctx, ast.Load)
                elif isinstance(node, (ast.Call, *_JUMPS)):
                    more = True
        return frozenset(stores), frozenset(reads), more


def diff_tree(rejected: str, chosen: str) -> list[Hunk]:
    """Hunks of whole lines, and ``renamed`` ones of single names."""
    aligned = align_names(rejected, chosen)
    old_tree, new_tree = parse(rejected), parse(aligned.text)
    if old_tree is None or new_tree is None:
        return diff_lines(rejected, chosen)
    hunks = _diff(rejected, _units(old_tree, rejected), aligned.text, _units(new_tree, aligned.text))
    both = [*aligned.hunks(hunks), *aligned.beside(rejected, hunks)]
    return sorted(both, key=lambda hunk: (hunk.rejected_start, hunk.chosen_start))


def _diff(rejected: str, old: Sequence[_Unit], chosen: str, new: Sequence[_Unit]) -> list[Hunk]:
    steps: list[tuple[bool, range, range]] = []
    for step in opcodes([unit.key for unit in old], [unit.key for unit in new]):
        equal, i_all, j_all = (
            step.tag == "equal",
            range(step.src_start, step.src_end),
            range(step.dest_start, step.dest_end),
        )
        if steps and not equal and not steps[-1][0]:  # a replacement is reported as a deletion beside an insertion
            _, i_before, j_before = steps.pop()
            i_all, j_all = range(i_before.start, i_all.stop), range(j_before.start, j_all.stop)
        steps.append((equal, i_all, j_all))
    same = [pair for equal, i, j in steps if equal for pair in zip(i, j, strict=True)]
    moved_old, moved_new = _moved(old, new, same)
    starts_old, starts_new = _starts(rejected, old), _starts(chosen, new)
    lines_old, lines_new = bare_lines(rejected), bare_lines(chosen)
    hunks: list[Hunk] = []

    def add(i: range, j: range, reason: str) -> None:
        hunk = Hunk(starts_old[i.start], starts_old[i.stop], starts_new[j.start], starts_new[j.stop], reason)
        before = hunks[-1] if hunks else None
        touches = before and (before.rejected_end, before.chosen_end) == (hunk.rejected_start, hunk.chosen_start)
        if before and touches and before.reason == reason == "changed":
            hunk = Hunk(before.rejected_start, hunk.rejected_end, before.chosen_start, hunk.chosen_end, reason)
            hunks.pop()
        hunks.append(hunk)

    for equal, i_all, j_all in steps:
        if equal:
            for i, j in zip(i_all, j_all, strict=True):
                if lines_old[old[i].start : old[i].end] != lines_new[new[j].start : new[j].end]:
                    add(range(i, i + 1), range(j, j + 1), "formatting")
            continue
        parts_old, parts_new = _parts(i_all, moved_old, old), _parts(j_all, moved_new, new)
        i_end, j_end = range(i_all.start, i_all.start), range(j_all.start, j_all.start)
        while parts_old or parts_new:
            of_old = parts_old[0][1] if parts_old else ""
            of_new = parts_new[0][1] if parts_new else ""
            # moved and formatting one side at a time: what is moved has its counterpart elsewhere
            from_old = of_old not in ("", "changed") or (of_old and of_new in ("", "changed"))
            from_new = of_new and of_old in ("", "changed") and (of_new == "changed" or not from_old)
            part_old = parts_old.pop(0)[0] if from_old else i_end
            part_new = parts_new.pop(0)[0] if from_new else j_end
            add(part_old, part_new, of_old if from_old else of_new)
            i_end, j_end = range(part_old.stop, part_old.stop), range(part_new.stop, part_new.stop)
    return hunks


def _parts(units: range, moved: set[int], of: Sequence[_Unit]) -> list[tuple[range, str]]:
    """Neighbouring units of one reason together."""

    def reason(index: int) -> str:
        return "moved" if index in moved else "formatting" if _comment(of[index]) else "changed"

    parts = []
    for name, group in groupby(units, reason):
        indexes = list(group)
        parts.append((range(indexes[0], indexes[-1] + 1), name))
    return parts


def _comment(unit: _Unit) -> bool:
    """Comments, blank lines, docstrings."""
    return all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in unit.nodes) and (
        unit.words or unit.key[0] == "comment"
    )


def _moved(old: Sequence[_Unit], new: Sequence[_Unit], same: Sequence[tuple[int, int]]) -> tuple[set[int], set[int]]:
    """Units of old and of new that are each other's, elsewhere, and may be."""
    left = {i for i, unit in enumerate(old) if unit.words} - {i for i, _ in same}
    free = {j for j, unit in enumerate(new) if unit.words} - {j for _, j in same}
    places: dict[tuple[object, ...], list[int]] = {}
    for j in sorted(free, reverse=True):
        places.setdefault(new[j].key, []).append(j)
    pairs = {i: places[old[i].key].pop() for i in sorted(left) if places.get(old[i].key)}
    moved_old: set[int] = set()
    moved_new: set[int] = set()
    for i, j in pairs.items():
        others = [(a, b) for a, b in [*same, *pairs.items()] if (a < i) != (b < j)]
        if all(_independent(old[i], old[a]) for a, _ in others):
            moved_old.add(i)
            moved_new.add(j)
    return moved_old, moved_new


def _independent(one: _Unit, other: _Unit) -> bool:
    """Whether two units may change places."""
    if one.scope != other.scope:  # a function's body does not run where it stands
        return True
    stores, reads, more = one.effects
    other_stores, other_reads, other_more = other.effects
    return not (stores & (other_stores | other_reads) or other_stores & reads or (more and other_more))


def _starts(text: str, units: Sequence[_Unit]) -> list[int]:
    """The character at which each unit starts, and the end of the text."""
    places = [0, *accumulate(map(len, cut_lines(text)))]
    return [places[unit.start] for unit in units] + [len(text)]


def _units(tree: ast.Module, text: str) -> list[_Unit]:
    """The whole text, in order."""
    lines = cut_lines(text)
    numbers = _line_numbers(text, lines)
    units: list[_Unit] = []
    at = 0
    for first, last, key, node, scope in sorted(_heads(tree, 0, ()), key=lambda head: (head[0], -head[1])):
        start, end = numbers[first], numbers[last] + 1
        if units and start < units[-1].end:  # several statements on a line are one unit
            before = units.pop()
            nodes, scope = (*before.nodes, node), before.scope
            start, end, key = before.start, max(before.end, end), (*before.key, *key)
        else:
            units += _between(lines, at, start)
            nodes = (node,)
        units.append(_Unit(start, end, key, nodes, scope))
        at = end
    return [*units, *_between(lines, at, len(lines))]


def _line_numbers(text: str, lines: Sequence[str]) -> list[int]:
    """For each line as the parser counts (from 1), the line of ours (from 0): only the parser ends one at a lone CR."""
    ours = [0, *accumulate(map(len, lines))][: len(lines)]
    return [0, *(bisect_right(ours, start) - 1 for start in Positions(text).starts)]


def _between(lines: Sequence[str], start: int, end: int) -> Iterator[_Unit]:
    """Comments, blank lines, and what has no node of its own (``else:``, ``finally:``)."""
    for number in range(start, end):
        bare = lines[number].strip()
        kind = "comment" if not bare or bare.startswith("#") else "line"
        yield _Unit(number, number + 1, (kind, bare if kind == "comment" else lines[number].rstrip()))


Head = tuple[int, int, tuple[object, ...], ast.AST, tuple[str, ...]]


def _heads(node: ast.AST, depth: int, scope: tuple[str, ...]) -> Iterator[Head]:
    """First and last line, key, node and scope of every statement, or of its head if it is compound."""
    for name in _BLOCKS:
        for child in getattr(node, name, []):
            if not isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
                continue
            place = child.pattern if isinstance(child, ast.match_case) else child
            first = min([place.lineno, *(each.lineno for each in getattr(child, "decorator_list", []))])
            inner = [block for block in _BLOCKS if getattr(child, block, None)]
            if inner:
                body = getattr(child, inner[0])[0]
                body_first = body.pattern if isinstance(body, ast.match_case) else body
                start = min([body_first.lineno, *(each.lineno for each in getattr(body, "decorator_list", []))])
                head = _without_blocks(child)
                yield first, max(first, start - 1), (scope, depth, name, ast.dump(head)), head, scope
                within = (*scope, child.name) if isinstance(child, _DEFINITIONS) else scope
                yield from _heads(child, depth + 1, within)
            else:
                yield first, place.end_lineno or first, (scope, depth, name, ast.dump(child)), child, scope


def _without_blocks(node: ast.AST) -> ast.AST:
    """A compound statement's head alone."""
    fields = {name: [] if name in _BLOCKS else value for name, value in ast.iter_fields(node)}
    return type(node)(**fields)
