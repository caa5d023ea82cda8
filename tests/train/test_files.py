from __future__ import annotations

from pathlib import Path

import pytest

from iterpref.train.files import complete_checkpoints, is_sealed, read_json, seal, write_atomically, write_json


def test_json_comes_back(tmp_path: Path) -> None:
    write_json(tmp_path / "deep" / "a.json", {"x": [1, None]})

    assert read_json(tmp_path / "deep" / "a.json") == {"x": [1, None]}
    assert read_json(tmp_path / "none.json") is None


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, 1)

    def half(place: Path) -> None:
        place.write_text("{")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, half)

    assert read_json(path) == 1


def test_only_sealed_checkpoints_are_kept(tmp_path: Path) -> None:
    for step in (10, 9, 11):
        (tmp_path / f"checkpoint-{step}").mkdir()
    for step in (10, 9):
        seal(tmp_path / f"checkpoint-{step}")
    assert is_sealed(tmp_path / "checkpoint-9")

    assert [path.name for path in complete_checkpoints(tmp_path)] == ["checkpoint-9", "checkpoint-10"]
    assert not (tmp_path / "checkpoint-11").exists()
    assert complete_checkpoints(tmp_path / "none") == []
