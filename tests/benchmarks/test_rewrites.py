"""Each irrelevant rewrite changes the text and not what the program does."""

from __future__ import annotations

import random

import pytest

CODE = '''def pick(words, k):
    """Words of length k."""
    # look at each
    total = 0
    seen = []
    for word in words:
        if len(word) == k:
            seen.append(word)
    total += len(seen)
    print(f"{total}")
    return [word + 'x' for word in seen if not word == "ü"]
'''
WORDS = ["ab", "cd", "ü", "e", "üü"]


def run(code: str) -> object:
    space: dict[str, object] = {"print": lambda text: None}
    exec(compile(code, "rewritten", "exec"), space)
    return [space["pick"](WORDS, k) for k in (1, 2, 3)]  # type: ignore[operator]


def names() -> list[str]:
    return [
        "assignment",
        "comment",
        "comparison",
        "hint",
        "order",
        "parentheses",
        "quotes",
        "rename",
        "roll",
        "unroll",
        "variable",
    ]


def test_every_rewrite_is_tried_here() -> None:
    from rewrites import REWRITES

    assert sorted(REWRITES) == names()


@pytest.mark.parametrize("name", names())
def test_a_rewrite_does_the_same_by_other_words(name: str) -> None:
    from rewrites import REWRITES

    code = CODE.replace("ü", "u") if name == "quotes" else CODE  # quotes are changed in ASCII programs only
    made = {REWRITES[name](code, random.Random(seed)) for seed in range(20)}

    assert made - {None, code}
    assert all(run(each) == run(code) for each in made if each)


@pytest.mark.parametrize("name", names())
def test_nothing_to_rewrite_is_none(name: str) -> None:
    from rewrites import REWRITES

    assert REWRITES[name]("import os\n", random.Random(0)) is None


def test_a_variable_that_an_f_string_names_keeps_its_name() -> None:
    from rewrites import REWRITES

    made = [REWRITES["rename"](CODE, random.Random(seed)) or "" for seed in range(30)]
    assert all('f"{total}"' in each and "total = 0" in each for each in made)
    assert any("seen" not in each for each in made)


def test_a_loop_becomes_one_line_and_a_comprehension_four() -> None:
    from rewrites import REWRITES

    rolled = REWRITES["roll"](CODE, random.Random(0))
    unrolled = REWRITES["unroll"](CODE, random.Random(0))
    assert rolled is not None
    assert "    seen = [word for word in words if len(word) == k]\n    total" in rolled
    assert unrolled is not None
    assert unrolled.endswith(
        "    collected = []\n"
        "    for word in seen:\n"
        '        if not word == "ü":\n'
        "            collected.append(word + 'x')\n"
        "    return collected\n"
    )
