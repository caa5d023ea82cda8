"""What two evaluations say beside their scores, counted by hand."""

from __future__ import annotations

from typing import Any

import pytest

from iterpref.evaluate.analysis import (
    breakdown,
    difference,
    distance_to_a_pass,
    error_types,
    flips,
    near_passes,
    solved,
    tags_of,
)
from iterpref.stats import bootstrap, share


def result(tasks: dict[str, str], **tags: dict[str, list[str]]) -> dict[str, Any]:
    """A letter a sample: + passes both parts, b only base, - wrong, k KeyError, n a KeyError one place from a pass."""
    kinds = {"+": "passes", "b": "wrong answer", "-": "wrong answer", "k": "KeyError", "n": "KeyError"}
    passed = {"+": ["base", "plus"], "b": ["base"]}
    return {
        "tasks": [
            {
                "task_id": id,
                "tags": {name: values[id] for name, values in tags.items() if id in values},
                "samples": [
                    {
                        "kind": kinds[letter],
                        "passed": passed.get(letter, []),
                        "feedback": "" if letter == "+" else f"it  said\n{letter}",
                        "program": f"{id}{letter}",
                        **({"hunks": 1 if letter == "n" else None} if letter != "+" else {}),
                    }
                    for letter in letters
                ],
            }
            for id, letters in tasks.items()
        ]
    }


def test_a_difference_by_hand() -> None:
    first = result({"a": "+", "b": "-", "c": "-", "d": "+", "only": "+"})
    second = result({"d": "+", "c": "+", "b": "b", "a": "k"})
    found = difference(first, second, "plus")
    assert (found.won, found.lost) == (("c",), ("a",))
    assert (found.pass_at_1.value, found.pass_at_1.count) == (0.0, 4)
    assert found.p_value == 1.0
    base = difference(first, second, "base")
    assert (base.won, base.lost) == (("b", "c"), ("a",))
    assert base.pass_at_1.value == 0.25  # (-1 + 1 + 1 + 0) / 4
    assert base.p_value == 1.0  # 2 * (1 + 3) / 8


def test_eight_tasks_won_and_none_lost_is_no_chance() -> None:
    first = result({f"t{n}": "-" for n in range(20)})
    second = result({f"t{n}": "+" if n < 8 else "-" for n in range(20)})
    found = difference(first, second, "plus")
    assert found.p_value == 2 / 2**8
    assert found.pass_at_1.value == 0.4
    assert 0.15 <= found.pass_at_1.low <= 0.25  # the 2.5 % quantile of Binomial(20, 0.4) / 20 is 4 / 20
    assert 0.55 <= found.pass_at_1.high <= 0.65


def test_with_several_samples_rates_differ_and_tasks_flip_where_the_first_pass_comes_or_goes() -> None:
    first, second = result({"a": "+---", "b": "----", "c": "++--"}), result({"a": "+++-", "b": "+---", "c": "----"})
    found = difference(first, second, "plus")
    assert found.pass_at_1.value == pytest.approx((0.5 + 0.25 - 0.5) / 3)
    assert (found.won, found.lost) == (("b",), ("c",))
    assert solved(first, "plus") == {"a": True, "b": False, "c": True}


def test_without_a_common_task_there_is_nothing_to_compare() -> None:
    with pytest.raises(ValueError, match="at least one task"):
        difference(result({"a": "+"}), result({"b": "+"}), "plus")


def test_error_types_side_by_side() -> None:
    first, second = result({"a": "+", "b": "k", "c": "k", "d": "-"}), result({"a": "+", "b": "+", "c": "-", "d": "-"})
    assert error_types(first, second) == [("passes", [1, 2]), ("wrong answer", [1, 2]), ("KeyError", [2, 0])]
    assert error_types(first) == [("passes", [1]), ("KeyError", [2]), ("wrong answer", [1])]


