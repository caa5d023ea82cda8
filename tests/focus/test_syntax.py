"""Positions of nodes in the text, and which names are bound where."""

from __future__ import annotations

import ast

import pytest

from iterpref.focus.syntax import (
    Positions,
    function_names,
    module_names,
    names_from_outside,
    outermost_functions,
    parse,
)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_positions_count_characters_whatever_the_bytes_and_the_line_ends(newline: str) -> None:
    text = newline.join(["x = 1", "é = '😀' + y", "z = é"])
    tree = parse(text)
    assert tree is not None
    positions = Positions(text)
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    assert sorted(text[slice(*positions.of(node))] for node in names) == ["x", "y", "z", "é", "é"]
    constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    assert [text[slice(*positions.of(node))] for node in constants] == ["1", "'😀'"]


@pytest.mark.parametrize("code", ["def f(:\n", "x = '\x00'\n", "(" * 500, "\ud800 = 1"])
def test_what_does_not_parse_has_no_tree(code: str) -> None:
    assert parse(code) is None


PROGRAM = """\
import os
limit = 3
def helper(a, *, b=limit):
    global count
    count = [c for c in a]
    def inner(d):
        return d
    try:
        with open(a) as e:
            pass
    except OSError as f:
        raise
    return inner
class Box:
    size = 1
    def area(self, g):
        return (h := g)
"""


def test_names_are_told_by_what_binds_them() -> None:
    tree = parse(PROGRAM)
    assert tree is not None
    assert module_names(tree) == {"limit", "helper", "Box"}
    functions = {function.name: function_names(function) for function in outermost_functions(tree)}
    assert functions == {
        "helper": {"a", "b", "c", "inner", "d", "e", "f"},
        "area": {"self", "g", "h"},
    }


def test_the_locals_of_tests_are_not_the_programs_names() -> None:
    tests = "LIMIT = 3\ndef check(candidate):\n    out = candidate(1, key=2)\n    assert helper(out) == LIMIT"
    assert names_from_outside(tests) >= {"LIMIT", "check", "helper", "key"}
    assert not names_from_outside(tests) & {"out", "candidate"}


def test_a_local_of_one_function_may_be_the_programs_name_in_another() -> None:
    tests = "def one():\n    x = 1\ndef two():\n    assert x == 2\n    return [y for y in z]"
    assert names_from_outside(tests) >= {"one", "two", "x", "z"}
    assert "y" not in names_from_outside(tests)


def test_every_word_of_tests_that_do_not_parse_is_kept() -> None:
    assert names_from_outside("assert f(x ==") == {"assert", "f", "x"}
