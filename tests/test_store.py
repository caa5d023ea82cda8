"""The run folder keeps what was committed, whatever happens to the process."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from iterpref.errors import InputError
from iterpref.store import Drop, Run, decode, encode
from iterpref.types import Case, Span, Task, Tests


def test_types_survive_with_tuples_sets_and_infinities() -> None:
    task = Task("t", "p", Tests("calls", cases=(Case(((1, 2), {3}), float("inf")),), entry_point="f"), features=("a",))
    assert decode(encode(task), Task) == task


def test_records_stay_in_order_and_are_never_overwritten(tmp_path: Path) -> None:
    with Run(tmp_path / "r") as run:
        run.put("drop", "b", Drop("s", "first"))
        run.put("drop", "a", Drop("s", "second"))
        run.put("drop", "b", Drop("s", "third"))
        assert run.ids("drop") == ["b", "a"]
        assert [drop.reason for _, drop in run.items("drop", Drop)] == ["first", "second"]
        assert run.drops("s") == {"first": 1, "second": 1}


def test_rounds_are_apart(tmp_path: Path) -> None:
    with Run(tmp_path / "r") as run:
        run.put("span", "x", Span(0, 1), round=2)
        assert run.get("span", "x", Span, round=1) is None
        assert run.get("span", "x", Span, round=2) == Span(0, 1)
        assert run.rounds() == [2]


def test_below_takes_a_prefix_and_nothing_beside_it(tmp_path: Path) -> None:
    with Run(tmp_path / "r") as run:
        for id in ("a/1", "a/0", "ab/0", "a", "b/0"):
            run.put("span", id, Span(0, 0, reason=id))
        assert [span.reason for span in run.below("span", "a/", Span)] == ["a/0", "a/1"]


def test_more_records_than_one_page_stream_once_each(tmp_path: Path) -> None:
    with Run(tmp_path / "r") as run:
        run.put_many(("span", f"{n}", Span(n, n)) for n in range(1234))
        assert [span.start for _, span in run.items("span", Span)] == list(range(1234))


def test_replace_is_all_or_nothing(tmp_path: Path) -> None:
    with Run(tmp_path / "r") as run:
        run.put("span", "old", Span(0, 1))

        def broken() -> object:
            yield ("span", "new", Span(0, 2))
            raise RuntimeError("half way")

        with pytest.raises(RuntimeError):
            run.replace(("span",), broken())  # type: ignore[arg-type]
        assert run.ids("span") == ["old"]
        run.replace(("span",), [("span", "new", Span(0, 2))])
        assert run.ids("span") == ["new"]


def test_replace_streams_from_the_run_itself(tmp_path: Path) -> None:
    with Run(tmp_path / "r") as run:
        run.put_many(("span", f"{n}", Span(n, n)) for n in range(2500))
        run.put("other", "stays", Span(0, 0))
        made = (("span", id, Span(span.start, span.end + 1)) for id, span in run.items("span", Span))
        run.replace(("span",), made)
        assert [(span.start, span.end) for _, span in run.items("span", Span)] == [(n, n + 1) for n in range(2500)]
        assert run.ids("other") == ["stays"]
        assert run.rounds() == [1]


def test_a_replace_that_was_cut_off_leaves_nothing_for_the_next(tmp_path: Path) -> None:
    def cut_off() -> Iterator[tuple[str, str, Span]]:
        yield from (("span", f"stale {n}", Span(0, 1)) for n in range(1500))
        raise KeyboardInterrupt

    with Run(tmp_path / "r") as run:
        with pytest.raises(KeyboardInterrupt):
            run.replace(("span",), cut_off())
        assert run.rounds() == []
        run.replace(("span",), [("span", "new", Span(0, 2))])
        assert run.ids("span") == ["new"]


def test_a_second_process_is_refused_with_a_sentence(tmp_path: Path) -> None:
    code = f"from iterpref.store import Run\nRun({str(tmp_path / 'r')!r})"
    with Run(tmp_path / "r"):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        assert "in use by another iterpref process" in done.stderr
        Run(tmp_path / "r", read_only=True).close()
    Run(tmp_path / "r").close()


def test_kill_9_while_writing_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom iterpref.store import Run\nfrom iterpref.types import Span\n"
        f"run = Run({str(tmp_path / 'r')!r})\n"
        "for n in range(10**6):\n    run.put('span', f'{n:07d}', Span(n, n))\n    print(n, flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(50)]
    time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    last = int((told + process.stdout.readlines())[-1])
    process.wait()
    with Run(tmp_path / "r") as run:
        starts = [span.start for _, span in run.items("span", Span)]
    assert starts == list(range(len(starts)))
    assert last < len(starts) <= last + 2


def test_another_schema_version_is_refused(tmp_path: Path) -> None:
    Run(tmp_path / "r").close()
    with sqlite3.connect(tmp_path / "r" / "run.db") as db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(InputError, match="schema 99"):
        Run(tmp_path / "r")


def test_a_damaged_database_and_a_missing_run_are_sentences(tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "run.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(InputError, match="not a readable run database"):
        Run(tmp_path / "r")
    with pytest.raises(InputError, match="there is no run here"):
        Run(tmp_path / "nothing", read_only=True)


def test_parquet_is_read_by_datasets(tmp_path: Path) -> None:
    import datasets

    schema = pa.schema([("id", pa.string()), ("n", pa.int32())])
    with Run(tmp_path / "r") as run:
        path = run.export_parquet("t", ({"id": str(n), "n": n} for n in range(2500)), schema)
    rows = datasets.load_dataset("parquet", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))
    assert rows["n"] == list(range(2500))


def test_files_are_replaced_as_a_whole(tmp_path: Path) -> None:
    with Run(tmp_path / "r") as run:
        run.write_text("a.md", "old")

        def fail(path: Path) -> None:
            path.write_text("ha")
            raise OSError("disk full")

        with pytest.raises(OSError, match="disk full"):
            run.write_file("a.md", fail)
        assert (tmp_path / "r" / "a.md").read_text() == "old"
