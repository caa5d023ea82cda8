from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from iterpref.errors import InputError
from iterpref.suites.files import File, Place, read, read_file, version_of

ROWS = [{"task_id": "a", "n": 1}, {"task_id": "b", "n": 2}]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
PLACE = Place("Bench", get="name the file", variable="BENCH_PATH", cache="bench/bench-v1.2.jsonl")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("BENCH_PATH", raising=False)
    return tmp_path / "cache"


@pytest.mark.parametrize(
    "content",
    [LINES, gzip.compress(LINES), json.dumps(ROWS).encode(), b"\n" + LINES + b"\n\n"],
    ids=["lines", "gzip", "list", "blank lines"],
)
def test_every_form_gives_the_same_rows(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tasks"
    path.write_bytes(content)
    assert [row.data for row in read_file(path).rows] == ROWS


def test_parquet_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tasks.parquet"
    parquet.write_table(pa.Table.from_pylist(ROWS), path)
    assert [row.data for row in read_file(path).rows] == ROWS


def test_the_checksum_is_of_the_uncompressed_text(tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    plain.write_bytes(LINES)
    packed.write_bytes(gzip.compress(LINES))
    assert read_file(plain).sha256 == read_file(packed).sha256 == hashlib.sha256(LINES).hexdigest()


def test_a_line_separator_inside_a_text_ends_no_line(tmp_path: Path) -> None:
    path = tmp_path / "tasks"
    path.write_text('{"prompt": "one\u2028two"}\n', encoding="utf-8")
    assert read_file(path).rows[0].take("prompt") == "one\u2028two"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"a": 1}\n{"a": \n', "line 2: not JSON"),
        (b'{"a": 1}\n[1]\n', "line 2: an object is expected, not list"),
        (b"\xff\xfe", "not UTF-8 text"),
        (b"\n", "there is no task in it"),
        (gzip.compress(LINES)[:-9], "cannot be read"),
        (b"PAR1 and no more", "cannot be read as Parquet"),
    ],
    ids=["half a line", "a list in a line", "not UTF-8", "empty", "half a gzip", "half a Parquet"],
)
def test_damage_is_told_in_one_sentence(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "tasks"
    path.write_bytes(content)
    with pytest.raises(InputError, match=told) as caught:
        read_file(path)
    assert str(path) in str(caught.value)


def test_a_field_names_its_file_line_and_type(tmp_path: Path) -> None:
    path = tmp_path / "tasks"
    path.write_bytes(LINES)
    row = read_file(path).rows[1]
    assert row.take("n", int) == 2
    assert row.take("m", int, 7) == 7
    with pytest.raises(InputError, match=r"line 2: the field 'n' must be str, not int\."):
        row.take("n")
    with pytest.raises(InputError, match=r"line 2: the field 'm' is missing \(there are: n, task_id\)\."):
        row.take("m")


def test_a_missing_file_says_where_to_get_it() -> None:
    with pytest.raises(InputError, match=r"^Bench: no file found; name the file\.$"):
        read(PLACE)


def test_a_path_goes_before_the_override_and_that_before_the_cache(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = cache / "bench" / "bench-v1.2.jsonl"
    cached.parent.mkdir(parents=True)
    for path in (tmp_path / "given", tmp_path / "override", cached):
        path.write_bytes(LINES)
    assert read(PLACE).path == str(cached)
    monkeypatch.setenv("BENCH_PATH", str(tmp_path / "override"))
    assert read(PLACE).path == str(tmp_path / "override")
    assert read(PLACE, str(tmp_path / "given")).path == str(tmp_path / "given")


def test_an_override_that_names_nothing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_PATH", "/nowhere")
    with pytest.raises(InputError, match="BENCH_PATH names /nowhere, which is no file; mend or unset it"):
        read(PLACE)


def test_what_is_fetched_is_unpacked_and_kept(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    source = tmp_path / "release.gz"
    source.write_bytes(gzip.compress(LINES))
    place = Place("Bench", get="name it", cache="bench.jsonl", url=source.as_uri())
    assert [row.data for row in read(place).rows] == ROWS
    source.unlink()
    assert (cache / "bench.jsonl").read_bytes() == LINES
    assert [row.data for row in read(place).rows] == ROWS


def test_nothing_is_fetched_offline(tmp_path: Path, cache: Path) -> None:
    source = tmp_path / "release.gz"
    source.write_bytes(gzip.compress(LINES))
    with pytest.raises(InputError, match="no file found"):
        read(Place("Bench", get="name it", cache="bench.jsonl", url=source.as_uri()))
    assert not (cache / "bench.jsonl").exists()


def test_a_broken_transfer_leaves_nothing(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    source = tmp_path / "release.gz"
    source.write_bytes(gzip.compress(LINES)[:-9])
    with pytest.raises(InputError, match="no file found"):
        read(Place("Bench", get="name it", cache="bench.jsonl", url=source.as_uri()))
    assert not (cache / "bench.jsonl").exists()


def test_a_version_is_known_by_checksum_else_by_name() -> None:
    assert version_of(File("Bench-v0.1.0.jsonl", "abc", ()), {"abc": "v9"}) == "v9"
    assert version_of(File("Bench-v0.1.0.jsonl", "abd", ()), {"abc": "v9"}) == "v0.1.0"
    assert version_of(File("Bench.jsonl", "abd", ()), {"abc": "v9"}) == ""
