"""Whether a program's text gives reason to doubt that it passed: does it use anything that could reach its tests?

Ordinary code cannot interfere with the harness in its process. To do so it needs frames, modules' internals, files,
descriptors, processes, evaluation of text, special methods that answer comparisons, or names that the tests rely on.
A program that uses none of these is not doubted. One that does may be as honest as any other: its tests are then run
in another process, which costs time, and changes no honest verdict.
"""

# ruff: noqa: SIM905
from __future__ import annotations

import ast
import builtins
import importlib
import re
from collections.abc import Iterator
from functools import lru_cache
from types import ModuleType

from iterpref.sandbox.names import hides_names, module_names, parse

__all__ = ["doubts", "relied_on"]

# Modules whose public names neither open nor change anything.
_MODULES = frozenset(
    "__future__ abc array bisect calendar cmath collections copy dataclasses datetime decimal enum fractions "
    "functools hashlib heapq itertools json math numbers operator queue random re statistics string sys textwrap time "
    "typing".split()
)
_SYS = frozenset("argv float_info getrecursionlimit maxsize setrecursionlimit stdin version_info".split())
# Special methods that have no say on equality or truth.
_METHODS = frozenset(
    "__init__ __repr__ __str__ __len__ __iter__ __next__ __getitem__ __setitem__ __post_init__ __call__ __enter__ "
    "__exit__".split()
)
_READ = frozenset({"__init__", "__name__", "__doc__"})
_NAMES = frozenset(
    "ABCMeta EnumDict EnumMeta EnumType ForwardRef Formatter __build_class__ _evaluate attrgetter breakpoint buffer "
    "compile delattr eval evaluate evaluate_forward_ref exec format_map get_field get_type_hints getattr globals "
    "locals make_dataclass memoryview methodcaller open raw setattr singledispatch singledispatchmethod update_wrapper "
    "vars vformat".split()
)
# What makes classes by the names that it is given, where it is called and not extended by a class with members.
_ENUMS = frozenset("Enum Flag IntEnum IntFlag ReprEnum StrEnum".split())
_SETS = frozenset("AbstractSet ItemsView KeysView MutableSet Set".split())  # equal as far as their own __len__ says
_RENAMED = _ENUMS | {"wraps"}
_INTERNAL = re.compile(r"__|\b(f|tb|gi|cr|ag|co)_[a-z]+\b")
_ENDS = ("AssertionError", "BaseException", "KeyboardInterrupt", "SystemExit", "type")


def relied_on(tests: ast.Module, nodes: list[ast.AST]) -> frozenset[str]:
    """Names of a program that its tests, of these ``nodes``, use: builtins, and what they bind themselves."""
    names = {node.id for node in nodes if isinstance(node, ast.Name) and hasattr(builtins, node.id)}
    return frozenset(names | module_names(tests, nodes) - {"METADATA"})


def doubts(program: str, names: frozenset[str]) -> str:
    """The first reason to doubt a pass of ``program``, and "" where there is none; tests rely on ``names``."""
    try:
        return next(_reasons(parse(program), names), "")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "does not parse"


