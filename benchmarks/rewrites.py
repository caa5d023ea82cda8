"""Changes that say nothing about whether a program is right: what language models do beside a repair.

A rewrite takes a program and a random source and returns another program that should do the same, or None where it
finds nothing to change. That it does the same is for the tests to say (benchmarks/seeded_bugs.py runs them). Text is
replaced in place, so comments and layout stay, as in an edit by hand.
"""

from __future__ import annotations

import ast
import io
import random
import tokenize
from collections.abc import Callable, Iterator
from itertools import pairwise

__all__ = ["REWRITES", "Rewrite"]

Rewrite = Callable[[str, random.Random], "str | None"]
Statements = list[ast.stmt]

_NAMES = ("res", "out", "acc", "val", "cur", "found", "data", "entry", "idx", "tmp")
_REMARKS = ("# handle the next step", "# go on", "# keep what is needed", "# see the examples above", "# done")
_NEGATED = {"==": "!=", "!=": "==", "in": "not in", "not in": "in", "is": "is not", "is not": "is"}
_MIRRORED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_PURE = frozenset({"len", "sorted", "list", "set", "dict", "int", "str", "sum", "abs", "tuple", "float"})


class _Source:
    """A program with its tree, and the characters of every node."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.tree = ast.parse(code)
        self._lines = code.split("\n")
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line) + 1)

    def at(self, line: int, column: int) -> int:
        """Character of a position that counts bytes of UTF-8, as the tree does."""
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())

    def span(self, node: ast.AST) -> tuple[int, int]:
        place: ast.expr = node  # type: ignore[assignment]
        assert place.end_lineno is not None
        assert place.end_col_offset is not None
        return self.at(place.lineno, place.col_offset), self.at(place.end_lineno, place.end_col_offset)

    def text(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.code[start:end]

    def indent(self, node: ast.AST) -> str:
        start, _ = self.span(node)
        line = self.code.rfind("\n", 0, start) + 1
        return self.code[line:start]

    def nodes(self, *kinds: type[ast.AST]) -> list[ast.AST]:
        """Nodes of these kinds outside of f-strings, whose inner positions older Pythons get wrong."""
        found: list[ast.AST] = []
        open_nodes: list[ast.AST] = [self.tree]
        while open_nodes:
            node = open_nodes.pop()
            if isinstance(node, ast.JoinedStr):
                continue
            if isinstance(node, kinds):
                found.append(node)
            open_nodes.extend(ast.iter_child_nodes(node))
        return found

    def bodies(self) -> Iterator[Statements]:
        """Statement lists inside functions whose statements each stand on lines of their own."""
        for function in self.nodes(ast.FunctionDef):
            for node in ast.walk(function):
                for field in ("body", "orelse"):
                    body = getattr(node, field, None)
                    if isinstance(body, list) and body and all(not self.indent(each).strip() for each in body):
                        yield body

    def names(self) -> set[str]:
        return {node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)}

    def with_(self, *edits: tuple[int, int, str]) -> str:
        code = self.code
        for start, end, text in sorted(edits, reverse=True):
            code = code[:start] + text + code[end:]
        return code

    def with_lines(self, first: ast.AST, last: ast.AST, lines: list[str]) -> str:
        """Statements from ``first`` to ``last`` replaced by lines of the same indentation."""
        (start, _), (_, end) = self.span(first), self.span(last)
        return self.with_((start, end, ("\n" + self.indent(first)).join(lines)))


def rename(code: str, rng: random.Random) -> str | None:
    """Another name for a variable or parameter, everywhere."""
    source = _Source(code)
    own = {node.id for node in source.nodes(ast.Name) if isinstance(node.ctx, ast.Store)}  # type: ignore[attr-defined]
    own |= {node.arg for node in source.nodes(ast.arg)}  # type: ignore[attr-defined]
    hidden = {
        name.id
        for text in ast.walk(source.tree)
        if isinstance(text, ast.JoinedStr)
        for name in ast.walk(text)
        if isinstance(name, ast.Name)
    }
    told = {
        name for node in ast.walk(source.tree) if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names
    }
    names = sorted(own - hidden - told)
    if not names:
        return None
    old = rng.choice(names)
    new = rng.choice([name for name in (*_NAMES, f"{old}_value", f"the_{old}") if name not in source.names()])
    places = [source.span(node) for node in source.nodes(ast.Name) if node.id == old]  # type: ignore[attr-defined]
    places += [
        (source.span(node)[0], source.span(node)[0] + len(old))
        for node in source.nodes(ast.arg)
        if node.arg == old  # type: ignore[attr-defined]
    ]
    return source.with_(*((start, end, new) for start, end in places))


def comparison(code: str, rng: random.Random) -> str | None:
    """``a == b`` as ``not a != b``, ``a < b`` as ``b > a``."""
    source = _Source(code)
    choices: list[tuple[int, int, str]] = []
    for node in source.nodes(ast.Compare):
        assert isinstance(node, ast.Compare)
        if len(node.ops) > 1:
            continue
        (start, end), left, right = source.span(node), source.span(node.left), source.span(node.comparators[0])
        sign = " ".join(source.code[left[1] : right[0]].split())
        if start != left[0] or end != right[1] or "\n" in source.code[start:end]:
            continue  # parentheses around an operand are part of neither node
        a, b = source.code[left[0] : left[1]], source.code[right[0] : right[1]]
        if sign in _NEGATED:
            choices.append((start, end, f"(not {a} {_NEGATED[sign]} {b})"))
        if sign in _MIRRORED:
            choices.append((start, end, f"{b} {_MIRRORED[sign]} {a}"))
    return source.with_(rng.choice(choices)) if choices else None


def assignment(code: str, rng: random.Random) -> str | None:
    """``a += b`` as ``a = a + b``, and back."""
    source = _Source(code)
    choices: list[tuple[int, int, str]] = []
    for node in source.nodes(ast.AugAssign, ast.Assign):
        start, end = source.span(node)
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            sign = source.code[source.span(node.target)[1] : source.span(node.value)[0]].strip()
            simple = isinstance(node.value, ast.Name | ast.Constant | ast.Call | ast.Subscript | ast.Attribute)
            value = source.text(node.value) if simple else f"({source.text(node.value)})"
            if sign.endswith("="):
                choices.append((start, end, f"{node.target.id} = {node.target.id} {sign[:-1]} {value}"))
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name, value_node = node.targets[0].id, node.value
            if isinstance(value_node, ast.BinOp) and source.text(value_node.left) == name:
                between = source.code[source.span(value_node.left)[1] : source.span(value_node.right)[0]]
                closed = source.span(value_node)[1] == source.span(value_node.right)[1]
                if "(" not in between and closed:
                    choices.append((start, end, f"{name} {between.strip()}= {source.text(value_node.right)}"))
    return source.with_(rng.choice(choices)) if choices else None


def comment(code: str, rng: random.Random) -> str | None:
    """A comment more, before a statement or at the end of its line; or one less."""
    source = _Source(code)
    remark = rng.choice(_REMARKS)
    edits: list[tuple[int, int, str]] = []
    for body in source.bodies():
        for node in body:
            start, end = source.span(node)
            edits.append((start, start, f"{remark}\n{source.indent(node)}"))
            if isinstance(node, ast.Assign | ast.Return | ast.AugAssign) and code[end : end + 1] in ("", "\n"):
                edits.append((end, end, f"  {remark}"))
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT and not token.line[: token.start[1]].strip():
            edits += [(source.at(token.start[0], 0), source.at(token.start[0] + 1, 0), "")]
    return source.with_(rng.choice(edits)) if edits else None


def hint(code: str, rng: random.Random) -> str | None:
    """A type hint at a parameter or a variable."""
    source = _Source(code)
    bare = [node for node in source.nodes(ast.FunctionDef) for node in node.args.args if node.annotation is None]  # type: ignore[attr-defined]
    edits = [(end, end, ": object") for _, end in map(source.span, bare)]
    kinds: dict[type[ast.AST], str] = {ast.List: "list", ast.Dict: "dict", ast.ListComp: "list", ast.JoinedStr: "str"}
    for body in source.bodies():
        for node in body:
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                value = node.value
                kind = type(value.value).__name__ if isinstance(value, ast.Constant) else kinds.get(type(value), "")
                end = source.span(node.targets[0])[1]
                edits += [(end, end, f": {kind}")] if kind in ("int", "str", "float", "bool", "list", "dict") else []
    return source.with_(rng.choice(edits)) if edits else None


def parentheses(code: str, rng: random.Random) -> str | None:
    """Redundant parentheses around a value or a condition."""
    source = _Source(code)
    nodes = [
        value
        for node in source.nodes(ast.Return, ast.If, ast.While, ast.Assign)
        if (value := getattr(node, "test", None) or getattr(node, "value", None)) is not None
    ]
    edits = [
        (start, end, f"({code[start:end]})")
        for start, end in map(source.span, nodes)
        if not (code[:start].endswith("(") and code[end : end + 1] == ")")
    ]
    return source.with_(rng.choice(edits)) if edits else None


def quotes(code: str, rng: random.Random) -> str | None:
    """The other kind of quotes around a string."""
    source = _Source(code)
    edits = []
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        inner = token.string[1:-1]
        if token.type == tokenize.STRING and token.string[0] in "'\"" and not set(inner) & set("'\"\\\n"):
            start = source.at(*token.start) if code.isascii() else -1
            other = '"' if token.string[0] == "'" else "'"
            edits += [(start, start + len(token.string), f"{other}{inner}{other}")] if start >= 0 else []
    return source.with_(rng.choice(edits)) if edits else None


def order(code: str, rng: random.Random) -> str | None:
    """Two independent assignments change places."""
    source = _Source(code)
    pairs = [
        (first, second)
        for body in source.bodies()
        for first, second in pairwise(body)
        if _movable(first)
        and _movable(second)
        and not (_stored(first) & _named(second) | _stored(second) & _named(first))
    ]
    if not pairs:
        return None
    first, second = rng.choice(pairs)
    return source.with_((*source.span(first), source.text(second)), (*source.span(second), source.text(first)))


def _movable(node: ast.AST) -> bool:
    calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
    return isinstance(node, ast.Assign) and all(isinstance(c.func, ast.Name) and c.func.id in _PURE for c in calls)


def _named(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _stored(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}


def unroll(code: str, rng: random.Random) -> str | None:
    """A list comprehension as a loop that appends."""
    source = _Source(code)
    choices: list[tuple[ast.stmt, ast.ListComp, str]] = []
    for body in source.bodies():
        for node in body:
            value = node.value if isinstance(node, ast.Return | ast.Assign) else None
            if isinstance(value, ast.ListComp) and len(value.generators) == 1:
                target = node.targets[0] if isinstance(node, ast.Assign) else ast.Name("collected")
                if isinstance(target, ast.Name):
                    choices.append((node, value, target.id))
    if not choices:
        return None
    node, made, name = rng.choice(choices)
    part = made.generators[0]
    lines = [f"{name} = []", f"for {source.text(part.target)} in {source.text(part.iter)}:"]
    tests = " and ".join(source.text(test) if len(part.ifs) == 1 else f"({source.text(test)})" for test in part.ifs)
    lines += [f"    if {tests}:"] if tests else []
    lines += [f"{'        ' if tests else '    '}{name}.append({source.text(made.elt)})"]
    lines += [f"return {name}"] if isinstance(node, ast.Return) else []
    return source.with_lines(node, node, lines)


def roll(code: str, rng: random.Random) -> str | None:
    """A loop that appends as a list comprehension."""
    source = _Source(code)
    choices = []
    for body in source.bodies():
        for first, loop in pairwise(body):
            name = first.targets[0] if isinstance(first, ast.Assign) and isinstance(first.value, ast.List) else None
            if isinstance(name, ast.Name) and isinstance(loop, ast.For) and len(loop.body) == 1 and not loop.orelse:
                inner = loop.body[0]
                test = inner.test if isinstance(inner, ast.If) and not inner.orelse and len(inner.body) == 1 else None
                step = inner.body[0] if isinstance(inner, ast.If) and test is not None else inner
                if isinstance(step, ast.Expr) and source.text(step).startswith(f"{name.id}.append("):
                    item = source.text(step)[len(f"{name.id}.append(") : -1]
                    condition = f" if {source.text(test)}" if test is not None else ""
                    made = f"[{item} for {source.text(loop.target)} in {source.text(loop.iter)}{condition}]"
                    choices.append((first, loop, f"{name.id} = {made}"))
    if not choices:
        return None
    first, loop, line = rng.choice(choices)
    return source.with_lines(first, loop, [line])


def variable(code: str, rng: random.Random) -> str | None:
    """A name for what is returned, or such a name taken away."""
    source = _Source(code)
    choices: list[tuple[ast.stmt, ast.stmt, list[str]]] = []
    for body in source.bodies():
        last, before = body[-1], body[-2] if len(body) > 1 else None
        if isinstance(last, ast.Return) and last.value is not None:
            if not isinstance(last.value, ast.Name | ast.Constant) and "answer" not in source.names():
                choices.append((last, last, [f"answer = {source.text(last.value)}", "return answer"]))
            elif isinstance(before, ast.Assign) and source.text(before.targets[0]) == source.text(last.value):
                choices.append((before, last, [f"return {source.text(before.value)}"]))
    return source.with_lines(*rng.choice(choices)) if choices else None


REWRITES: dict[str, Rewrite] = {
    each.__name__: each
    for each in (rename, comparison, assignment, comment, hint, parentheses, quotes, order, unroll, roll, variable)
}
