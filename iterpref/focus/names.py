"""Names first: y+ written with the names that y- uses, so that a rename no longer touches every line.

A variable, parameter or function that was renamed on the way from y- to y+ entangles every hunk: no line can be taken
over alone. Here the names that y+ binds and y- does not know are paired with names that y- knows and y+ does not, by
where they stand (a longest common subsequence of lexemes), one scope at a time: each outermost function, and the
module. Whoever needs to be sure runs the renamed program: it must still pass.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from iterpref.focus.aligned import Aligned, Edit
from iterpref.focus.lexemes import lexemes
from iterpref.focus.lines import opcodes
from iterpref.focus.syntax import FUNCTIONS, Positions, function_names, module_names, outermost_functions, parse

__all__ = ["align_names"]

_WORD = re.compile(r"(?<![\w.])[^\W\d]\w*")
_BRACES = re.compile(r"\{[^{}]*\}")
_PLACEHOLDER = "\x00"


def align_names(rejected: str, chosen: str, keep: Collection[str] = ()) -> Aligned:
    """``chosen`` with the names of ``rejected``, as far as renames can be told; unchanged if it does not parse.

    Only names that ``chosen`` binds itself are changed, never imported or built-in ones, attributes or keywords, and
    only to names that do not occur in it: nothing is captured. ``keep``: names that others use, such as the tests.
    """
    tree, old_tree = parse(chosen), parse(rejected)
    if tree is None:
        return Aligned(chosen)
    positions = Positions(chosen)
    old = _Scope(rejected, _identifiers(old_tree, rejected), _bound_somewhere(old_tree, rejected) - set(keep))
    new = _Scope(chosen, _identifiers(tree, chosen), module_names(tree) - set(keep))
    if not old.bound - new.used:
        return Aligned(chosen)
    changes: dict[int, tuple[str, str]] = {}
    module = _pairs(old, new)
    for start, name in _occurrences(tree, chosen, positions, module):
        changes[start] = (name, module[name])
    old_functions = {function.name: function for function in outermost_functions(old_tree)} if old_tree else {}
    for function in outermost_functions(tree):
        start, end = positions.of(function)
        bound = function_names(function)
        for place, _ in _occurrences(function, chosen, positions, bound & module.keys()):
            changes.pop(place, None)  # a local of that name is another thing
        old_name = module.get(function.name, function.name)
        part = _definition(rejected, old_name)
        old_part = _Scope(part, _identifiers(old_functions.get(old_name), part), old.bound)
        new_part = _Scope(chosen[start:end], _identifiers(function, chosen), bound - set(keep))
        mapping = _pairs(old_part, new_part)
        for place, name in _occurrences(function, chosen, positions, mapping):
            changes[place] = (name, mapping[name])
    return _renamed(chosen, changes)


@dataclass(frozen=True)
class _Scope:
    """A text, the names in it, and those among them, or among all, that may be renamed."""

    text: str
    used: set[str]
    bound: set[str]


def _identifiers(tree: ast.AST | None, text: str) -> set[str]:
    """Names in use, without attributes; all words where there is no tree."""
    if tree is None:
        return set(_WORD.findall(text))
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.ExceptHandler)):
            names.add(node.name or "")
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            names.update(node.names)
    return names


def _bound_somewhere(tree: ast.Module | None, text: str) -> set[str]:
    """Names that the program binds anywhere; all its words that mean nothing else, where it does not parse.

    A name that it uses though nothing binds it is one too: the fault may be what took the binding away.
    """
    if tree is None:
        return set(_WORD.findall(text)) - set(keyword.kwlist) - set(dir(builtins))
    imported = {
        alias.asname or alias.name.partition(".")[0] for alias in ast.walk(tree) if isinstance(alias, ast.alias)
    }
    loose = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - imported - set(dir(builtins))
    return module_names(tree).union(loose, *map(function_names, outermost_functions(tree)))


def _pairs(old: _Scope, new: _Scope) -> dict[str, str]:
    """Which name of the new scope is which of the old, by majority. A name that both use stays what it is."""
    bound = new.bound - old.used
    free = (old.bound & old.used) - new.used
    if not bound or not free:
        return {}
    before, after = _code_lexemes(old.text), _code_lexemes(new.text)
    votes: Counter[tuple[str, str]] = Counter()
    for step in opcodes(
        [_PLACEHOLDER if lexeme in free else lexeme for lexeme in before],
        [_PLACEHOLDER if lexeme in bound else lexeme for lexeme in after],
    ):
        if step.tag == "equal":
            pairs = zip(after[step.dest_start : step.dest_end], before[step.src_start : step.src_end], strict=True)
            votes.update(pair for pair in pairs if pair[0] in bound)
    of_new: Counter[str] = Counter()
    of_old: Counter[str] = Counter()
    for (name, other), count in votes.items():
        of_new[name] += count
        of_old[other] += count
    found: dict[str, str] = {}
    for (name, other), count in votes.items():  # in the order of the text: of equals, what stands first, a parameter
        half = 2 * count >= of_new[name] and 2 * count >= of_old[other]
        if half and name not in found and other not in found.values():
            found[name] = other
    return found


def _code_lexemes(text: str) -> list[str]:
    """Without blanks and comments; an attribute together with its point, so that it is no name."""
    found: list[str] = []
    for lexeme in lexemes(text):
        if found and found[-1] == ".":
            found[-1] += lexeme
        elif not lexeme.isspace() and not lexeme.startswith("#"):
            found.append(lexeme)
    return found


def _occurrences(scope: ast.AST, text: str, positions: Positions, names: Collection[str]) -> Iterator[tuple[int, str]]:
    """Where in ``text`` the tree uses one of ``names``, and which."""
    waiting: list[ast.AST] = [scope] if names else []
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.JoinedStr):  # what is inside has no reliable position before Python 3.12
            start, end = positions.of(node)
            for braces in _BRACES.finditer(text, start, end):
                for word in _WORD.finditer(text, braces.start(), braces.end()):
                    if word[0] in names:
                        yield word.start(), word[0]
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Name):
            found = [(positions.of(node)[0], node.id)]
        elif isinstance(node, ast.arg):
            found = [(positions.of(node)[0], node.arg)]
        elif isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.ExceptHandler, ast.Global, ast.Nonlocal)):
            start, end = positions.of(node)
            if isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.ExceptHandler)):
                end = positions.of(node.body[0])[0]
            named = node.names if isinstance(node, (ast.Global, ast.Nonlocal)) else [node.name]
            words = _WORD.finditer(text, start, end)
            # the first word that is it: a function's name stands before its parameters
            first = {word[0]: word.start() for word in reversed([*words]) if word[0] in named}
            found = [(place, name) for name, place in first.items()]
        else:
            continue
        yield from ((place, name) for place, name in found if name in names and text.startswith(name, place))


def _definition(text: str, name: str) -> str:
    """The lines of the function ``name``, or all of ``text`` where it has none. ``text`` need not parse."""
    head = re.search(rf"^([ \t]*)(?:async[ \t]+)?def[ \t]+{re.escape(name)}\b.*\n?", text, re.MULTILINE)
    if head is None:
        return text
    after = re.compile(rf"^[ \t]{{0,{len(head[1])}}}[^\s#)]", re.MULTILINE).search(text, head.end())
    return text[head.start() : after.start() if after else len(text)]


def _renamed(text: str, changes: Mapping[int, tuple[str, str]]) -> Aligned:
    pieces: list[str] = []
    edits: list[Edit] = []
    at = length = 0
    for start, (name, other) in sorted(changes.items()):
        pieces += [text[at:start], other]
        length += start - at
        at = start + len(name)
        edits.append(Edit(length, length + len(other), start, at))
        length += len(other)
    return Aligned("".join([*pieces, text[at:]]), tuple(edits))
