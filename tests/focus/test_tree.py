"""The tree differ: what is formatting, a new name or another place is told apart from what changed."""

from __future__ import annotations

from iterpref.focus.diff import focus_spans
from iterpref.focus.lines import diff_lines
from iterpref.focus.tree import diff_tree


def told(rejected: str, chosen: str) -> list[tuple[str, str, str]]:
    return [
        (
            hunk.reason,
            rejected[hunk.rejected_start : hunk.rejected_end],
            chosen[hunk.chosen_start : hunk.chosen_end],
        )
        for hunk in diff_tree(rejected, chosen)
    ]


def test_layout_comments_and_docstrings_are_formatting() -> None:
    rejected = 'def f(x):\n    """Add."""\n    # one\n    return (x+1)\n'
    chosen = "def f(x):\n    return x + 1\n"
    assert told(rejected, chosen) == [
        ("formatting", '    """Add."""\n    # one\n', ""),
        ("formatting", "    return (x+1)\n", "    return x + 1\n"),
    ]


def test_a_renamed_variable_leaves_only_the_line_that_changed() -> None:
    rejected = "def f(xs):\n    total = 1\n    for x in xs:\n        total += x\n    return total\n"
    chosen = "def f(xs):\n    acc = 0\n    for x in xs:\n        acc += x\n    return acc\n"
    assert told(rejected, chosen) == [
        ("changed", "    total = 1\n", "    acc = 0\n"),
        ("renamed", "total", "acc"),
        ("renamed", "total", "acc"),
    ]


def test_a_function_that_stands_elsewhere_is_moved() -> None:
    helper, rest = "def g(x):\n    return x\n", "def f(x):\n    return g(x)\n"
    assert told(helper + rest, rest + helper) == [("moved", "", rest), ("moved", rest, "")]


def test_statements_that_do_not_depend_on_each_other_may_change_places() -> None:
    rejected = "def f(x):\n    a = x\n    b = 1\n    return a + b\n"
    chosen = "def f(x):\n    b = 1\n    a = x\n    return a + b\n"
    assert {reason for reason, *_ in told(rejected, chosen)} == {"moved"}


def test_where_order_matters_nothing_is_moved() -> None:
    rejected = "def f(x):\n    a = x\n    x = 1\n    return a + x\n"
    chosen = "def f(x):\n    x = 1\n    a = x\n    return a + x\n"
    assert {reason for reason, *_ in told(rejected, chosen)} == {"changed"}


def test_the_same_statement_at_another_depth_is_another() -> None:
    rejected = "def f(xs):\n    for x in xs:\n        y = 0\n        y += x\n    return y\n"
    chosen = "def f(xs):\n    y = 0\n    for x in xs:\n        y += x\n    return y\n"
    assert {reason for reason, *_ in told(rejected, chosen)} == {"changed"}


def test_decorators_match_and_else_lines_belong_to_the_whole() -> None:
    rejected = "@d\ndef f(x):\n    if x:\n        return 1\n    else:\n        return 2\n"
    assert told(rejected, rejected.replace("@d", "@e")) == [
        ("changed", "@d\ndef f(x):\n", "@e\ndef f(x):\n"),
    ]
    assert told(rejected, rejected.replace("return 2", "return 3")) == [
        ("changed", "        return 2\n", "        return 3\n"),
    ]


def test_what_does_not_parse_is_compared_by_lines() -> None:
    rejected, chosen = "def f(x:\n    return x\n", "def f(x):\n    return x\n"
    assert diff_tree(rejected, chosen) == diff_lines(rejected, chosen)


def test_differences_beside_the_point_become_spans_without_weight() -> None:
    rejected = "def f(x):\n    y = x\n    # one\n    return y\n"
    chosen = "def f(x):\n    y = x\n    return y + 1\n"
    of_rejected, of_chosen = focus_spans(diff_tree(rejected, chosen))
    assert [(span.reason, span.weight) for span in of_rejected] == [("formatting", 0), ("changed", 1)]
    assert [(span.reason, span.weight) for span in of_chosen] == [("changed", 1)]
