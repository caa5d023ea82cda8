"""Forms after names: y+ written in the forms that y- uses, so that a restyled loop no longer hides one wrong line.

A list that y- builds in a loop and y+ by a comprehension (or the other way round), and a result that only one of them
names before it is returned, make every line of that place differ. Here y+ is brought into y-'s form where that makes
the two more alike. As with names, whoever needs to be sure runs the text: it must still pass.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise

from rapidfuzz.distance import Indel

from iterpref.focus.syntax import Positions, parse

__all__ = ["align_forms"]

_ASSIGNED = re.compile(r"^[ \t]*([^\W\d]\w*)[ \t]*(?::[^=\n]*)?=(?!=)[ \t]*(\[\])?", re.MULTILINE)
_RETURNED = re.compile(r"^[ \t]*return[ \t]+([^\W\d]\w*)[ \t]*(?:#.*)?\r?$", re.MULTILINE)
_STEPS = 6  # places that are rewritten at most


def align_forms(rejected: str, chosen: str) -> str:
    """``chosen`` with some loops, comprehensions and returns written as ``rejected`` writes them."""
    assigned = {name: bool(empty) for name, empty in _ASSIGNED.findall(rejected)}
    returned = set(_RETURNED.findall(rejected))
    best, distance = chosen, Indel.distance(rejected, chosen)
    for _ in range(_STEPS):
        others = [(Indel.distance(rejected, text), text) for text in _rewritten(best, assigned, returned)]
        nearest, text = min(others, default=(distance, best))
        if nearest >= distance:
            break
        best, distance = text, nearest
    return best


def _rewritten(text: str, assigned: dict[str, bool], returned: set[str]) -> Iterator[str]:
    """The text with one place in another form.

    ``assigned``: the names that y- assigns, and whether an empty list; ``returned``: those that it returns as they are.
    """
    tree = parse(text)
    if tree is None:
        return
    place = _Place(text)
    new = (assigned.keys() & returned) - set(re.findall(r"\w+", text))
    lists = {name for name, empty in assigned.items() if empty}
    for body in _bodies(tree):
        for node in body:
            value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign, ast.Return)) else None
            if isinstance(value, ast.ListComp) and len(value.generators) == 1:
                names = lists & new if isinstance(node, ast.Return) else {place.target(node)} & lists
                yield from (place.replaced(node, node, place.loop(node, value, name)) for name in names)
            if isinstance(node, ast.Return) and value is not None and not isinstance(value, ast.Name):
                for name in new:
                    yield place.replaced(node, node, [f"{name} = {place.of(value)}", f"return {name}"])
        for first, second in pairwise(body):
            if not isinstance(first, (ast.Assign, ast.AnnAssign)) or first.value is None:
                continue
            name = place.target(first)
            given = second.value if isinstance(second, ast.Return) else None
            if isinstance(second, ast.For) and isinstance(first.value, ast.List) and not first.value.elts:
                made = place.comprehension(second, name)
                if made and name not in lists:
                    yield place.replaced(first, second, [f"{name} = {made}"])
            elif isinstance(given, ast.Name) and given.id == name and name not in assigned:
                yield place.replaced(first, second, [f"return {place.of(first.value)}"])


def _bodies(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        for field in ("body", "orelse"):
            body = getattr(node, field, None)
            if isinstance(body, list) and body:
                yield body


class _Place:
    """Cuts and puts source text by the nodes of its tree."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._positions = Positions(text)

    def of(self, node: ast.AST) -> str:
        start, end = self._positions.of(node)
        return self._text[start:end]

    def target(self, node: ast.stmt) -> str:
        """The one name that an assignment binds, else nothing."""
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        return targets[0].id if len(targets) == 1 and isinstance(targets[0], ast.Name) else ""

    def replaced(self, first: ast.stmt, last: ast.stmt, lines: list[str]) -> str:
        """The text with lines of the same indentation in the place of statements."""
        start, end = self._positions.of(first)[0], self._positions.of(last)[1]
        indent = self._text[self._text.rfind("\n", 0, start) + 1 : start]
        return self._text[:start] + f"\n{indent}".join(lines) + self._text[end:]

    def loop(self, node: ast.stmt, made: ast.ListComp, name: str) -> list[str]:
        part = made.generators[0]
        tests = [self.of(test) if len(part.ifs) == 1 else f"({self.of(test)})" for test in part.ifs]
        lines = [f"{name} = []", f"for {self.of(part.target)} in {self.of(part.iter)}:"]
        lines += [f"    if {' and '.join(tests)}:"] if tests else []
        lines += [f"{'        ' if tests else '    '}{name}.append({self.of(made.elt)})"]
        return lines + ([f"return {name}"] if isinstance(node, ast.Return) else [])

    def comprehension(self, loop: ast.For, name: str) -> str:
        """The list that a loop appends to ``name``, else nothing."""
        inner, tests = loop.body, ""
        while len(inner) == 1 and isinstance(inner[0], ast.If) and not inner[0].orelse:
            tests += f" if {self.of(inner[0].test)}"
            inner = inner[0].body
        call = inner[0].value if len(inner) == 1 and isinstance(inner[0], ast.Expr) else None
        if (
            loop.orelse
            or not isinstance(call, ast.Call)
            or self.of(call.func) != f"{name}.append"
            or len(call.args) != 1
        ):
            return ""
        return f"[{self.of(call.args[0])} for {self.of(loop.target)} in {self.of(loop.iter)}{tests}]"
