from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iterpref.suites.extract import program_in, script_in

DOUBLE = "def double(x):\n    return 2 * x"


def run(program: str, name: str = "double", *arguments: Any) -> Any:
    namespace: dict[str, Any] = {"__name__": "program"}
    exec(program, namespace)
    return namespace[name](*arguments)


@pytest.mark.parametrize(
    "answer",
    [
        DOUBLE,
        f"Here's the code:\n```python\n{DOUBLE}\n```\nIt doesn't change `x`.",
        f"Here's the code:\n\n{DOUBLE}\n\nThat's it: it doesn't do more.",
        f"```\n{DOUBLE}\n```",
        f"~~~py\n{DOUBLE}\n~~~",
        f"{DOUBLE}\n```\n\nThe function doubles.",
        f"Code:\n```python\n{DOUBLE}",
        "1. Do this:\n   ```python\n   def double(x):\n       return 2 * x\n   ```\n2. Done.",
        f"```python\n{DOUBLE}\n```\nOutput:\n```\ndouble: 4\n```\nUse:\n```python\ndouble(2)\n```",
        f"```python\n{DOUBLE}\nprint(double(input()))\nassert double(1) == 3\n```",
        f'```python\n{DOUBLE}\nif __name__ == "program":\n    raise SystemExit\n```',
        f'{DOUBLE}\n\ndef triple(x):\n    """Cut off here',
        f"{DOUBLE}\n\nimport unittest\nunittest.main()",
        f"{DOUBLE}; raise SystemExit",
        DOUBLE.replace("\n", "\r\n"),
        "double = lambda x: 2 * x",
        "from operator import mul\nfrom functools import partial\ndouble = partial(mul, 2)",
        f'def double(x):\n    """Return twice x."""\n\n{DOUBLE}',
        f'{DOUBLE}\n\ndef double(x):\n    """Begun once more."""\n',
    ],
)
def test_the_function_is_found(answer: str) -> None:
    assert run(program_in(answer, "double"), "double", 4) == 8


@pytest.mark.parametrize(
    "code",
    [
        "import functools\n\n@functools.lru_cache(None)\ndef double(x):\n    return 2 * x",
        "def add(x, into):\n    into.append(2 * x)\n\ndef double(x):\n    got = []\n    add(x, got)\n    return got[0]",
        "FACTOR = []\n\ndef fill():\n    FACTOR.append(2)\n\nfill()\n\ndef double(x):\n    return FACTOR[0] * x",
        "T = {}\nfor i in range(9):\n    T[i] = 2 * i\n\ndef double(x):\n    return T[x]",
        "T = {}\nT.update({4: 8})\n\ndef double(x):\n    return T[x]",
        "try:\n    from math import prod as p\nexcept ImportError:\n    p = 1\n\ndef double(x):\n    return p([2, x])",
        "class Two:\n    value: int = 2\n\ndef double(x):\n    return Two.value * x",
        "import sys\nsys.setrecursionlimit(3000)\n\ndef double(x):\n    return x and 2 + double(x - 1)",
        "def outer():\n    global F\n    F = 2\n\nouter()\n\ndef double(x):\n    return F * x",
    ],
)
def test_what_the_function_needs_is_kept(code: str) -> None:
    assert run(program_in(f"Look:\n```python\n{code}\n```", "double"), "double", 4) == 8


def test_helpers_in_a_block_of_their_own_are_kept() -> None:
    answer = f"First:\n```python\nTWO = 2\n```\nThen:\n```python\n{DOUBLE.replace('2', 'TWO')}\n```"
    assert run(program_in(answer, "double"), "double", 4) == 8


def test_of_two_blocks_with_the_function_the_longer_counts() -> None:
    longer = "def double(x):\n    result = x\n    result += x\n    return result"
    assert program_in(f"```python\n{DOUBLE}\n```\nor\n```python\n{longer}\n```", "double") == longer + "\n"


def test_names_that_the_tests_use_are_kept() -> None:
    code = f"{DOUBLE}\n\ndef half(x):\n    return x / 2\n"
    assert "half" not in program_in(code, "double")
    assert run(program_in(code, "double", also={"half"}), "half", 4) == 2


def test_a_body_alone_continues_the_prompt() -> None:
    prompt = 'def double(x):\n    """Twice x."""\n'
    assert run(program_in("```python\n    y = x\n    return y + x\n```", "double", prompt), "double", 4) == 8


def test_lines_are_kept_as_they_are() -> None:
    code = 'def double(x):\n    # two times\n    return (  2*x )\n\n\nTEXT = """\n  kept\n"""'
    assert "    # two times\n    return (  2*x )" in program_in(code, "double")


def test_where_there_is_no_function_the_longest_code_comes_back() -> None:
    assert program_in("no code at all, isn't it", "double") == "no code at all, isn't it"
    assert program_in("Well:\n```python\ndef other(x):\n    return x\n```", "double") == "def other(x):\n    return x\n"


def test_a_script_is_the_last_block_that_parses() -> None:
    assert script_in("```python\na = 1\n```\nthen\n```python\nprint(1)\n```\nprints\n```\n1 2 3\n```") == "print(1)\n"
    assert script_in("print(1)") == "print(1)"


@given(st.text(alphabet="`~ab (:\n\"'\t#=xdef", max_size=60))
def test_any_text_gives_a_text(answer: str) -> None:
    assert isinstance(program_in(answer, "f", "def f(x):\n"), str)
    assert isinstance(script_in(answer), str)
