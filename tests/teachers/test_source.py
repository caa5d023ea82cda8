"""Positions in program texts, and local edits."""

from __future__ import annotations

import ast

from hypothesis import given
from hypothesis import strategies as st

from iterpref.teachers.source import Edit, Source, apply

PROGRAM = '''import re

def total(xs, limit=3):
    """Sum.

    xs: numbers
    """
    # a comment
    result = 0
    for x in xs:
        if x > limit:
            result += x
    return [y for y in xs if y], result
'''


def test_edits_are_made_from_the_end_so_that_positions_hold() -> None:
    assert apply("abcdef", [Edit(1, 2, "XX", ""), Edit(4, 4, "-", ""), Edit(5, 6, "", "")]) == "aXXcd-e"


@given(st.text(alphabet="aß漢😀 ", max_size=8), st.text(alphabet="é漢😀", max_size=4))
def test_positions_count_characters_whatever_the_text_holds(comment: str, string: str) -> None:
    code = f'a = "{comment}"\r\nb = ("{string}", c + 1)\n'
    source = Source(code)
    assert source.tree is not None
    operation = next(node for node in ast.walk(source.tree) if isinstance(node, ast.BinOp))
    assert source.of(operation) == "c + 1"


def test_lines_leave_out_comments_docstrings_imports_and_headers() -> None:
    assert [line.text for line in Source(PROGRAM).lines] == [
        "result = 0",
        "for x in xs:",
        "if x > limit:",
        "result += x",
        "return [y for y in xs if y], result",
    ]


def test_a_line_knows_its_place_and_the_names_of_its_function() -> None:
    line = Source(PROGRAM).lines[2]
    assert PROGRAM[line.start : line.end] == "if x > limit:"
    assert line.indent == " " * 8
    assert line.local == ("xs", "limit", "result", "x", "y")
    assert line.params == 2


def test_names_are_visible_once_they_are_bound_and_comprehensions_keep_theirs() -> None:
    source = Source(PROGRAM)
    assert source.visible(PROGRAM.index("0\n")) == ("xs", "limit")
    assert source.visible(PROGRAM.index("result += x")) == ("xs", "limit", "result", "x")
    assert "y" in source.visible(PROGRAM.index("y for"))
    assert "y" not in source.visible(PROGRAM.index(", result"))


def test_a_text_that_does_not_parse_still_has_lines_and_names() -> None:
    source = Source("def f(xs, n=2):\n    best = xs[0\n    for x in xs:\n        best = x\n")
    assert source.tree is None
    assert [line.text for line in source.lines] == ["best = xs[0", "for x in xs:", "best = x"]
    assert source.lines[0].local == ("xs", "n", "best", "x")
    assert source.lines[0].params == 2
