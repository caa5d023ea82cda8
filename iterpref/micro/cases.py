"""From a spec to its tests: inputs near every boundary, expected values by running the reference solution.

The visible cases are chosen by mutation testing: candidates are added until every local mistake of
:func:`iterpref.micro.programs.bugs_of` gives a wrong answer somewhere, if any input can tell it apart. Hidden cases are
more of the same, drawn separately, and show whether a repair has fitted the visible ones only.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from iterpref.micro.programs import bugs_of, idioms_of, program
from iterpref.micro.spec import SKIP, Spec
from iterpref.types import Case, Tests

__all__ = ["hidden_cases", "visible_cases"]

_CANDIDATES = 120
_FEWEST, _MOST = 8, 10
_HIDDEN = 30
_CPU_SECONDS = 1.0
_TOLERANCE = 1e-9  # for means
_WORDS = (
    *("a", "i", "an", "is", "on", "to", "sea", "tin", "ant", "eye", "Rose", "lion", "noon", "tent", "area"),
    *("stone", "onion", "alert", "Ideal", "tests", "orange", "silent", "letter", "Norton", "nations", "teacher"),
)

_RAISED = object()


def visible_cases(spec: Spec) -> Tests:
    """Six to ten cases that tell every possible local mistake from the reference, and the guard rules' own inputs."""
    answer = _load(spec, program(spec))
    pool = _distinct(_inputs(spec, random.Random(f"visible {spec.id}"), _CANDIDATES))
    expected = [answer(args) for args in pool]
    first = len(_special(spec))  # the guard rules' inputs come first and are always kept
    texts = {program(spec, idiom, [bug]) for bug in bugs_of(spec) for idiom in idioms_of(spec)[:2]}
    caught = []
    for text in sorted(texts):
        wrong = _load(spec, text)
        caught.append({i for i, args in enumerate(pool) if wrong(args) != expected[i]})
    chosen = list(range(first))
    alive = [found for found in caught if found and not found & set(chosen)]
    while alive and len(chosen) < _MOST:
        best = max(range(first, len(pool)), key=lambda i: sum(i in found for found in alive))
        chosen.append(best)
        alive = [found for found in alive if best not in found]
    spare = [i for i in range(first, len(pool)) if i not in chosen]
    chosen += spare[: max(0, _FEWEST - len(chosen))]
    return _tests(spec, [(pool[i], expected[i]) for i in chosen])


def hidden_cases(spec: Spec) -> Tests:
    """Thirty further cases, none of them visible (the guard rules' own inputs excepted)."""
    answer = _load(spec, program(spec))
    seen = {repr(case.args) for case in visible_cases(spec).cases} - {repr(args) for args in _special(spec)}
    inputs = _distinct(_inputs(spec, random.Random(f"hidden {spec.id}"), 2 * _HIDDEN))
    kept = [args for args in inputs if repr(args) not in seen][:_HIDDEN]
    return _tests(spec, [(args, answer(args)) for args in kept])


def _tests(spec: Spec, cases: list[tuple[tuple[Any, ...], Any]]) -> Tests:
    return Tests(
        kind="calls",
        cases=tuple(Case(args=args, expected=expected) for args, expected in cases),
        entry_point=spec.entry_point,
        tolerance=_TOLERANCE if spec.reduce_feature.gives == "float" else 0.0,
        cpu_seconds=_CPU_SECONDS,
    )


def _load(spec: Spec, text: str) -> Callable[[tuple[Any, ...]], Any]:
    """A program of this package's own making, safe to run in this process. Whatever it raises counts as one answer."""
    namespace: dict[str, Any] = {}
    exec(compile(text, spec.entry_point, "exec"), namespace)
    function = namespace[spec.entry_point]

    def call(args: tuple[Any, ...]) -> Any:
        try:
            return function(*args)
        except Exception:
            return _RAISED

    return call


