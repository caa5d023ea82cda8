"""The program in a model's answer, found by parsing.

An answer is prose with fenced code, or a base model's continuation that runs on after the function. Of all stretches of
lines that parse, the longest that defines the entry point is taken. Of it remain the imports and what the entry point
needs: decorated functions, functions that return nothing and statements that fill a table are needed as often as any
other. Prints, asserts and ``if __name__ == "__main__"`` blocks are left out: they test or show, and may end the run.
"""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping

from iterpref.syntax import parse

__all__ = ["program_in", "script_in"]

_FENCE = re.compile(r"^([ \t]*)(`{3,}|~{3,})[ \t]*([\w+#.-]*)[^\n`]*$", re.MULTILINE)
_START = re.compile(r"(?:@|def |async |class |import |from |if |try:|[A-Za-z_][\w.]*(?:\[.*\])?\s*(?::.*)?=)")
_ENDS = frozenset({"exit", "main", "testmod", "write"})  # calls that end the run, test or show
_Function = (ast.FunctionDef, ast.AsyncFunctionDef)


def program_in(answer: str, entry_point: str, prompt: str = "", also: Collection[str] = ()) -> str:
    """The program in ``answer`` that defines ``entry_point``.

    ``prompt`` is the function's head, for answers that hold nothing but its body. ``also`` are names that the tests may
    use. Where no code can be found the answer
    comes back as it is: running it then says what is wrong with it.
    """
    answer = answer.replace("\r\n", "\n")
    blocks = list(_blocks(answer))
    stretches = [part for block in blocks or [answer] for part in _stretches(block)]
    if blocks and not any(_defines(tree, entry_point) for _, tree in stretches):
        stretches.extend(_stretches(answer))
    found = _longest(each for each in stretches if _defines(each[1], entry_point))
    if found is not None:
        found = _with_helpers(found, stretches)
    if found is None:
        found = _longest(_from_any_line(answer, entry_point))
    if found is None and prompt and _defines(_parse(prompt + "    pass\n"), entry_point):
        for body in [*blocks, answer]:
            text = prompt.rstrip() + "\n" + textwrap.indent(textwrap.dedent(body.strip("\n")), "    ")
            if (tree := _parse(text)) is not None and any(isinstance(node, ast.Return) for node in ast.walk(tree)):
                return _needed(text, tree, {entry_point, *also})
    if found is None:
        rest = _longest(stretches)
        return rest[0] if rest else answer
    return _needed(*found, {entry_point, *also})


def script_in(answer: str) -> str:
    """The whole program in ``answer``, for tests that name no function: the last fenced block that parses."""
    blocks = list(_blocks(answer.replace("\r\n", "\n")))
    parsing = [block for block in blocks if _parse(block) is not None]
    return [answer, *blocks, *parsing][-1]


def _blocks(answer: str) -> Iterator[str]:
    """The fenced blocks: what lies before a first fence that closes, and what follows a last one that does not."""
    fences = list(_FENCE.finditer(answer))
    opened = None
    for number, fence in enumerate(fences):
        if opened is None:
            if number == 0 and not fence[3] and len(fences) % 2 == 1:
                yield answer[: fence.start()]  # the prompt had opened it
            else:
                opened = fence
        elif not fence[3]:
            yield textwrap.dedent(answer[opened.end() + 1 : fence.start()])
            opened = None
        else:  # a fence with a language opens, so the one before was never closed
            yield textwrap.dedent(answer[opened.end() + 1 : fence.start()])
            opened = fence
    if opened is not None:
        yield textwrap.dedent(answer[opened.end() + 1 :])


def _stretches(text: str) -> Iterator[tuple[str, ast.Module]]:
    """Lines that parse together, each stretch as long as can be, one after the other."""
    lines = text.split("\n")
    start = 0
    while start < len(lines):
        if not lines[start].strip():
            start += 1
            continue
        end, tree = _longest_from(lines, start)
        if tree is not None:
            yield "\n".join(lines[start:end]), tree
        start = max(end, start + 1)


def _from_any_line(text: str, entry_point: str) -> Iterator[tuple[str, ast.Module]]:
    """Stretches from every line that may start code: prose before it may have opened a bracket or a quote."""
    lines = text.split("\n")
    for start, line in enumerate(lines):
        if _START.match(line):
            end, tree = _longest_from(lines, start)
            if tree is not None and _defines(tree, entry_point):
                yield "\n".join(lines[start:end]), tree


def _longest_from(lines: list[str], start: int) -> tuple[int, ast.Module | None]:
    """The end of the longest stretch from ``start`` that parses; a parser's error tells where to cut."""
    end = len(lines)
    while end > start:
        try:
            return end, _parsed("\n".join(lines[start:end]))
        except SyntaxError as error:
            end = min(end - 1, start + max((error.lineno or 1) - 1, 0))
        except (ValueError, RecursionError, MemoryError):
            end -= 1
    return start, None