def _reasons(tree: ast.Module, names: frozenset[str]) -> Iterator[str]:
    nodes = list(ast.walk(tree))
    modules = {
        alias.asname or alias.name.partition(".")[0]: alias.name if alias.asname else alias.name.partition(".")[0]
        for node in nodes
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    imported = {alias.asname or alias.name for n in nodes if isinstance(n, ast.ImportFrom) for alias in n.names}
    foreign, handed = modules.keys() | imported, modules.keys() | _RENAMED | {"type"}
    innocent = _innocent(nodes)
    if shared := names & module_names(tree, nodes):
        yield f"binds {min(shared)!r}, which the tests use"
    for node in nodes:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from _import(node)
        elif isinstance(node, ast.Attribute):
            yield from _attribute(node, modules, foreign)
            if node.attr in _RENAMED and id(node) not in innocent:
                yield f"hands .{node.attr} on"
        elif isinstance(node, ast.Name):
            if (
                node.id in _NAMES
                or node.id.startswith("_sandbox")
                or (node.id.startswith("__") and node.id != "__name__" and node.id not in _METHODS)
            ):
                yield f"uses {node.id}"
            elif node.id in handed and id(node) not in innocent:
                yield f"hands {node.id} on"
        elif isinstance(node, ast.ClassDef):
            yield from _class(node)
        elif isinstance(node, ast.Constant):
            if isinstance(node.value, str) and id(node) not in innocent and _INTERNAL.search(node.value):
                yield "names internals in a text"
        elif isinstance(node, getattr(ast, "MatchClass", ())) and any(
            name.startswith("_")
            for name in node.kwd_attrs  # type: ignore[attr-defined]
        ):
            yield "matches a private name"


def _innocent(nodes: list[ast.AST]) -> set[int]:
    """Nodes whose use shows that they do no harm: ``math.pi``, ``type(x) == int``, ``@wraps(f)``, documentation."""
    found = set()
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found |= {
                id(part.func)
                for part in node.decorator_list
                if isinstance(part, ast.Call) and len(part.args) == 1 and not part.keywords
            }
        if isinstance(node, ast.ClassDef) and _has_members(node):
            found |= {id(base) for base in node.bases}
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.add(id(node.value))
        calls = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
        calls += [node.value] if isinstance(node, ast.Attribute) and node.attr == "__name__" else []
        for call in calls:
            if isinstance(call, ast.Call) and len(call.args) == 1 and not call.keywords:
                found.add(id(call.func))
        body = node.body if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)) else []
        for statement in body:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                found.add(id(statement.value))
        if isinstance(node, ast.Constant) and node.value == "__main__":
            found.add(id(node))
    return found


def _has_members(node: ast.ClassDef) -> bool:
    """Whether it would have members, and no more by other names, as an enumeration: no other can be made of it then."""
    assigned = [part for part in node.body if isinstance(part, ast.Assign)]
    names = [getattr(target, "id", "_") for part in assigned for target in part.targets]
    values = {type(part.value) for part in assigned}
    return bool(names) and not any(name.startswith("_") for name in names) and ast.Constant in values


def _import(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if hides_names(node):
        yield "imports names that its text does not tell"
    names = [alias.name for alias in node.names]
    modules = [node.module or "."] if isinstance(node, ast.ImportFrom) else names
    for module in modules:
        if module not in _MODULES | {"collections.abc"}:
            yield f"imports {module}"
    if isinstance(node, ast.ImportFrom) and node.module != "__future__":
        for name in names:
            if _hidden(name, node.module or ""):
                yield f"imports {name}"
        for alias in node.names:
            if alias.name in _RENAMED and alias.asname:
                yield f"renames {alias.name}"


@lru_cache(1000)
def _hidden(name: str, module: str) -> bool:
    """Whether an attribute of a module leads on to what the module itself is not."""
    if name in _NAMES or name.startswith("_") or (module == "sys" and name not in _SYS):
        return True
    if module not in _MODULES | {"collections.abc"}:
        return False  # that it is imported is reason enough
    if (module, name) == ("collections", "abc"):
        return False
    found = getattr(importlib.import_module(module), name, None)
    if name in _SETS:
        return module != "typing" or name != "Set"
    return isinstance(found, ModuleType) or (isinstance(found, type) and issubclass(found, type))


def _attribute(node: ast.Attribute, modules: dict[str, str], foreign: set[str]) -> Iterator[str]:
    name, base = node.attr, node.value
    if name not in _READ and (name in _NAMES or _INTERNAL.match(name)):
        yield f"uses .{name}"
    if isinstance(base, ast.Name) and base.id in modules:
        if _hidden(name, modules[base.id]):
            yield f"uses {base.id}.{name}"
    elif name in _SETS:
        yield f"uses .{name}"
    if name == "format" and not isinstance(base, ast.Constant):
        yield "formats a text that it makes"
    if not isinstance(node.ctx, ast.Load):
        root = base
        while isinstance(root, (ast.Attribute, ast.Subscript)):
            root = root.value
        if not isinstance(root, ast.Name) or root.id in foreign or hasattr(builtins, root.id):
            yield f"sets .{name} of what is not its own"


def _class(node: ast.ClassDef) -> Iterator[str]:
    if node.keywords:
        yield "has a metaclass"
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id in _ENDS:
            yield f"extends {base.id}"
    for part in node.body:
        name = part.name if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)) else ""
        if name.startswith("__") and name.endswith("__") and name not in _METHODS:
            yield f"defines {name}"
