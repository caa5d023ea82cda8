"""Edited versions of a failing program, likeliest first (search teacher).

An edit's score is the logarithm of its operator's prior, plus how much better what it makes suits the task than what it
takes away, by :mod:`.ingredients`. The second part counts as far as the pool knows programs like this one.
"""

from __future__ import annotations

import ast
import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from iterpref.teachers.ingredients import Fragment, Ingredients, PromptValues, Suggestions, canonical, expressions, fill, sort_of
from iterpref.teachers.mutations import PRIOR, mutations
from iterpref.teachers.source import Edit, Line, Source, apply
from iterpref.types import Attempt, Task

__all__ = ["Candidate", "candidates"]

_UNKNOWN = 0.01  # support of what no passing program of a similar task holds
_ABSENT = 0.1  # what a line or condition that is added, or taken away, is compared with
_LINE, _INSERT, _EXPRESSION, _CONDITION = 1.0, 0.5, 2.0, 1.0  # priors of edits made from ingredients, as in PRIOR
_REPEATED = -4.0  # for adding what the program already holds
_BEFORE_PAIRS = 100  # single edits tried before pairs of the likeliest
_PAIRED = 14
_TOKENS = re.compile(r"\w+|[^\w\s]")
_JUMPS = ("return", "break", "continue", "raise")


@dataclass(frozen=True)
class Candidate:
    """A version to run. ``size`` orders candidates that pass: (edits, characters taken away and added)."""

    code: str
    size: tuple[int, int]
    message: str


def candidates(attempt: Attempt, task: Task, ingredients: Ingredients) -> Iterator[Candidate]:
    """Versions one edit away, likeliest first, and some that are two edits away. Duplicates are possible."""
    code = attempt.code
    singles = _Ranker(Source(code), task, ingredients).ranked()
    for edit in singles[:_BEFORE_PAIRS]:
        yield _candidate(code, (edit,))
    pairs = itertools.combinations(enumerate(singles[:_PAIRED]), 2)
    for (_, first), (_, second) in sorted(pairs, key=lambda pair: pair[0][0] + pair[1][0]):
        if first.end < second.start or second.end < first.start:
            yield _candidate(code, (first, second))
    for edit in singles[_BEFORE_PAIRS:]:
        yield _candidate(code, (edit,))


def _candidate(code: str, edits: tuple[Edit, ...]) -> Candidate:
    size = sum(_changed(code[edit.start : edit.end], edit.text) for edit in edits)
    return Candidate(apply(code, edits), (len(edits), size), " and ".join(edit.kind for edit in edits))


def _changed(old: str, new: str) -> int:
    """Characters between the common prefix and the common suffix, of both texts together."""
    limit = min(len(old), len(new))
    head = next((i for i in range(limit) if old[i] != new[i]), limit)
    tail = next((i for i in range(limit - head) if old[-1 - i] != new[-1 - i]), limit - head)
    return len(old) + len(new) - 2 * (head + tail)


@dataclass(frozen=True)
class _Place:
    """An expression that ingredients of its sort may replace."""

    sort: str
    start: int
    end: int
    line: Line
    form: str
    names: tuple[str, ...]