def _parse(text: str) -> ast.Module | None:
    try:
        return _parsed(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _parsed(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "invalid escape sequence" is the program's
        return parse(text)


def _with_helpers(found: tuple[str, ast.Module], stretches: list[tuple[str, ast.Module]]) -> tuple[str, ast.Module]:
    """``found`` after those stretches that define what it uses and lacks: helpers may have a block of their own."""
    text, tree = found
    lacking = _used(tree) - _names(tree)
    helpers = [each for each in stretches if each is not found and not lacking.isdisjoint(_names(each[1]))]
    if not helpers:
        return found
    text = "\n\n".join([*(each for each, _ in helpers), text])
    return text, _parsed(text)


def _names(tree: ast.Module) -> set[str]:
    return {name for node in tree.body for name in _bound(node)}


def _longest(stretches: Iterable[tuple[str, ast.Module]]) -> tuple[str, ast.Module] | None:
    return max(stretches, key=lambda each: sum(bool(line.strip()) for line in each[0].split("\n")), default=None)


def _defines(tree: ast.Module | None, name: str) -> bool:
    return tree is not None and name in _names(tree)


def _needed(text: str, tree: ast.Module, roots: set[str]) -> str:
    """The imports, and those statements that ``roots`` reach, in their order."""
    chosen = _definitions(tree.body)
    statements = [node for node in tree.body if not isinstance(node, _Function) or chosen[node.name] is node]
    binds = {node: _binds(node, chosen) for node in statements if not _shows(node)}
    kept: set[ast.stmt] = {node for node in binds if isinstance(node, (ast.Import, ast.ImportFrom))}
    reached, new = roots, roots
    while new:
        more = [node for node, names in binds.items() if node not in kept and not new.isdisjoint(names)]
        kept.update(more)
        new = {name for node in more for name in _used(node)} - reached
        reached = reached | new
    lines = text.split("\n")
    parts = []
    for node in statements:
        if node in kept:
            first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
            parts.append("\n".join(_cut(lines, first, node)))
    return "\n".join(parts) + "\n"


def _cut(lines: list[str], first: int, node: ast.stmt) -> list[str]:
    """The lines of a statement; of one that shares its line with others, its own text."""
    assert node.end_lineno is not None
    own = lines[first - 1 : node.end_lineno]
    end = len(own[-1].encode()[: node.end_col_offset].decode())
    if own[-1][end:].lstrip().startswith(";"):
        own[-1] = own[-1][:end]
    if node.col_offset and first == node.lineno:
        own[0] = own[0].encode()[node.col_offset :].decode()
    return own


def _shows(node: ast.stmt) -> bool:
    """Whether a statement at the top only tests or shows: an assert, the main block."""
    return isinstance(node, ast.Assert) or (isinstance(node, ast.If) and "__name__" in _used(node.test))


def _definitions(statements: list[ast.stmt]) -> dict[str, ast.stmt]:
    """By name, the function that counts: the first with a body. A model that runs on often starts it again."""
    chosen: dict[str, ast.stmt] = {}
    for node in statements:
        if isinstance(node, _Function) and (node.name not in chosen or _is_stub(chosen[node.name])):
            chosen[node.name] = node
    return chosen


def _is_stub(node: ast.stmt) -> bool:
    """Whether a function is its head alone: documentation, ``pass`` or ``...``."""
    body = getattr(node, "body", [])
    return all(isinstance(part, ast.Pass) or _is_constant(part) for part in body)


def _is_constant(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _binds(node: ast.stmt, functions: Mapping[str, ast.stmt]) -> set[str]:
    """Names that a statement at the top binds or changes, also through the function that it calls."""
    if isinstance(node, ast.Expr):
        called = node.value.func if isinstance(node.value, ast.Call) else None
        if isinstance(called, ast.Name) and called.id in functions:
            return _changed(functions[called.id])
        if isinstance(called, ast.Attribute) and (called.attr not in _ENDS):
            return _root(called)
        return set()
    return _bound(node)


def _bound(node: ast.AST) -> set[str]:
    if isinstance(node, (*_Function, ast.ClassDef)):
        return {node.name}
    if isinstance(node, ast.AnnAssign) and node.value is None:
        return set()
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    names = _changed(node)
    for part in ast.walk(node):
        if isinstance(part, (*_Function, ast.ClassDef, ast.Import, ast.ImportFrom)):
            names |= _bound(part)
        elif isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
            names.add(part.id)
    return names


def _changed(node: ast.AST) -> set[str]:
    """Names whose value is changed in place, or rebound as ``global``."""
    names: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Global):
            names |= set(part.names)
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
            names |= _root(part.func)
        elif isinstance(part, (ast.Attribute, ast.Subscript)) and not isinstance(part.ctx, ast.Load):
            names |= _root(part)
    return names


def _root(node: ast.AST) -> set[str]:
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred)):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def _used(node: ast.AST) -> set[str]:
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return names | {name for part in ast.walk(node) if isinstance(part, ast.Global) for name in part.names}
