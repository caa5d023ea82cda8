"""What is kept survives a kill, and damage costs no more than what it hit."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iterpref import kept

plain = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5)


@given(st.lists(st.tuples(st.text(), plain), max_size=8))
def test_what_was_added_is_read(tmp_path_factory: pytest.TempPathFactory, entries: list[tuple[str, object]]) -> None:
    path = tmp_path_factory.mktemp("kept") / "deeper" / "facts.jsonl"
    for key, value in entries:
        kept.add(path, key, value)
    assert kept.read(path) == dict(entries)


@given(st.data())
def test_a_cut_costs_one_entry_and_the_next_is_whole(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("kept") / "facts.jsonl"
    kept.add(path, "a", [1])
    whole = len(path.read_bytes())
    kept.add(path, "b", {"c": "\n"})
    cut = data.draw(st.integers(whole, len(path.read_bytes()) - 1))
    path.write_bytes(path.read_bytes()[:cut])
    kept.add(path, "d", 2)
    assert kept.read(path) == {"a": [1], "d": 2}


@pytest.mark.parametrize("line", ["[1, 2]", '["a"]', "7", '{"a": 1}', "\ufffd", "null", "[" * 100_000])
def test_lines_of_another_form_are_passed_over(tmp_path: Path, line: str) -> None:
    (tmp_path / "facts.jsonl").write_text(f'["a", 1]\n{line}')
    assert kept.read(tmp_path / "facts.jsonl") == {"a": 1}


def test_without_a_place_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    kept.add(tmp_path / "file" / "facts.jsonl", "a", 1)
    assert kept.read(tmp_path / "file" / "facts.jsonl") == {}
