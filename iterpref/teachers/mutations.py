"""Edits that a program alone suggests: one operator for each kind of local mistake that people and models make.

Nothing here knows the task or the tests. Which edit is tried first is decided in :mod:`iterpref.teachers.search`, from
the likelihoods in :data:`PRIOR` among others.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from iterpref.teachers.source import Edit, Source, is_docstring

__all__ = ["PRIOR", "mutations"]

PRIOR: dict[str, float] = {
    "compare": 3.0,
    "number": 2.0,
    "off_by_one": 1.5,
    "arithmetic": 2.0,
    "group": 2.0,
    "syntax": 2.0,
    "boolean": 2.0,
    "call": 2.0,
    "method": 1.5,
    "name": 1.0,
    "negate": 1.5,
    "range": 2.0,
    "slice": 2.0,
    "swap": 1.0,
    "wrap": 0.7,
    "unwrap": 1.0,
    "keyword": 1.5,
    "constant": 1.0,
    "assign": 2.0,
    "delete": 0.7,
    "move": 0.7,
    "jump": 0.7,
    "guard": 0.5,
}
"""How likely each operator is to be the right one, relative to the others."""

_COMPARE: dict[type[ast.cmpop], tuple[str, ...]] = {
    ast.Lt: ("<=", ">", ">=", "==", "!="),
    ast.LtE: ("<", ">=", ">", "==", "!="),
    ast.Gt: (">=", "<", "<=", "==", "!="),
    ast.GtE: (">", "<=", "<", "==", "!="),
    ast.Eq: ("!=", "<=", ">=", "<", ">"),
    ast.NotEq: ("==", "<", ">", "<=", ">="),
    ast.In: ("not in", "=="),
    ast.NotIn: ("in", "!="),
    ast.Is: ("is not", "=="),
    ast.IsNot: ("is", "!="),
}
_COMPARE_TEXT = re.compile(r"is\s+not\b|not\s+in\b|is\b|in\b|[<>=!]=|[<>]")
_ARITHMETIC: dict[type[ast.operator], tuple[str, tuple[str, ...]]] = {
    ast.Add: ("+", ("-", "*")),
    ast.Sub: ("-", ("+", "*")),
    ast.Mult: ("*", ("+", "**", "/", "//", "-")),
    ast.Div: ("/", ("//", "*", "%", "-")),
    ast.FloorDiv: ("//", ("/", "%", "*")),
    ast.Mod: ("%", ("//", "/")),
    ast.Pow: ("**", ("*",)),
    ast.BitAnd: ("&", ("|", "^")),
    ast.BitOr: ("|", ("&", "^")),
    ast.BitXor: ("^", ("&", "|")),
    ast.LShift: ("<<", (">>",)),
    ast.RShift: (">>", ("<<",)),
}
_CALLS = (
    ("sum", "max", "min", "len", "sorted"),
    ("list", "set", "sorted", "tuple"),
    ("any", "all"),
    ("int", "float", "str", "round", "abs"),
    ("range", "enumerate", "reversed"),
    ("math.floor", "math.ceil", "round", "int"),
)
_METHODS = (
    ("append", "extend", "add", "insert"),
    ("lower", "upper", "title", "capitalize", "swapcase"),
    ("islower", "isupper", "isalpha", "isdigit", "isalnum", "isnumeric", "isspace"),
    ("startswith", "endswith"),
    ("strip", "lstrip", "rstrip"),
    ("find", "rfind", "index", "rindex", "count"),
    ("keys", "values", "items"),
    ("remove", "discard", "pop"),
    ("union", "intersection", "difference", "symmetric_difference"),
)
_WRAPPERS = ("len", "abs", "int", "str", "sorted", "list", "set", "sum", "max", "min", "round", "float", "tuple")
_TIGHT = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.Attribute, ast.Starred, ast.Await)
_LOOSE = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.Lambda, ast.NamedExpr)
_Proposal = tuple[ast.AST | tuple[int, int], str, str]


def mutations(source: Source) -> Iterator[Edit]:
    """All edits, in the order of the tree, or of the lines where the text does not parse. Duplicates are possible."""
    if source.tree is None:
        yield from _syntax(source)
        return
    mutator = _Mutator(source)
    for place, text, kind in mutator.proposals():
        start, end = place if isinstance(place, tuple) else source.span(place)
        if source.text[start:end] != text:
            yield Edit(start, end, text, kind)


def _syntax(source: Source) -> Iterator[Edit]:
    """What may make a text parse again: indentation, colons, brackets, quotes; a line less."""
    for line in source.lines:
        start = line.start - len(line.indent)
        yield Edit(start, start, "    ", "syntax")
        if line.indent.startswith("    "):
            yield Edit(start, start + 4, "", "syntax")
        for missing in (":", ")", "]", "}", "):", "'", '"'):
            yield Edit(line.end, line.end, missing, "syntax")
        for place in range(line.start, line.end):
            if source.text[place] in "()[]{}:,'\"":
                yield Edit(place, place + 1, "", "syntax")
        yield Edit(start, source.line_end(line.end), "", "delete")


class _Mutator:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.of = source.of

    def proposals(self) -> Iterator[_Proposal]:
        assert self.source.tree is not None
        for block in self.source.blocks():
            yield from self.block(block)
        yield from self.visit(self.source.tree, None)

    def visit(self, node: ast.AST, parent: ast.AST | None) -> Iterator[_Proposal]:
        """The node's own edits, then its children's. Docstrings, imports and annotations are left alone."""
        if is_docstring(node) or isinstance(node, ast.Import | ast.ImportFrom):
            return
        own = getattr(self, type(node).__name__, None)
        if own is not None:
            yield from own(node, parent)
        if isinstance(node, ast.expr) and not isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
            yield from self.expression(node, parent)
        if isinstance(node, ast.JoinedStr):
            return  # before Python 3.12 the nodes inside carry wrong positions
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list"):
                continue
            for child in value if isinstance(value, list) else (value,):
                if isinstance(child, ast.AST):
                    yield from self.visit(child, node)

    # Expressions. Each method is named after the node type and yields (node or positions, new text, operator).

    def Compare(self, node: ast.Compare, parent: Any) -> Iterator[_Proposal]:  # noqa: N802
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            start, end = self.between(left, right)
            match = _COMPARE_TEXT.search(self.source.text, start, end)
            for text in _COMPARE[type(operator)] if match else ():
                yield (match.start(), match.end()), text, "compare"  # type: ignore[union-attr]
            left = right
        if len(node.ops) == 1 and isinstance(node.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE | ast.In):
            yield from self.exchange(node.left, node.comparators[0])

    def BinOp(self, node: ast.BinOp, parent: Any) -> Iterator[_Proposal]:  # noqa: N802
        if type(node.op) not in _ARITHMETIC:
            return
        sign, others = _ARITHMETIC[type(node.op)]
        start, end = self.between(node.left, node.right)
        at = self.source.text.find(sign, start, end)
        for text in others if at >= 0 else ():
            yield (at, at + len(sign)), text, "arithmetic"
        if not isinstance(node.op, ast.Add | ast.Mult):
            yield from self.exchange(node.left, node.right)
        for side in (node.left, node.right):
            yield node, self.fit(side, parent), "unwrap"
        # a + b * c  ->  (a + b) * c, and a * b + c  ->  a * (b + c)
        (start, _), (_, end) = self.source.span(node.left), self.source.span(node.right)
        if isinstance(node.right, ast.BinOp) and self.source.text[self.source.span(node.right)[0] - 1] != "(":
            middle = self.source.span(node.right.left)[1]
            yield (start, middle), f"({self.source.text[start:middle]})", "group"
        if isinstance(node.left, ast.BinOp) and self.source.text[self.source.span(node.left)[1]] != ")":
            middle = self.source.span(node.left.right)[0]
            yield (middle, end), f"({self.source.text[middle:end]})", "group"

    def BoolOp(self, node: ast.BoolOp, parent: Any) -> Iterator[_Proposal]:  # noqa: N802
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            start, end = self.between(left, right)
            match = re.compile(rf"\b{old}\b").search(self.source.text, start, end)
            if match:
                yield (match.start(), match.end()), new, "boolean"
            yield (self.source.span(left)[0], self.source.span(right)[0]), "", "boolean"
            yield (self.source.span(left)[1], self.source.span(right)[1]), "", "boolean"

    def UnaryOp(self, node: ast.UnaryOp, parent: Any) -> Iterator[_Proposal]:  # noqa: N802
        yield node, self.fit(node.operand, parent), "negate"

    def Constant(self, node: ast.Constant, parent: Any) -> Iterator[_Proposal]:  # noqa: N802
        value = node.value
        if isinstance(value, bool) or value is None:
            for text in ("True", "False", "None", "0", "[]", "-1", "''"):
                yield node, text, "constant"
        elif isinstance(value, int):
            for number in dict.fromkeys((value + 1, value - 1, 0, 1, -1, 2)):
                yield node, str(number), "number"
            yield node, f"-{self.of(node)}", "number"
            for text in ("None", "float('inf')", "''", "[]", "True", "False"):
                if not isinstance(parent, ast.BinOp | ast.Subscript | ast.Slice | ast.Compare):
                    yield node, text, "constant"
        elif isinstance(value, float):
            for text in (str(value / 10), str(value * 10), str(value + 1), str(value - 1), f"-{value}", str(int(value))
                         if value == value and abs(value) < 1e15 else "0"):  # fmt: skip
                yield node, text, "number"
        elif isinstance(value, str):
            for text in ("''", "' '", "','", "', '", "None", repr(value.lower()), repr(value.upper()), repr(value.strip())):
                yield node, text, "constant"

    def Name(self, node: ast.Name, parent: Any) -> Iterator[_Proposal]:  # noqa: N802
        if isinstance(node.ctx, ast.Store):
            return
        if isinstance(parent, ast.Call) and parent.func is node:
            for family in _CALLS:
                if node.id in family:
                    for name in family:
                        yield node, name, "call"
            return
        for name in self.source.visible(self.source.span(node)[0])[:12]:
            yield node, name, "name"

    def Attribute(self, node: ast.Attribute, parent: Any) -> Iterator[_Proposal]:  # noqa: N802
        end = self.source.span(node)[1]
        for family in _METHODS:
            if node.attr in family:
                for name in family:
                    yield (end - len(node.attr), end), name, "method"
        if isinstance(parent, ast.Call) and parent.func is node:
            for family in _CALLS:
                if self.of(node) in family:
                    for name in family:
                        yield node, name, "call"

    def Call(self, node: ast.Call, parent: Any) -> Iterator[_Proposal]:  # noqa: N802
        for first, second in zip(node.args, node.args[1:], strict=False):
            yield from self.exchange(first, second)
        if node.args and not isinstance(node.args[0], ast.Starred):
            yield node, self.fit(node.args[0], parent), "unwrap"
        if isinstance(node.func, ast.Attribute):
            yield node, self.of(node.func.value), "unwrap"
        start, end = self.source.span(node)
        before = self.source.span(node.args[-1])[1] if node.args else end - 1
        for keyword in node.keywords:
            yield (before, self.source.span(keyword)[1]), "", "keyword"
            before = self.source.span(keyword)[1]
        name = self.of(node.func)
        given = {keyword.arg for keyword in node.keywords}
        if name in ("sorted", "max", "min") or name.endswith(".sort"):
            extras = ("reverse=True", "key=len", "key=abs", "key=lambda x: x[1]", "key=str", "default=0", "default=None")
            for extra in extras:
                key = extra.split("=")[0]
                fits = key == "key" or (key == "default") == (name in ("max", "min"))
                if fits and key not in given:
                    yield (end - 1, end - 1), f", {extra}" if node.args or node.keywords else extra, "keyword"
        if name == "range" and len(node.args) < 3:
            args = [self.of(arg) for arg in node.args]
            low, high = (["0", *args])[-2:] if args else ("0", "0")
            for first, last in ((low, f"{high} + 1"), (low, f"{high} - 1"), ("1", f"{high} + 1"), ("1", high), ("2", high),
                                (f"{low} + 1", high)):  # fmt: skip
                yield node, f"range({last})" if first == "0" else f"range({first}, {last})", "range"
        if name == "round" and len(node.args) == 1:
            yield (end - 1, end - 1), ", 2", "keyword"

    def Subscript(self, node: ast.Subscript, parent: Any) -> Iterator[_Proposal]:  # noqa: N802
        if isinstance(node.ctx, ast.Store | ast.Del):
            return
        whole = self.of(node.value)
        if isinstance(node.slice, ast.Slice):
            parts = [self.of(part) if part else "" for part in (node.slice.lower, node.slice.upper, node.slice.step)]
            low, high, step = parts
            tail = f":{step}" if step else ""
            options = [f"{low}:{tail}", f":{high}{tail}", f"{low}:{high}", f"{low}:{high}:-1", f"{low}:{high}:2"]
            if low:
                options += [f"{low} + 1:{high}{tail}", f"{low} - 1:{high}{tail}"]
            else:
                options += [f"1:{high}{tail}"]
            if high:
                options += [f"{low}:{high} + 1{tail}", f"{low}:{high} - 1{tail}"]
            else:
                options += [f"{low}:-1{tail}"]
            for text in options:
                yield node, f"{whole}[{text}]", "slice"
        yield node, whole, "slice"

    def ListComp(self, node: Any, parent: Any) -> Iterator[_Proposal]:  # noqa: N802
        for generator in node.generators:
            before = self.source.span(generator.iter)[1]
            for test in generator.ifs:
                end = self.source.span(test)[1]
                yield (before, end), "", "delete"
                before = end

    GeneratorExp = SetComp = DictComp = ListComp

    def IfExp(self, node: ast.IfExp, parent: Any) -> Iterator[_Proposal]:  # noqa: N802
        yield from self.exchange(node.body, node.orelse)
        yield node, self.fit(node.body, parent), "unwrap"
        yield node, self.fit(node.orelse, parent), "unwrap"

    def expression(self, node: ast.expr, parent: Any) -> Iterator[_Proposal]:
        """Edits that suit any expression in a place of its kind."""
        field = next((name for name, value in ast.iter_fields(parent) if value is node), "") if parent else ""
        text = self.of(node)
        if field == "test":
            yield node, f"not ({text})" if isinstance(node, _LOOSE) else f"not {text}", "negate"
        countable = not isinstance(node, ast.Constant | ast.Compare | ast.BoolOp | ast.ListComp | ast.List | ast.JoinedStr)
        if countable and (
            isinstance(parent, ast.Compare | ast.Return | ast.Slice)
            or (isinstance(parent, ast.Subscript) and field == "slice" and not isinstance(node, ast.Slice | ast.Tuple))
        ):
            body = f"({text})" if isinstance(node, ast.IfExp) else text
            yield node, f"{body} + 1", "off_by_one"
            yield node, f"{body} - 1", "off_by_one"
        if field in ("value", "elt") and isinstance(parent, ast.Return | ast.Assign | ast.AugAssign | ast.ListComp):
            wrapped = [f"{name}({text})" for name in _WRAPPERS] if not isinstance(node, ast.Constant) else []
            if isinstance(parent, ast.Return) and not isinstance(node, ast.Constant):
                tight = f"({text})" if isinstance(node, _LOOSE) else text
                wrapped += [f"{tight}[::-1]", f"not {tight}", f"-{tight}", f"round({text}, 2)", f"''.join({text})"]
                wrapped += [f"sorted({text}, reverse=True)"]
            for option in wrapped:
                yield node, option, "wrap"
        if field == "iter" and isinstance(node, ast.Name | ast.Subscript | ast.Attribute):
            for option in (f"sorted({text})", f"set({text})", f"reversed({text})", f"{text}[1:]", f"{text}[:-1]",
                           f"range(len({text}))", f"enumerate({text})"):  # fmt: skip
                yield node, option, "wrap"

    # Statements.

    def Assign(self, node: ast.Assign, parent: Any) -> Iterator[_Proposal]:  # noqa: N802
        start = self.source.span(node.targets[-1])[1]
        at = self.source.text.find("=", start, self.source.span(node.value)[0])
        if len(node.targets) == 1 and isinstance(node.targets[0], ast.Name) and at >= 0:
            yield (at, at), "+", "assign"

    def AugAssign(self, node: ast.AugAssign, parent: Any) -> Iterator[_Proposal]:  # noqa: N802
        sign = _ARITHMETIC[type(node.op)][0] if type(node.op) in _ARITHMETIC else "@"
        at = self.source.text.find(f"{sign}=", self.source.span(node.target)[1])
        for text in ("+=", "-=", "*=", "//=", "="):
            yield (at, at + len(sign) + 1), text, "assign"

    def block(self, block: list[ast.stmt]) -> Iterator[_Proposal]:
        """Statements deleted, exchanged, moved out of their block; jumps replaced; guards put in front."""
        simple = [node for node in block if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom)]
        for node in simple:
            start, end = self.source.span(node)
            if len(block) == 1:
                yield node, "pass", "delete"
            else:
                yield (self.source.line_start(start), self.source.line_end(end)), "", "delete"
            for old, new in (("break", "continue"), ("continue", "break"), ("break", "return"), ("pass", "continue")):
                if self.of(node) == old:
                    yield node, new, "jump"
            if isinstance(node, ast.If) and isinstance(node.test, ast.expr):
                yield (start, start + 2), "while", "jump"
        for first, second in zip(simple, simple[1:], strict=False):
            yield from self.exchange(first, second, "move")
        if simple and len(self.indent(simple[-1])) > 4 and block[-1] is simple[-1]:
            last = simple[-1]
            start, end = self.source.span(last)
            line = self.source.line_start(start)
            indent = self.source.text[line:start]
            if not indent.strip() and "\n" not in self.of(last):
                if len(block) > 1:
                    yield (line, start), indent[:-4], "move"  # out of the block
                if isinstance(last, ast.Return):
                    yield (end, end), "", "move"
        for node in simple[1:]:
            start = self.source.span(node)[0]
            line = self.source.line_start(start)
            before = block[block.index(node) - 1]
            if isinstance(before, ast.If | ast.For | ast.While) and "\n" not in self.of(node):
                yield (line, start), self.source.text[line:start] + "    ", "move"  # into the block before it

    def FunctionDef(self, node: ast.FunctionDef, parent: Any) -> Iterator[_Proposal]:  # noqa: N802
        body = node.body[1:] if is_docstring(node.body[0]) else node.body
        if not body:
            return
        start = self.source.span(body[0])[0]
        indent = self.source.text[self.source.line_start(start) : start]
        for arg in node.args.args:
            for test in (f"not {arg.arg}", f"{arg.arg} is None"):
                for value in ("0", "[]", "None", "''", "False", "True", "-1", "{}"):
                    yield (start, start), f"if {test}:\n{indent}    return {value}\n{indent}", "guard"

    def For(self, node: ast.For, parent: Any) -> Iterator[_Proposal]:  # noqa: N802
        start = self.source.span(node.body[0])[0]
        indent = self.source.text[self.source.line_start(start) : start]
        for name in ast.walk(node.target):
            if isinstance(name, ast.Name):
                for test in (f"{name.id} is None", f"not {name.id}"):
                    yield (start, start), f"if {test}:\n{indent}    continue\n{indent}", "guard"

    # Text helpers.

    def between(self, left: ast.AST, right: ast.AST) -> tuple[int, int]:
        return self.source.span(left)[1], self.source.span(right)[0]

    def exchange(self, first: ast.AST, second: ast.AST, kind: str = "swap") -> Iterator[_Proposal]:
        """Two nodes change places; what stands between them stays."""
        (start, middle), (resume, end) = self.source.span(first), self.source.span(second)
        yield (start, end), self.of(second) + self.source.text[middle:resume] + self.of(first), kind

    def fit(self, node: ast.expr, parent: ast.AST | None) -> str:
        """The text of a part that is to stand where the whole stood, in brackets where the place binds tighter."""
        return f"({self.of(node)})" if isinstance(parent, _TIGHT) and isinstance(node, _LOOSE) else self.of(node)

    def indent(self, node: ast.stmt) -> str:
        start = self.source.span(node)[0]
        return self.source.text[self.source.line_start(start) : start]