class _Ranker:
    def __init__(self, source: Source, task: Task, ingredients: Ingredients) -> None:
        self._source = source
        self._values = PromptValues.of(task.prompt)
        self._known: Suggestions = ingredients.suggest(task)
        self._lines = [(line, *canonical(line.text, line, self._values)) for line in source.lines]
        self._places = list(self._find_places())
        self._present = set(self._count(source.text, source.lines[-1])) if source.lines else set()
        held = [(sort_of(line), form) for line, form, _ in self._lines] + [(place.sort, place.form) for place in self._places]
        self._weight = sum(key in self._known.support for key in held) / max(1, len(held))

    def _find_places(self) -> Iterator[_Place]:
        for sort, node in expressions(self._source):
            start, end = self._source.span(node)
            line = self._source.line_at(start)
            if line is not None and end <= line.end:
                yield _Place(sort, start, end, line, *canonical(self._source.text[start:end], line, self._values))

    def ranked(self) -> list[Edit]:
        """All single edits, best first; equal ones in the order of the text."""
        scores: dict[tuple[int, int, str], tuple[float, Edit]] = {}
        for edit, prior in itertools.chain(
            ((edit, PRIOR[edit.kind]) for edit in mutations(self._source)),
            self._other_lines(),
            self._more_lines(),
            self._other_expressions(),
            self._conditions(),
        ):
            key = (edit.start, edit.end, edit.text)
            if self._source.text[edit.start : edit.end] != edit.text:
                score = math.log(prior) + self._weight * self._gain(edit)
                if key not in scores or scores[key][0] < score:
                    scores[key] = (score, edit)
        return [scores[key][1] for key in sorted(scores, key=lambda key: (-scores[key][0], key))]

    def _other_lines(self) -> Iterator[tuple[Edit, float]]:
        for line, form, names in self._lines:
            tokens = set(_TOKENS.findall(form))
            for fragment in self._known.fragments.get(sort_of(line), ()):
                if fragment.form.split()[0] in _JUMPS and not form.startswith(_JUMPS):
                    continue
                if form.endswith(":") and fragment.form.split()[0] != form.split()[0]:
                    continue
                for rank, text in enumerate(self._filled(fragment, line, line.start, names)):
                    yield Edit(line.start, line.end, text, "line"), _LINE * _alike(tokens, fragment) / (1 + rank)

    def _more_lines(self) -> Iterator[tuple[Edit, float]]:
        for (line, form, _), following in itertools.zip_longest(self._lines, self._lines[1:]):
            last = following is None or len(following[0].indent) < len(line.indent)
            deep = "+" if len(line.indent) > 4 else ""
            for sort in ("simple", "block"):
                for fragment in self._known.fragments.get(sort + deep, ())[:30]:
                    if fragment.form.startswith(_JUMPS):
                        continue  # in the middle of a block it would only hide what follows
                    for rank, text in enumerate(self._filled(fragment, line, line.start, ())):
                        body = text.replace("\n", f"\n{line.indent}")
                        if not form.startswith(("else", "elif", "except", "finally")):
                            yield Edit(line.start, line.start, f"{body}\n{line.indent}", "insert"), _INSERT / (1 + rank)
                        if last and not form.endswith(":") and not form.startswith(_JUMPS):
                            yield Edit(line.end, line.end, f"\n{line.indent}{body}", "insert"), _INSERT / (1 + rank)

    def _filled(self, fragment: Fragment, line: Line, position: int, names: tuple[str, ...]) -> Iterator[str]:
        return fill(fragment, line, self._source.visible(position), names, self._values)

    def _other_expressions(self) -> Iterator[tuple[Edit, float]]:
        for place in self._places:
            tokens = set(_TOKENS.findall(place.form))
            for fragment in self._known.fragments.get(place.sort, ())[:40]:
                for rank, text in enumerate(self._filled(fragment, place.line, place.start, place.names)):
                    prior = _EXPRESSION * _alike(tokens, fragment) / (1 + rank)
                    yield Edit(place.start, place.end, text, "expression"), prior

    def _conditions(self) -> Iterator[tuple[Edit, float]]:
        """A condition for a comprehension that has none, or for a statement in a loop."""
        if self._source.tree is None:
            return
        for node in ast.walk(self._source.tree):
            places: list[tuple[int, str, str]] = []
            if isinstance(node, ast.comprehension) and not node.ifs:
                places = [(self._source.span(node.iter)[1], " if ", "")]
            names: tuple[str, ...] = ()
            if isinstance(node, ast.For):
                for statement in node.body:
                    line = self._source.line_at(self._source.span(statement)[0])
                    if line is not None and self._source.span(statement)[1] == line.end:
                        places.append((line.start, "if ", f":\n{line.indent}    "))
            if isinstance(node, ast.For | ast.comprehension):
                names = tuple(name.id for name in ast.walk(node.target) if isinstance(name, ast.Name))
            for start, before, after in places:
                context = self._source.line_at(start)
                for fragment in self._known.fragments.get("filter", ())[:40] if context else ():
                    for rank, text in enumerate(self._filled(fragment, context, start - 1, names)):  # type: ignore[arg-type]
                        yield Edit(start, start, before + text + after, "condition"), _CONDITION / (1 + rank)

    def _gain(self, edit: Edit) -> float:
        """Log support of what the edit makes over what it takes away, by lines and by the expression around it."""
        if not self._weight:
            return 0.0
        text = self._source.text
        first = text.rfind("\n", 0, edit.start) + 1
        last = text.find("\n", edit.end)
        last = len(text) if last < 0 else last
        context = self._source.line_at(edit.start) or self._source.line_at(edit.end)
        if context is None:
            return 0.0
        before = text.rfind("\n", 0, max(0, first - 1)) + 1  # a line is judged together with the condition that guards it
        guarded = re.match(r"\s*if .*:\n", text[before:first])
        first = before if guarded else first
        old = self._count(text[first:last], context)
        new = self._count(text[first : edit.start] + edit.text + text[edit.end : last], context)
        made, lost = list((new - old).elements()), list((old - new).elements())
        inner = self._expression(edit) if len(made) == len(lost) == 1 else None
        if inner:
            made, lost = [*made, inner[1]], [*lost, inner[0]]
            return math.log(max(map(self._support, made)) + _UNKNOWN) - math.log(max(map(self._support, lost)) + _UNKNOWN)
        if made and all(key in self._present for key in made) and edit.start == edit.end:
            return _REPEATED
        return sum(map(self._worth, made)) - sum(map(self._worth, lost))

    def _expression(self, edit: Edit) -> tuple[tuple[str, str], tuple[str, str]] | None:
        """(sort, form) of the smallest expression around the edit, before and after it."""
        around = [place for place in self._places if place.start <= edit.start and edit.end <= place.end]
        if edit.kind == "condition":
            form = canonical(edit.text.removeprefix(" if ").removeprefix("if ").split(":\n")[0], self._source.line_at(edit.start), self._values)[0]
            return ("filter", ""), ("filter", form)
        if not around:
            return None
        place = min(around, key=lambda place: place.end - place.start)
        text = self._source.text
        changed = text[place.start : edit.start] + edit.text + text[edit.end : place.end]
        return (place.sort, place.form), (place.sort, canonical(changed, place.line, self._values)[0])

    def _count(self, text: str, context: Line) -> Counter[tuple[str, str]]:
        """(sort, form) of the lines of ``text``; a condition and the one line it guards count as one block."""
        forms: Counter[tuple[str, str]] = Counter()
        lines = [line for line in text.split("\n") if line.strip()]
        place = 0
        while place < len(lines):
            line = lines[place].strip()
            indent = len(lines[place]) - len(lines[place].lstrip())
            sort = "header" if line.endswith(":") else "simple"
            if line.startswith("if ") and sort == "header" and place + 1 < len(lines):
                place += 1
                sort, line = "block", f"{line}\n    {lines[place].strip()}"
            forms[sort + ("+" if indent > 4 else ""), canonical(line, context, self._values)[0]] += 1
            place += 1
        return forms

    def _support(self, key: tuple[str, str]) -> float:
        return self._known.support.get(key, 0.0) if key[1] else _ABSENT

    def _worth(self, key: tuple[str, str]) -> float:
        return math.log((self._support(key) + _UNKNOWN) / _ABSENT)


def _alike(old: set[str], fragment: Fragment) -> float:
    """From 1/e to e: how far two forms share their tokens (Jaccard)."""
    new = set(_TOKENS.findall(fragment.form))
    return math.exp(2 * len(old & new) / max(1, len(old | new)) - 1)
