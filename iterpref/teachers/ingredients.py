"""What passing programs of similar tasks are made of (search teacher).

A line or expression is stored in a *form* that fits other programs: parameters become ``$P0``, other local names
``$0``, ``$1`` by first use, numbers and quoted words of the task's own prompt ``$n`` and ``$s``. How well a form suits
a task follows from its shares among the known tasks with each of the task's features, words and pairs of words. This
is the plastic-surgery hypothesis of program repair, with the task's text as the guide.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from iterpref.teachers.source import Line, Source
from iterpref.types import Task

__all__ = [
    "HOLE",
    "Fragment",
    "Ingredients",
    "Part",
    "PromptValues",
    "Suggestions",
    "blocks",
    "canonical",
    "deep",
    "fill",
    "mask",
    "parts",
    "sort_of",
]

_TOKEN = re.compile(r"(?<![\w.])(\d+)(?![\w.])|('[^'\\\n]*'|\"[^\"\\\n]*\")|(?<![\w.])([A-Za-z_]\w*)")
_SLOT = re.compile(r"\$(P?\d+|n|s)")
_NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.]*\w)")
_QUOTED = re.compile(r"(?<!\w)'([^'\n]{1,20})'|\"([^\"\n]{1,20})\"|(?<![\w'])([a-zA-Z])(?![\w'])")
HOLE = "\0"
_HOLES = re.compile("\0+")
_GUARD = re.compile(r"(?m)^([ \t]*)(if .*:)[ \t]*\n([ \t]*)(\S.*)$")
_FEW = 3  # tasks that a feature needs to say anything
_KEPT = 60  # fragments of a sort offered for one task
_COMMON = ("0", "1")  # numbers that say nothing about the task


@dataclass(frozen=True)
class PromptValues:
    """Numbers, quoted words and single letters of a prompt, each once, in order."""

    numbers: tuple[str, ...]
    strings: tuple[str, ...]

    @classmethod
    def of(cls, prompt: str) -> PromptValues:
        numbers = [text for text in _NUMBER.findall(prompt) if text not in _COMMON]
        strings = [first or second or letter for first, second, letter in _QUOTED.findall(prompt)]
        return cls(tuple(dict.fromkeys(numbers)), tuple(dict.fromkeys(strings)))

    def used(self, text: str) -> set[str]:
        """Those that ``text`` holds as a number or a string."""
        found = set()
        for number, string, _ in _TOKEN.findall(text):
            if number in self.numbers or string[1:-1] in self.strings:
                found.add(number or string[1:-1])
        return found


@dataclass(frozen=True)
class Fragment:
    """A form, the names it was last seen with, and how well it suits the task asked about (0 to 1)."""

    form: str
    names: tuple[str, ...]
    support: float


@dataclass(frozen=True)
class Suggestions:
    """What is known for one task: support by (sort, form), and fragments by sort, best first."""

    support: dict[tuple[str, str], float] = field(default_factory=dict)
    fragments: dict[str, list[Fragment]] = field(default_factory=dict)


def canonical(text: str, line: Line, values: PromptValues) -> tuple[str, tuple[str, ...]]:
    """The form of ``text``, which stands in ``line``, and the local names behind ``$0``, ``$1``, ..."""
    names: list[str] = []

    def replace(match: re.Match[str]) -> str:
        number, string, name = match.groups()
        if number is not None:
            return "$n" if number in values.numbers else number
        if string is not None:
            return f"{string[0]}$s{string[0]}" if string[1:-1] in values.strings else str(string)
        if name not in line.local:
            return str(name)
        index = line.local.index(name)
        if index < line.params:
            return f"$P{index}"
        if name not in names:
            names.append(name)
        return f"${names.index(name)}"

    return _HOLES.sub("…", _TOKEN.sub(replace, text)), tuple(names)


def fill(
    fragment: Fragment, line: Line, visible: Sequence[str], old: Sequence[str], values: PromptValues, limit: int = 4
) -> Iterator[str]:
    """Texts that the fragment becomes in ``line``, likeliest first, ``limit`` at most.

    Its own names where they exist there, then the names ``old`` of the text it replaces, then whatever is ``visible``.
    """
    form, params = fragment.form, line.local[: line.params]
    slots = list(dict.fromkeys(_SLOT.findall(form)))
    choices: list[list[str]] = []
    for slot in slots:
        if slot == "n":
            choices.append(list(values.numbers))
        elif slot == "s":
            choices.append(list(values.strings))
        elif slot.startswith("P"):
            index = int(slot[1:])
            choices.append([params[index]] if index < len(params) else list(params))
        else:
            index = int(slot)
            own = fragment.names[index]
            # bound here: an assignment's target, or a comprehension's or loop's variable
            bound = re.match(rf"\${index} \W?= ", form) or re.search(rf"\bfor [^:]*\${index}\b[^:]* in ", form)
            known = [name for name in visible if name not in params]
            first = [own] if bound or own in known else []
            choices.append(list(dict.fromkeys([*first, *old[index : index + 1], *known[:6]])))
    found: dict[str, None] = {}
    for picks in itertools.islice(itertools.product(*choices), 64):
        mapping = dict(zip(slots, picks, strict=True))
        found.setdefault(_SLOT.sub(lambda match, mapping=mapping: mapping[match[1]], form))  # type: ignore[misc]
        if len(found) == limit:
            break
    yield from found


class Ingredients:
    """The pool. What it offers depends on what was added, not on the order."""

    def __init__(self) -> None:
        self._features: dict[str, set[str]] = defaultdict(set)  # feature -> tasks
        self._forms: dict[str, set[tuple[str, str]]] = defaultdict(set)  # task -> (sort, form)
        self._seen: set[tuple[str, str]] = set()
        self._names: dict[tuple[str, str], tuple[str, ...]] = {}
        self._counts: dict[str, tuple[int, Counter[tuple[str, str]]]] | None = None
        self._base: Counter[tuple[str, str]] = Counter()
        self._answers: dict[tuple[str, str], Suggestions] = {}

    def __len__(self) -> int:
        """Tasks with at least one program."""
        return len(self._forms)

    def add(self, task: Task, code: str) -> None:
        """Take a passing program apart. A form counts once a task, however many of its programs hold it."""
        if (task.id, code) in self._seen:
            return
        self._seen.add((task.id, code))
        source, values = Source(code), PromptValues.of(task.prompt)
        for sort, text, line in _fragments(source):
            if "$" in text or "…" in text or len(text) > 120:
                continue
            form, names = canonical(text, line, values)
            self._forms[task.id].add((sort, form))
            self._names[sort, form] = min(self._names.get((sort, form), names), names)
        for feature in _features(task):
            self._features[feature].add(task.id)
        self._counts = None
        self._answers.clear()

    def suggest(self, task: Task) -> Suggestions:
        """What passing programs of tasks like ``task`` hold."""
        key = (task.id, task.prompt)
        if key not in self._answers:
            self._answers[key] = self._suggest(task)
        return self._answers[key]

    def _suggest(self, task: Task) -> Suggestions:
        if self._counts is None:
            self._counts = {
                feature: (len(tasks), Counter(key for name in tasks for key in self._forms[name]))
                for feature, tasks in self._features.items()
                if len(tasks) >= _FEW
            }
            self._base = Counter(key for keys in self._forms.values() for key in keys)
        known = [self._counts[feature] for feature in _features(task) if feature in self._counts]
        best: dict[tuple[str, str], float] = {}
        for key in set().union(*(counts for _, counts in known)):
            # A share is drawn towards that among all tasks, by one task that holds the form. The largest says how well
            # a feature explains the form, the smallest how far another feature speaks against it.
            base = self._base[key] / len(self._forms)
            largest = smallest = base
            for size, counts in known:
                share = (counts[key] + 1) / (size + 1 / base)
                largest, smallest = max(largest, share), min(smallest, share)
            best[key] = largest * smallest / base
        fragments: dict[str, list[Fragment]] = defaultdict(list)
        for (sort, form), share in sorted(best.items(), key=lambda item: (-item[1], item[0])):
            if len(fragments[sort]) < _KEPT:
                fragments[sort].append(Fragment(form, self._names[sort, form], share))
        return Suggestions(best, dict(fragments))


def deep(indent: int) -> str:
    """What marks the sort of a line or block that is not at the function's own level."""
    return "+" if indent > 4 else ""


