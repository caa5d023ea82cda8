"""Operators: each undoes one kind of mistake, and touches nothing else of the text."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iterpref.teachers.mutations import PRIOR, mutations
from iterpref.teachers.source import Source, apply

CASES = [
    # operator, wrong, right
    ("compare", "return x < y", "return x <= y"),
    ("compare", "return x in xs", "return x not in xs"),
    ("compare", "return (x)<(y)", "return (x)!=(y)"),
    ("number", "return x[0]", "return x[1]"),
    ("number", "return 3", "return -3"),
    ("constant", "return True", "return False"),
    ("constant", "return ''", "return None"),
    ("off_by_one", "return len(xs)", "return len(xs) - 1"),
    ("arithmetic", "return x + y", "return x - y"),
    ("arithmetic", "return x ** y", "return x * y"),
    ("group", "return x + y * z", "return (x + y) * z"),
    ("group", "return x * y + z", "return x * (y + z)"),
    ("boolean", "return x and y", "return x or y"),
    ("boolean", "return x and y and z", "return x and z"),
    ("call", "return sum(xs)", "return max(xs)"),
    ("call", "return any(xs)", "return all(xs)"),
    ("method", "xs.append(x)", "xs.extend(x)"),
    ("name", "return x", "return y"),
    ("negate", "while not x: return", "while x: return"),
    ("negate", "return -x", "return x"),
    ("range", "return range(x)", "return range(x + 1)"),
    ("range", "return range(0, x)", "return range(1, x)"),
    ("slice", "return x[1:]", "return x[:]"),
    ("slice", "return x[:y]", "return x[:y + 1]"),
    ("slice", "return x[0]", "return x"),
    ("swap", "return x - y", "return y - x"),
    ("swap", "return f(x, y)", "return f(y, x)"),
    ("swap", "return x if z else y", "return y if z else x"),
    ("wrap", "return x", "return sorted(x)"),
    ("wrap", "return x", "return x[::-1]"),
    ("unwrap", "return set(x)", "return x"),
    ("unwrap", "return (x + y) * z", "return (x) * z"),
    ("keyword", "return sorted(x)", "return sorted(x, reverse=True)"),
    ("keyword", "return sorted(x, key=len, reverse=True)", "return sorted(x, key=len)"),
    ("keyword", "return max(x)", "return max(x, default=0)"),
    ("assign", "x = y", "x += y"),
    ("assign", "x += y", "x -= y"),
    ("delete", "return [y for y in xs if y]", "return [y for y in xs]"),
    ("delete", "x = 1\n    return x", "return x"),
    ("move", "x = 1\n    y = x", "y = x\n    x = 1"),
    ("move", "for y in xs:\n        x = y\n        return x", "for y in xs:\n        x = y\n    return x"),
    ("move", "if x:\n        x = 1\n    y = 2", "if x:\n        x = 1\n        y = 2"),
    ("jump", "while x: break", "while x: continue"),
    ("jump", "if x:\n        x = 1", "while x:\n        x = 1"),
    ("guard", "return x[0]", "if not x:\n        return None\n    return x[0]"),
    (
        "guard",
        "for y in xs:\n        x += y",
        "for y in xs:\n        if y is None:\n            continue\n        x += y",
    ),
    ("return", "z = x", "z = x\n    return z"),
]
HEADER = 'def f(x, y, z, xs):\n    """Do it."""  # why\n    '


@pytest.mark.parametrize(("kind", "wrong", "right"), CASES)
def test_an_operator_makes_the_wrong_line_right(kind: str, wrong: str, right: str) -> None:
    code, wanted = f"{HEADER}{wrong}\n", f"{HEADER}{right}\n"
    found = {(edit.kind, apply(code, [edit])) for edit in mutations(Source(code))}
    assert (kind, wanted) in found


def test_the_cases_cover_every_operator() -> None:
    assert {kind for kind, _, _ in CASES} | {"syntax"} == set(PRIOR)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("def f(x)\n    return x\n", "def f(x):\n    return x\n"),
        ("def f(x):\n    if x\n        return 1\n", "def f(x):\n    if x:\n        return 1\n"),
        ("def f(x):\n    return len(x\n", "def f(x):\n    return len(x)\n"),
        ("def f(x):\n    y = 1\n        return y\n", "def f(x):\n    y = 1\n    return y\n"),
    ],
)
def test_a_text_that_does_not_parse_is_offered_what_may_be_missing(wrong: str, right: str) -> None:
    assert right in {apply(wrong, [edit]) for edit in mutations(Source(wrong))}


def test_what_must_not_change_is_left_alone() -> None:
    code = 'import os\n\ndef f(x: int = 1) -> "str":\n    """0 < 1"""\n    return x\n'
    for edit in mutations(Source(code)):
        assert apply(code, [edit]).startswith("import os\n\ndef f(x: int = ")
        assert '"""0 < 1"""' in apply(code, [edit])


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([right for _, _, right in CASES]), st.sampled_from(["", "# ß\n", "é = '漢'\n"]))
def test_edits_lie_in_the_text_and_change_it(body: str, head: str) -> None:
    code = f"{head}{HEADER}{body}\n"
    ast.parse(code)
    for edit in mutations(Source(code)):
        assert 0 <= edit.start <= edit.end <= len(code)
        assert apply(code, [edit]) != code
        assert edit.kind in PRIOR
