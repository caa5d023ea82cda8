"""A program's text together with its syntax tree, and local edits of the text (search teacher).

The difference between two versions is what the student learns from (paper, section 3.2), so a repair must leave every
other character alone, comments and layout included. Edits therefore replace characters at the positions of tree nodes;
a program is never printed anew from its tree.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from iterpref.syntax import parse

__all__ = ["Edit", "Line", "Source", "apply"]

BLOCKS = ("body", "orelse", "finalbody")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Edit:
    """Characters ``start`` to ``end`` (exclusive) become ``text``. ``kind`` names the operator that proposed it."""

    start: int
    end: int
    text: str
    kind: str


def apply(code: str, edits: Iterable[Edit]) -> str:
    """``code`` after ``edits``, which must not overlap."""
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end), reverse=True):
        code = code[: edit.start] + edit.text + code[edit.end :]
    return code


@dataclass(frozen=True)
class Line:
    """A physical line that holds code, from its first character that is no blank to its last (no newline)."""

    start: int
    end: int
    indent: str
    text: str
    local: tuple[str, ...]  # names of the function around it: parameters first, then by first assignment
    params: int  # how many of them are parameters


class Source:
    """``text`` with its tree; :attr:`tree` is None where the text does not parse. Positions count characters."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree: ast.Module | None
        try:
            self.tree = parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            self.tree = None
        # The parser ends a line at \n, \r\n and \r only, unlike str.splitlines().
        self._starts = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", text))]
        self._ascii = text.isascii()

    def offset(self, line: int, column: int) -> int:
        """Character position of a node's (line from 1, UTF-8 column)."""
        start = self._starts[line - 1]
        if self._ascii:
            return start + column
        return start + len(self.text[start : start + column].encode()[:column].decode(errors="ignore"))

    def line_span(self, line: int) -> tuple[int, int]:
        """Character positions of a physical line (from 1), with the newline that ends it."""
        return self._starts[line - 1], self._starts[line] if line < len(self._starts) else len(self.text)

    def line_start(self, position: int) -> int:
        """Where the physical line around ``position`` starts."""
        return self.text.rfind("\n", 0, position) + 1

    def line_end(self, position: int) -> int:
        """Where the next physical line starts."""
        at = self.text.find("\n", position)
        return len(self.text) if at < 0 else at + 1

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Character positions of a node that has positions (expression or statement)."""
        return (
            self.offset(node.lineno, node.col_offset),  # type: ignore[attr-defined]
            self.offset(node.end_lineno, node.end_col_offset),  # type: ignore[attr-defined]
        )

    def of(self, node: ast.AST) -> str:
        """The text of a node."""
        start, end = self.span(node)
        return self.text[start:end]

    @cached_property
    def lines(self) -> list[Line]:
        """The lines of code, without blank lines, comments, docstrings, imports and definition headers."""
        scopes = self._scopes()
        ends = [*self._starts[1:], len(self.text)]
        found = []
        for number, (start, end) in enumerate(zip(self._starts, ends, strict=True), 1):
            raw = self.text[start:end].rstrip()
            text = raw.lstrip()
            skipped = not text or text.startswith(("#", "import ", "from ", "def ", "async ", "class ", "@"))
            if skipped or number in self._docstring_lines:
                continue
            local, params = next((scope[2:] for scope in reversed(scopes) if scope[0] <= number <= scope[1]), ((), 0))
            first = start + len(raw) - len(text)
            found.append(Line(first, first + len(text), raw[: len(raw) - len(text)], text, local, params))
        return found

    def line_at(self, position: int) -> Line | None:
        """The line of code that holds the character at ``position``."""
        return next((line for line in self.lines if line.start <= position <= line.end), None)

    def visible(self, position: int) -> tuple[str, ...]:
        """Local names that are bound before ``position`` in the text, or by the comprehension around it."""
        if self.tree is None:
            line = self.line_at(position)
            return line.local if line else ()
        return tuple(dict.fromkeys(name for name, start, end in self._bindings if start <= position < end))

    @cached_property
    def _bindings(self) -> list[tuple[str, int, int]]:
        """(name, where it can be used from, where it ends) of every binding."""
        found: list[tuple[str, int, int]] = []

        def visit(node: ast.AST, end: int, inner: tuple[int, int] | None) -> None:
            """``end`` of the scope; ``inner`` is the span of the comprehension whose targets are being visited."""
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                end, inner = self.span(node)[1] + 1, None  # a line may yet be added at its end
            if isinstance(node, ast.Assign):  # a target is bound once the value is there
                visit(node.value, end, inner)
                after = (self.span(node)[1], end)
                targets = [name for target in node.targets for name in ast.walk(target)]
                found.extend(
                    (n.id, *after) for n in targets if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
                )
                return
            if isinstance(node, ast.arg):
                found.append((node.arg, self.span(node)[0], end))
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.append((node.id, *(inner or (self.span(node)[1], end))))
            elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
                inner = self.span(node)
            for child in ast.iter_child_nodes(node):
                visit(child, end, inner)

        visit(self.tree, len(self.text) + 1, None)  # type: ignore[arg-type]
        return sorted(found, key=lambda binding: binding[1])

    def blocks(self) -> Iterator[list[ast.stmt]]:
        """Every list of statements, without docstrings."""
        for node in ast.walk(self.tree) if self.tree else ():
            for name in BLOCKS:
                block = getattr(node, name, None)
                if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                    yield block[1:] if is_docstring(block[0]) else block

    @cached_property
    def _docstring_lines(self) -> set[int]:
        lines: set[int] = set()
        for node in ast.walk(self.tree) if self.tree else ():
            if is_docstring(node):
                lines.update(range(node.lineno, (node.end_lineno or 0) + 1))  # type: ignore[attr-defined]
        return lines

    def _scopes(self) -> list[tuple[int, int, tuple[str, ...], int]]:
        """(first line, last line, local names, parameters) of the whole text, then of every function if it parses."""
        if self.tree is None:
            header = re.search(r"def\s+\w+\s*\(([^)]*)\)", self.text)
            params = _IDENTIFIER.findall(re.sub(r"[:=][^,]*", "", header[1])) if header else []
            assigned = re.findall(r"(?m)^\s*(\w+)\s*[-+*/]?=(?!=)|\bfor\s+(\w+)\s+in\b", self.text)
            names = dict.fromkeys([*params, *(name for pair in assigned for name in pair if name)])
            return [(1, len(self._starts), tuple(names), len(params))]
        functions = [node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        whole = (1, len(self._starts), *local_names(self.tree))
        return [whole, *((node.lineno, node.end_lineno or 0, *local_names(node)) for node in functions)]


def is_docstring(node: ast.AST) -> bool:
    """A string standing alone as a statement."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def local_names(scope: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[tuple[str, ...], int]:
    """Names bound in a function or script, parameters first then in the order of the text; the number of parameters."""
    params: list[str] = []
    if not isinstance(scope, ast.Module):
        args = scope.args
        params = [arg.arg for arg in (*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg) if arg]
    bound = [node for node in ast.walk(scope) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    bound.sort(key=lambda name: (name.lineno, name.col_offset))
    return tuple(dict.fromkeys([*params, *(name.id for name in bound)])), len(params)