def _features(task: Task) -> set[str]:
    words = re.findall(r"[a-z]+|\d+", task.prompt.lower())
    return {*task.features, *words, *(" ".join(pair) for pair in itertools.pairwise(words))}


def sort_of(text: str, indent: int) -> str:
    """The sort of a line: header or simple, with a ``+`` inside a block of the function."""
    return ("header" if text.endswith(":") else "simple") + deep(indent)


def blocks(text: str) -> Iterator[tuple[int, str, str]]:
    """(indent, condition, line) of every condition that guards a single line."""
    for match in _GUARD.finditer(text):
        outer, condition, inner, line = match.groups()
        if len(inner) > len(outer) and not line.endswith(":"):
            yield len(outer), condition, line


def _fragments(source: Source) -> Iterator[tuple[str, str, Line]]:
    """(sort, text, line it starts on) of the lines, with parts left out, of guards in full, and of the parts."""
    masked = mask(source)
    for line in source.lines:
        yield sort_of(line.text, len(line.indent)), masked[line.start : line.end], line
    for match in _GUARD.finditer(source.text):
        around = source.line_at(match.start(2))
        for indent, condition, guarded in blocks(match[0]) if around else ():
            yield "block" + deep(indent), f"{condition}\n    {guarded}", around  # type: ignore[misc]
    for part in parts(source):
        yield part.sort, source.text[part.start : part.end], part.line


@dataclass(frozen=True)
class Part:
    """An expression that others of its sort may replace. Sorts: test, filter, iter, element.

    A filter decides about an item, a test about everything else; an element goes into a list, by a comprehension or
    by ``append``. So the loop and the comprehension that say the same share their parts.
    """

    sort: str
    start: int
    end: int
    line: Line


def parts(source: Source) -> list[Part]:
    """The parts that stand on one line, outer before inner."""
    found = []
    for sort, node in _part_nodes(source.tree):
        start, end = source.span(node)
        line = source.line_at(start)
        if line is not None and end <= line.end:
            found.append(Part(sort, start, end, line))
    return found


def _part_nodes(tree: ast.Module | None) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.If):
            yield ("filter" if node.col_offset > 4 else "test"), node.test
        if isinstance(node, ast.While | ast.IfExp):
            yield "test", node.test
        if isinstance(node, ast.comprehension):
            yield from (("filter", test) for test in node.ifs)
        if isinstance(node, ast.For | ast.comprehension):
            yield "iter", node.iter
        if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp):
            yield "element", node.elt
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "append" and len(node.args) == 1:
            yield "element", node.args[0]


def mask(source: Source) -> str:
    """The text with :data:`HOLE` in place of every character of a part."""
    text = source.text
    for part in parts(source):
        text = text[: part.start] + HOLE * (part.end - part.start) + text[part.end :]
    return text
