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

from iterpref.teachers.ingredients import (
    Fragment,
    Ingredients,
    Part,
    PromptValues,
    Suggestions,
    blocks,
    canonical,
    deep,
    fill,
    mask,
    parts,
    sort_of,
)
from iterpref.teachers.mutations import PRIOR, mutations
from iterpref.teachers.source import Edit, Line, Source, apply
from iterpref.types import Attempt, Task

__all__ = ["Candidate", "candidates"]

_UNKNOWN = 0.01  # support of what no passing program of a similar task holds
_ABSENT = 0.05  # what a line or condition that is added, or taken away, is compared with
_LINE, _INSERT, _PART, _CONDITION = 1.0, 0.5, 2.0, 5.0  # priors of what comes from the pool, on the scale of PRIOR
_DOUBT = 0.05  # support at which a fragment is trusted by half
_REPEATED = -4.0  # for adding what the program already holds
_BLAMED = 1.5  # for an edit on a line that the feedback's traceback names
_MENTION = 2.0  # for a value of the prompt that comes in, or goes
_BEFORE_PAIRS = 60  # single edits tried before pairs of the likeliest
_PAIRED = 10
_TRACE = re.compile(r'File "program\.py", line (\d+)')
_TOKENS = re.compile(r"\w+|[^\w\s]")
_CONDITIONS = tuple(  # tried where the pool holds nothing better
    Fragment(form, ("_",), 0.0)
    for form in (
        *(f"$0 {sign} $n" for sign in (">", ">=", "<", "<=", "==", "!=")),
        *("$n in $0", "$n not in $0", "$0 % $n == 0", "$0 % $n != 0", "'$s' in $0", "'$s' not in $0", "$0 == '$s'"),
        *("$0 != '$s'", "$0.startswith('$s')", "$0.endswith('$s')", "len($0) > $n", "len($0) >= $n", "len($0) == $n"),
        *("$0 % 2 == 0", "$0 % 2 == 1", "$0 > 0", "$0 >= 0", "$0 < 0", "$0 is not None", "$0"),
    )
)
_SKIPPED = ("#", "def ", "import ", "from ", "@", "class ")
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
    try:
        singles = _Ranker(Source(code), task, ingredients, attempt.verdict.feedback).ranked()
    except RecursionError:  # parsed, but nested too deeply to be walked: generated text, not worth a repair
        return
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


_Key = tuple[str, str]  # (sort, form), as in Suggestions


