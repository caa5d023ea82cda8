"""Plain values survive JSON with their types; nothing else is let through."""

from __future__ import annotations

import enum
import json
import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iterpref.plain import NotPlain, from_json, to_json

atoms = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
    | st.complex_numbers(allow_nan=False)
)  # fmt: skip
keys = st.text() | st.integers() | st.tuples(st.integers(), st.text())
values = st.recursive(
    atoms,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(keys, inner)
        | st.sets(keys)
        | st.frozensets(keys)
    ),
    max_leaves=20,
)


def same(a: Any, b: Any) -> bool:
    """Equal, and of equal types all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return bool(a == b)


@given(values)
def test_round_trip_keeps_value_and_type(value: Any) -> None:
    assert same(from_json(json.loads(json.dumps(to_json(value)))), value)


def test_not_a_number_comes_back() -> None:
    assert math.isnan(from_json(json.loads(json.dumps(to_json(math.nan)))))


def test_integers_beyond_pythons_decimal_limit() -> None:
    number = -(10**5000) - 7
    assert from_json(json.loads(json.dumps(to_json(number)))) == number


def test_keys_that_look_like_tags_are_kept() -> None:
    assert from_json(to_json({"$tuple": [1]})) == {"$tuple": [1]}


@pytest.mark.parametrize("value", [enum.IntEnum("E", "A").A, Counter("aab"), object(), [range(3)]])  # type: ignore[attr-defined]
def test_other_types_are_refused(value: Any) -> None:
    with pytest.raises(NotPlain, match="not plain data"):
        to_json(value)


def test_an_unknown_tag_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\$code"):
        from_json({"$code": "x"})
