"""Which asserts become calls, and that they are judged as Python's assert judges them."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iterpref.plain import to_json
from iterpref.sandbox import Sandbox
from iterpref.sandbox.checks import Reduced
from iterpref.sandbox.compare import judge_checks
from iterpref.sandbox.reduce import reduce_tests
from iterpref.types import Outcome, Tests

PROGRAM = "def f(*args, **kwargs):\n    return args[0]\n"


def reduced(code: str, program: str = PROGRAM, kind: str = "asserts") -> Reduced | None:
    return reduce_tests(Tests(kind, code, entry_point="f"), program)  # type: ignore[arg-type]


def holds(code: str, *values: object) -> bool:
    """Whether the checks of ``code`` hold if its calls return ``values``."""
    found = reduced(code)
    assert found is not None
    failure, passed = judge_checks(found, [{"value": to_json(value)} for value in values])
    assert (failure is None) == (passed == len(found.checks))
    return failure is None


@pytest.mark.parametrize(
    "code",
    [
        "assert f(1) == 2",
        "assert 2 == f(1)",
        "assert f(1)",
        "assert not f(1, k=[2])",
        "assert f(1) is None, 'message'",
        "assert f((1, 2), {'a': {3}}) == [[0] * 5, 10 ** 9 + 7, -1.5]",
        "assert abs(f(1) - 2.5) < 1e-6",
        "import math\nassert math.isclose(f(1), 2.5, rel_tol=0.001)",
        "assert set(f(1)) == set([1, 2])",
        "assert sorted(f(1), reverse=True) == [2, 1]",
        "assert f(1)[0] == 2",
        "assert f(1) in (2, 3)",
        "assert 0 <= f(1) < 10",
        "assert f(1) == f(2)",
        "assert (f(1), f(2)) == (1, 2)",
        "assert isinstance(f(1), (int, str))",
        "x = [1, 2]\nassert f(x) == 3",
        "assert True\nassert f(1) == 2",
    ],
)
def test_straight_line_asserts_reduce(code: str) -> None:
    assert reduced(code) is not None


@pytest.mark.parametrize(
    "code",
    [
        "for x in [1]:\n    assert f(x) == 1",
        "assert f(f(1)) == 1",  # a value of the program goes back in
        "assert f(1).x == 2",
        "assert f(lambda x: x) == 2",
        "assert f(1) == 2 and f(2) == 3",  # the second call depends on the first
        "assert f(1) < f(2) < f(3)",
        "assert [f(x) for x in (1, 2)] == [1, 2]",
        "assert f(1) is not 5",
        "assert f(*[1]) == 2",
        "assert f(10 ** 10 ** 10) == 2",
        "assert f([[0]] * 3) == 2",  # one list at three places
        "assert f'{f(1)}' == '2'",
        "x = [1]\nassert f(x) == 1\nassert f(x) == 1",  # the first call may change it
        "args = 1\nassert f(args) == 1",  # the program uses the name
        "def helper():\n    assert f(1) == 2\nhelper()",
        "try:\n    f(1)\nexcept ValueError:\n    pass\nassert f(1) == 1",
        "assert f(1) == 2, f'{f(1)}'",
        "assert '%d' % f(1) == '2'",
        "assert f(1) * 2 == 4",
        "x = 1",
        "assert True",
        "assert (1 ==",
    ],
)
def test_others_do_not(code: str) -> None:
    assert reduced(code) is None


def test_a_builtin_that_the_program_defines_is_the_program_s() -> None:
    found = reduced("assert sum(1, 2) == 3", "def sum(a, b):\n    return a + b\n")
    assert found is not None
    assert [call.function for call in found.calls] == ["sum"]
    assert reduced("assert len(f(1)) == 3", "def len(x):\n    return 3\ndef f(x):\n    return x\n") is None


def test_star_import_hides_what_is_a_builtin() -> None:
    assert reduced("assert sum(f(1)) == 3", "from numpy import *\n" + PROGRAM) is None


def test_check_with_its_candidate() -> None:
    code = (
        "META = {'author': 'x'}\ndef check(candidate):\n    assert candidate(1) == 2\n    assert True, 'm'\ncheck(f)\n"
    )
    found = reduced(code, kind="check")
    assert found is not None
    assert [(call.function, call.args) for call in found.calls] == [("", [1])]  # whatever it was handed
    assert len(found.checks) == 2
    assert reduced(code.replace("check(f)", "check(g)"), kind="check") is None


@pytest.mark.parametrize(
    ("code", "value", "expected"),
    [
        ("assert f(1) == 1", True, True),  # Python's ==
        ("assert f(1) == 1", 1.0, True),
        ("assert f(1) is True", 1, False),
        ("assert f(1) == [1, 2]", (1, 2), False),
        ("assert f(1) == (1, 2)", (1, 2), True),
        ("assert f(1) == 1", float("nan"), False),
        ("assert f(1) == float('nan')", float("nan"), False),
        ("assert f(1) == {1, 2}", {2, 1}, True),
        ("assert f(1) == {1: 'a'}", {True: "a"}, True),
        ("assert f(1) == '\\ud800'", "\ud800", True),
        pytest.param("assert f(1) == 10 ** 5000", 10**5000, True, id="5000 digits"),
        ("assert abs(f(1) - 2.5) < 1e-6", 2.5000001, True),
        ("assert abs(f(1) - 2.5) < 1e-6", None, False),
        pytest.param("assert abs(f(1) - 2.5) < 1e-6", 10**5000, False, id="too large for a float"),
        ("assert f(1)[3] == 1", [1], False),
        ("assert set(f(1)) == {1}", [1] * 1000, True),
    ],
)
def test_values_are_judged_as_python_does(code: str, value: object, expected: bool) -> None:
    assert holds(code, value) is expected


def test_keys_chosen_to_collide_are_refused_at_once() -> None:
    """Each multiple of this prime has the hash 0, so that a set of them takes time by the square."""
    keys = [i * (2**61 - 1) for i in range(100_000)]
    assert holds("assert set(f(1)) == {1}", keys) is False
    found = reduced("assert f(1) == {1}")
    assert found is not None
    failure, _ = judge_checks(found, [{"value": {"$set": keys}}])
    assert failure is not None
    assert "cannot be read" in failure["feedback"]


@pytest.mark.parametrize(
    "value",
    [
        {"$int": "x"},
        {"$complex": ["a", "b"]},
        {"$bytes": 3},
        {"$dict": [[[], 1]]},
        {"$set": [[1]]},
        {"$what": 1},
        {"$tuple": 1},
    ],
)
def test_forged_encodings_are_wrong_values(value: object) -> None:
    found = reduced("assert f(1) == 1")
    assert found is not None
    failure, passed = judge_checks(found, [{"value": value}])
    assert failure is not None
    assert (failure["outcome"], passed) == ("wrong", 0)


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.0, 1.0, 2.5]) | st.sampled_from(["", "a"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.tuples(inner, inner) | st.dictionaries(st.integers(0, 2), inner, max_size=2)
    ),
    max_leaves=4,
)


@settings(max_examples=300)
@given(value=plain, expected=plain)
def test_equality_is_python_s(value: object, expected: object) -> None:
    assert holds(f"assert f(1) == {expected!r}", value) is (value == expected)


def test_what_no_plain_value_is_goes_beside_the_program(box: Sandbox) -> None:
    program = "from collections import Counter\ndef f(x):\n    return Counter(x)\n"
    assert box.judge(program, Tests("asserts", "assert f('aab') == {'a': 2, 'b': 1}")).passed
    assert box.judge(program, Tests("asserts", "assert f('aab') == {'a': 1}")).outcome is Outcome.WRONG


def test_missing_function_is_a_name_error(box: Sandbox) -> None:
    verdict = box.judge("x = 1\n", Tests("asserts", "assert f(1) == 1\nassert f(2) == 2"))
    assert (verdict.outcome, verdict.error_type, verdict.tests_total) == (Outcome.ERROR, "NameError", 2)


def test_the_program_sees_what_the_tests_import(box: Sandbox) -> None:
    program = "def f(x):\n    return math.sqrt(x)\n"
    assert box.judge(program, Tests("asserts", "import math\nassert f(4) == 2")).passed


def test_large_values_are_compared_outside_too(box: Sandbox) -> None:
    program = "def f(x):\n    return [x] * 300_000\n"
    assert box.judge(program, Tests("asserts", "assert len(f(1)) == 300000\nassert f(2)[-1] == 2")).passed
    assert box.judge(program, Tests("asserts", "assert len(f(1)) == 300001")).outcome is Outcome.WRONG


@pytest.mark.parametrize("packed", ["", "!", "eJw=", 3])
def test_forged_compression_is_a_wrong_value(packed: object) -> None:
    found = reduced("assert f(1) == 1")
    assert found is not None
    failure, _ = judge_checks(found, [{"packed": packed}])
    assert failure is not None
    assert failure["outcome"] == "wrong"


@pytest.mark.filterwarnings("error")
def test_programs_warn_nobody() -> None:
    """pytest puts its own filter before ours, so the one of the module is put back."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="<judged>")
        assert reduced("assert f('\\d') == 1", "def f(x):\n    return '\\d'\n") is not None


@pytest.mark.parametrize(
    "program",
    [
        "def len(x):\n    return 3\ndef f(x):\n    return x\n",
        "import builtins as len\ndef f(x):\n    return x\n",
        "def f(x):\n    global len\n    len = str\n    return x\n",
        "def f(x):\n    return x\n\uff4c\uff45\uff4e = str\n",  # wide letters, which Python takes for plain ones
        "from json import \\\n *\ndef f(x):\n    return x\n",
    ],
)
def test_a_builtin_that_the_program_may_bind_is_not_taken_for_python_s(program: str) -> None:
    assert reduced("assert len(f(1)) == 3", program) is None


def test_programs_whose_text_cannot_matter_are_not_parsed(box: Sandbox) -> None:
    code = "assert f(1) == 2\nassert f(2) == 3"
    assert reduced(code, "def f(x:\n") is not None
    verdict = box.judge("def f(x:\n", Tests("asserts", code, entry_point="f"))
    assert (verdict.outcome, verdict.error_type, verdict.tests_total) == (Outcome.ERROR, "SyntaxError", 2)