class _Ranker:
    def __init__(self, source: Source, task: Task, ingredients: Ingredients, feedback: str) -> None:
        self._source = source
        self._values = PromptValues.of(task.prompt)
        self._known: Suggestions = ingredients.suggest(task)
        blamed = {int(number) for number in _TRACE.findall(feedback)}
        self._blamed = [source.line_span(number) for number in sorted(blamed) if number <= source.text.count("\n") + 1]
        self._masked = mask(source)
        self._parts = parts(source)
        self._present = set(self._keys(0, len(source.text), Edit(0, 0, "", "")))
        self._present.update(map(self._part_key, self._parts))
        self._weight = sum(key in self._known.support for key in self._present) / max(1, len(self._present))

    def ranked(self) -> list[Edit]:
        """All single edits, best first; equal ones in the order of the text."""
        scores: dict[tuple[int, int, str], tuple[float, Edit]] = {}
        for edit, prior in itertools.chain(
            ((edit, PRIOR[edit.kind]) for edit in mutations(self._source)),
            self._other_lines(),
            self._more_lines(),
            self._other_parts(),
            self._conditions(),
        ):
            key = (edit.start, edit.end, edit.text)
            if self._source.text[edit.start : edit.end] != edit.text:
                score = math.log(prior) + self._weight * self._gain(edit) + self._mentions(edit) + self._blame(edit)
                if key not in scores or scores[key][0] < score:
                    scores[key] = (score, edit)
        return [scores[key][1] for key in sorted(scores, key=lambda key: (-scores[key][0], key))]

    # Where ingredients may go.

    def _other_lines(self) -> Iterator[tuple[Edit, float]]:
        for line in self._source.lines:
            form, names = self._form(self._masked[line.start : line.end], line)
            tokens = set(_TOKENS.findall(form))
            held = [self._source.text[part.start : part.end] for part in self._outer(line)]
            for fragment in self._known.fragments.get(sort_of(line.text, len(line.indent)), ()):
                first = fragment.form.split()[0]
                if first in _JUMPS and not form.startswith(_JUMPS):
                    continue
                if form.endswith(":") and first != form.split()[0]:
                    continue
                if fragment.form.count("…") not in (0, len(held)):
                    continue
                for rank, text in enumerate(self._filled(fragment, line, line.start, names)):
                    for old in held if "…" in text else ():
                        text = text.replace("…", old, 1)
                    yield (
                        Edit(line.start, line.end, text, "line"),
                        _LINE * _alike(tokens, fragment) * self._trust(fragment) / (1 + rank),
                    )

    def _more_lines(self) -> Iterator[tuple[Edit, float]]:
        for line, following in itertools.zip_longest(self._source.lines, self._source.lines[1:]):
            last = following is None or len(following.indent) < len(line.indent)
            for sort in ("simple", "block"):
                for fragment in self._known.fragments.get(sort + deep(len(line.indent)), ())[:30]:
                    if fragment.form.startswith(_JUMPS) or "…" in fragment.form:
                        continue  # a jump in the middle of a block would only hide what follows
                    prior = _INSERT * self._trust(fragment)
                    for rank, text in enumerate(self._filled(fragment, line, line.start, ())):
                        body = text.replace("\n", f"\n{line.indent}")
                        if not line.text.startswith(("else", "elif", "except", "finally")):
                            yield Edit(line.start, line.start, f"{body}\n{line.indent}", "insert"), prior / (1 + rank)
                        if last and not line.text.endswith(":") and not line.text.startswith(_JUMPS):
                            yield Edit(line.end, line.end, f"\n{line.indent}{body}", "insert"), prior / (1 + rank)

    def _other_parts(self) -> Iterator[tuple[Edit, float]]:
        for part in self._parts:
            form, names = self._form(self._source.text[part.start : part.end], part.line)
            tokens = set(_TOKENS.findall(form))
            for fragment in self._known.fragments.get(part.sort, ()):
                for rank, text in enumerate(self._filled(fragment, part.line, part.start, names)):
                    yield (
                        Edit(part.start, part.end, text, "part"),
                        _PART * _alike(tokens, fragment) * self._trust(fragment) / (1 + rank),
                    )

    def _conditions(self) -> Iterator[tuple[Edit, float]]:
        """A condition for a comprehension that has none, or for a statement in a loop."""
        for node in ast.walk(self._source.tree) if self._source.tree else ():
            places: list[tuple[int, Line, str, str]] = []
            if isinstance(node, ast.comprehension) and not node.ifs:
                end = self._source.span(node.iter)[1]
                line = self._source.line_at(end)
                places += [(end, line, " if ", "")] if line else []
            for statement in node.body if isinstance(node, ast.For) else ():
                line = self._source.line_at(self._source.span(statement)[0])
                if line is not None and self._source.span(statement)[1] == line.end:
                    places.append((line.start, line, "if ", f":\n{line.indent}    "))
            for start, line, before, after in places:
                items = ast.walk(node.target)  # type: ignore[attr-defined]
                names = tuple(name.id for name in items if isinstance(name, ast.Name))
                for fragment in (*self._known.fragments.get("filter", ()), *_CONDITIONS):
                    for rank, text in enumerate(self._filled(fragment, line, start - 1, names)):
                        yield (
                            Edit(start, start, before + text + after, "condition"),
                            _CONDITION * self._trust(fragment) / (1 + rank),
                        )

    def _filled(self, fragment: Fragment, line: Line, position: int, names: tuple[str, ...]) -> Iterator[str]:
        return fill(fragment, line, self._source.visible(position), names, self._values)

    def _trust(self, fragment: Fragment) -> float:
        """How far to believe that a fragment belongs into the program: pool, task and fragment must fit."""
        return max(0.1, self._weight) * (fragment.support + _UNKNOWN) / (fragment.support + _DOUBT)

    def _outer(self, line: Line) -> list[Part]:
        """The parts in a line that lie in no other part, in the order of the text."""
        inside = [part for part in self._parts if line.start <= part.start and part.end <= line.end]
        outer = [p for p in inside if not any(q is not p and q.start <= p.start and p.end <= q.end for q in inside)]
        return sorted(outer, key=lambda part: part.start)

    # How well an edit suits the task.

    def _gain(self, edit: Edit) -> float:
        """Log support of what the edit makes over what it takes away: a part, or whole lines."""
        if not self._weight:
            return 0.0
        text = self._source.text
        around = [part for part in self._parts if part.start <= edit.start and edit.end <= part.end]
        if around:
            part = min(around, key=lambda part: part.end - part.start)
            changed = text[part.start : edit.start] + edit.text + text[edit.end : part.end]
            new = (part.sort, self._form(changed, part.line)[0])
            return self._worth(new) - self._worth(self._part_key(part))
        line = self._source.line_at(edit.start) or self._source.line_at(edit.end)
        if line is None:
            return 0.0
        if edit.kind == "condition":
            condition = edit.text.strip().removeprefix("if ").removesuffix(":")
            return self._worth(("filter", self._form(condition, line)[0]))
        first = text.rfind("\n", 0, edit.start) + 1
        if first:  # a line is judged together with the condition that guards it
            before = text.rfind("\n", 0, first - 1) + 1
            first = before if text[before:first].lstrip().startswith("if ") else first
        last = text.find("\n", edit.end)
        last = len(text) if last < 0 else last
        old, new_ = self._keys(first, last, Edit(first, first, "", "")), self._keys(first, last, edit)
        made, lost = new_ - old, old - new_
        if edit.start == edit.end and all(key in self._present for key in made):
            return _REPEATED
        return sum(self._worth(key) * count for key, count in made.items()) - sum(
            self._worth(key) * count for key, count in lost.items()
        )

    def _blame(self, edit: Edit) -> float:
        return _BLAMED * any(start <= edit.start <= end for start, end in self._blamed)

    def _mentions(self, edit: Edit) -> float:
        """More for an edit that brings in a value of the prompt, less for one that drops its last use."""
        new = self._values.used(edit.text)
        old = self._values.used(self._source.text[edit.start : edit.end])
        if new == old:
            return 0.0
        rest = self._values.used(self._source.text[: edit.start]) | self._values.used(self._source.text[edit.end :])
        return _MENTION * (len(new - old - rest) - len(old - new - rest))

    def _keys(self, first: int, last: int, edit: Edit) -> Counter[_Key]:
        """(sort, form) of the lines between two positions once ``edit`` is made; a guard and its line count as one."""
        found: Counter[_Key] = Counter()
        whole = self._source.text[first : edit.start] + edit.text + self._source.text[edit.end : last]
        masked = self._masked[first : edit.start] + edit.text + self._masked[edit.end : last]
        context = self._source.line_at(edit.start) or self._source.line_at(edit.end)
        context = context or next(iter(self._source.lines), None)
        if context is None:
            return found
        guarded = set()
        for indent, condition, line in blocks(whole):
            found["block" + deep(indent), self._form(f"{condition}\n    {line}", context)[0]] += 1
            guarded.add(line)
        for raw in masked.split("\n"):
            line = raw.strip()
            if line and line not in guarded and not line.startswith(_SKIPPED):
                found[sort_of(line, len(raw) - len(raw.lstrip())), self._form(line, context)[0]] += 1
        return found

    def _part_key(self, part: Part) -> _Key:
        return part.sort, self._form(self._source.text[part.start : part.end], part.line)[0]

    def _form(self, text: str, line: Line) -> tuple[str, tuple[str, ...]]:
        return canonical(text, line, self._values)

    def _worth(self, key: _Key) -> float:
        return math.log((self._known.support.get(key, 0.0) + _UNKNOWN) / _ABSENT)


def _alike(old: set[str], fragment: Fragment) -> float:
    """From 1/e to e: how far two forms share their tokens (Jaccard)."""
    new = set(_TOKENS.findall(fragment.form))
    return math.exp(2 * len(old & new) / max(1, len(old | new)) - 1)