def test_flips_show_how_both_ended() -> None:
    won, lost = flips(result({"a": "+", "b": "k-"}), result({"a": "b", "b": "-+"}), "plus")
    assert (won.task_id, won.won, won.before, won.after) == ("b", True, "KeyError: it said k", "passes")
    assert (won.first, won.second) == ("bk", "b+")
    assert (lost.task_id, lost.won, lost.before, lost.after) == ("a", False, "passes", "wrong answer: it said b")


TRACEBACK = (
    'Traceback (most recent call last):\n  File "tests.py", line 3, in test_two\n    self.assertEqual(f(1), "a")\n'
)


@pytest.mark.parametrize(
    ("feedback", "told"),
    [
        (f"{TRACEBACK}AssertionError: 'b' != 'a'\n- b\n+ a\n", "KeyError: AssertionError: 'b' != 'a' - b + a"),
        (f"{TRACEBACK}KeyError: 3", "KeyError: 3"),
        (f"f(1) raised an exception\n{TRACEBACK}KeyError: 3", "KeyError: f(1) raised an exception KeyError: 3"),
        (
            'File "program.py", line 2\n    x = (\n        ^\nSyntaxError: never closed',
            "KeyError: SyntaxError: never closed",
        ),
        ("Traceback (most recent call last):", "KeyError: Traceback (most recent call last):"),
        ("", "KeyError"),
    ],
)
def test_of_a_traceback_a_flip_tells_the_exception_and_keeps_the_rest(feedback: str, told: str) -> None:
    first, second = result({"a": "k"}), result({"a": "+"})
    first["tasks"][0]["samples"][0]["feedback"] = feedback
    (flip,) = flips(first, second, "plus")
    assert (flip.before, flip.feedback) == (told, feedback)


def test_a_breakdown_counts_a_task_under_each_of_its_values() -> None:
    libs = {"a": ["numpy"], "b": ["numpy", "pandas"], "c": ["pandas"]}
    found = result({"a": "+", "b": "+", "c": "-", "d": "-"}, libs=libs)
    assert breakdown(found, "plus", "libs") == {"numpy": share(2, 2), "pandas": share(1, 2)}
    assert tags_of(found) == ["libs"]


def test_a_breakdown_of_several_samples_is_their_share() -> None:
    found = result({"a": "+---", "b": "++++", "c": "----"}, level={"a": ["hard"], "b": ["hard"], "c": ["easy"]})
    hard, easy = (breakdown(found, "plus", "level")[value] for value in ("hard", "easy"))
    assert (hard.value, hard.count, easy.value) == (0.625, 2, 0.0)
    assert hard == bootstrap([0.25, 1.0])
    assert easy == share(0, 1)  # four times nothing of one task is no certainty


def test_near_passes_are_counted_among_failures() -> None:
    assert near_passes(result({"a": "+n", "b": "nk", "c": "-"})) == (2, 4)


PASSING = """\
def total(numbers):
    found = 0
    for n in numbers:
        found += n
    return found
"""


@pytest.mark.parametrize(
    ("wrong", "hunks"),
    [
        (PASSING.replace("+= n", "-= n"), 1),
        (PASSING.replace("+= n", "-= n").replace("= 0", "= 1"), 2),
        (PASSING.replace("+= n", "-= n").replace("found", "result"), 1),  # names do not count
        ("def total(numbers):\n    return len(numbers)\n", None),  # written anew
        ('def total(numbers):\n    """Add\n\n    them all up, as it were."""\n    return len(numbers)\n', None),
        (PASSING.replace("+= n", "-= n  # add").replace("    found = 0", '    "Add."\n    found = 0'), 1),
        ("def total(numbers:\n    return sum(numbers)\n", None),
        ("", None),
    ],
)
def test_the_distance_to_a_pass(wrong: str, hunks: int | None) -> None:
    assert distance_to_a_pass(wrong, [PASSING]) == hunks


def test_the_nearest_pass_counts_and_without_one_there_is_no_distance() -> None:
    wrong = PASSING.replace("+= n", "-= n").replace("= 0", "= 1")
    assert distance_to_a_pass(wrong, [PASSING, PASSING.replace("= 0", "= 1")]) == 1
    assert distance_to_a_pass(wrong, []) is None