def _distinct(inputs: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return list({repr(args): args for args in inputs}.values())


def _special(spec: Spec) -> list[tuple[Any, ...]]:
    """The inputs that the guard rules speak of."""
    inputs: list[tuple[Any, ...]] = [(None,)] if spec.none_rule not in ("", SKIP) else []
    if spec.empty_rule:
        empty: dict[str, tuple[Any, ...]] = {"span": (3, 2), "text": ("",), "letters": ("",), "names": ({},)}
        inputs += (
            [] if spec.source_feature.always else [empty.get(spec.source, ({} if spec.source == "scores" else [],))]
        )
    return inputs


def _inputs(spec: Spec, rng: random.Random, count: int) -> list[tuple[Any, ...]]:
    return [*_special(spec), *(_draw(spec, rng) for _ in range(count))]


def _draw(spec: Spec, rng: random.Random) -> tuple[Any, ...]:
    """One input, with values on and beside the task's constants."""
    near = [int(text) for text in spec.filter_constants + spec.reduce_constants if text.isdigit()]
    size = rng.choice((1, 2, 3, 4, 5, 5, 6, 6, 7, 8))
    number = _numbers(near, spec.source_feature.signed, rng)
    holes = spec.none_rule == SKIP

    def maybe(item: Any) -> Any:
        return None if holes and rng.random() < 0.2 else item

    if spec.source == "span":
        low = number()
        return low, low + rng.randint(0, 9) if rng.random() < 0.9 else low - 1
    if spec.source == "digits":
        return (int("".join(str(min(abs(number()), 9)) for _ in range(size))),)
    if spec.source == "letters":
        return ("".join(rng.choice(_alphabet(spec)) for _ in range(size + 2)),)
    if spec.source in ("scores", "names"):
        return ({_word(spec, rng): maybe(number()) for _ in range(size)},)
    if spec.source == "words":
        return ([maybe(_word(spec, rng)) for _ in range(size)],)
    if spec.source == "text":
        return (" ".join(_word(spec, rng) for _ in range(size)),)
    if spec.source == "pairs":
        return ([_pair(near, number, rng) for _ in range(size)],)
    if spec.source == "rows":
        return ([_row(near, number, rng) for _ in range(size)],)
    if spec.source == "neighbours":
        flat = [part for _ in range((size + 1) // 2) for part in _pair(near, number, rng)]
        return (flat,)
    return ([maybe(number()) for _ in range(size + 2 * (spec.source != "numbers"))],)


def _numbers(near: list[int], signed: bool, rng: random.Random) -> Callable[[], int]:
    def number() -> int:
        if near and rng.random() < 0.4:
            return rng.choice(near) + rng.choice((-1, 0, 0, 1))
        return rng.randint(-9 if signed and rng.random() < 0.5 else 0, 12)

    return number


def _pair(near: list[int], number: Callable[[], int], rng: random.Random) -> tuple[int, int]:
    a = number()
    others = [a, number(), number()]
    others += [step for k in near for step in (a + k, a - k, k - a, k - a + 1)]
    return a, rng.choice(others)


def _row(near: list[int], number: Callable[[], int], rng: random.Random) -> list[int]:
    row = [number() for _ in range(rng.randint(1, 5))]
    if near and rng.random() < 0.4:
        row[-1] = rng.choice(near) - sum(row[:-1])  # its sum lies on the boundary
    return row


def _word(spec: Spec, rng: random.Random) -> str:
    word = rng.choice(_WORDS)
    letters = [text for text in spec.filter_constants + spec.map_constants if text.isalpha()]
    if letters and rng.random() < 0.6:
        letter = rng.choice(letters)
        return rng.choice((letter + word, word + letter, letter + word + letter))
    lengths = [int(text) for text in spec.filter_constants if text.isdigit()]
    if lengths and rng.random() < 0.5:
        return (word * 6)[: max(1, lengths[0] + rng.choice((-1, 0, 0, 1)))]
    return word


def _alphabet(spec: Spec) -> str:
    return "aeiouAbcrstln 1 " + "".join(spec.filter_constants) * 3
