"""The run folder: a durable journal, its manifest, its lock, and what can be exported from it.

    run.db          SQLite (WAL): every record of every stage, one commit per finished piece of work
    manifest.json   resolved recipe, versions, seed, schema version
    export/         Parquet and JSONL made from the journal (each file replaced as a whole)
    models/         one folder per trained model

A record is (round, kind, id) -> JSON. Records are only ever added, so a stage resumes by asking which ids are there.
``PRAGMA synchronous=FULL`` makes a commit survive a power cut, not only kill -9.
"""

from __future__ import annotations

import fcntl
import importlib.metadata
import json
import os
import platform
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from iterpref import __version__
from iterpref.config import Recipe
from iterpref.errors import InputError

__all__ = ["SCHEMA_VERSION", "Drop", "Run", "decode", "encode", "versions"]

SCHEMA_VERSION = 1
T = TypeVar("T")


@dataclass(frozen=True)
class Drop:
    """Something a stage left out, and why. A dropped thing is kept with its reason."""

    stage: str
    reason: str
    detail: str = ""


@cache
def _adapter(cls: Any) -> TypeAdapter[Any]:
    return TypeAdapter(cls)


def encode(record: Any) -> str:
    """A dataclass of :mod:`iterpref.types`, or plain JSON data, as JSON text."""
    kind: Any = type(record)
    return _adapter(kind).dump_json(record).decode()


def decode(text: str, cls: type[T]) -> T:
    """The reverse of :func:`encode`."""
    kind: Any = cls
    record: T = _adapter(kind).validate_json(text)
    return record


class Run:
    """One run folder, opened by one process at a time.

    Raises:
        InputError: another process has the folder open, it was made by another schema version, or, with ``create``
            false, it is not there.
    """

    def __init__(self, path: str | Path, *, create: bool = True, read_only: bool = False) -> None:
        self.path = Path(path)
        if not (self.path / "run.db").exists() and (read_only or not create):
            raise InputError(f"{self.path}: there is no run here; give the folder named by `run:` in the recipe.")
        self._mutex = threading.Lock()
        self._lock_file = None
        if not read_only:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise InputError(
                    f"{self.path}: the run folder cannot be made ({error.strerror}); choose another `run:`."
                ) from None
            self._lock_file = _lock(self.path)
        self._db = sqlite3.connect(self.path / "run.db", check_same_thread=False, isolation_level=None, timeout=30)
        try:
            self._open_schema(read_only)
        except sqlite3.DatabaseError:
            self.close()
            raise InputError(f"{self.path}/run.db is not a readable run database; choose another run folder.") from None
        except InputError:
            self.close()
            raise

    def _open_schema(self, read_only: bool) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, SCHEMA_VERSION):
            raise InputError(
                f"{self.path} was written with run-folder schema {version}, this iterpref reads {SCHEMA_VERSION}; "
                "use the matching version of iterpref, or a new run folder."
            )
        if read_only:
            return
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS records (round INTEGER, kind TEXT, id TEXT, body TEXT NOT NULL,"
            " PRIMARY KEY (round, kind, id))"
        )
        self._db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        self._db.execute("COMMIT")

    def close(self) -> None:
        with self._mutex:  # of what another thread still writes, all or nothing
            self._db.close()
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- records ------------------------------------------------------------------------------------------------

    def put(self, kind: str, id: str, record: Any, round: int = 1) -> None:
        """Add one record, durably. A record that is already there stays as it is."""
        self.put_many([(kind, id, record)], round)

    def put_many(self, records: Iterable[tuple[str, str, Any]], round: int = 1) -> None:
        """Add records in one commit: all of them or none."""
        rows = [(round, kind, id, encode(record)) for kind, id, record in records]
        with self._transaction():
            self._db.executemany("INSERT OR IGNORE INTO records VALUES (?, ?, ?, ?)", rows)

    def replace(self, kinds: Iterable[str], records: Iterable[tuple[str, str, Any]], round: int = 1) -> None:
        """Put ``records`` in the place of all of these kinds, in one commit: for what is cheap to remake.

        ``records`` may be a stream that reads from this run; memory stays flat. They are gathered under the negative
        round, which nobody reads, so a kill or an exception on the way leaves what was there.
        """
        with self._transaction():
            self._db.execute("DELETE FROM records WHERE round=?", (-round,))
        stream = iter(records)
        while rows := [(-round, kind, id, encode(record)) for kind, id, record in islice(stream, 1000)]:
            with self._transaction():
                self._db.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)", rows)
        with self._transaction():
            for kind in kinds:
                self._db.execute("DELETE FROM records WHERE round=? AND kind=?", (round, kind))
            self._db.execute("UPDATE OR REPLACE records SET round=? WHERE round=?", (round, -round))

    def get(self, kind: str, id: str, cls: type[T], round: int = 1) -> T | None:
        with self._mutex:
            row = self._db.execute(
                "SELECT body FROM records WHERE round=? AND kind=? AND id=?", (round, kind, id)
            ).fetchone()
        return decode(row[0], cls) if row else None

    def ids(self, kind: str, round: int = 1) -> list[str]:
        """Ids in the order of insertion."""
        with self._mutex:
            rows = self._db.execute(
                "SELECT id FROM records WHERE round=? AND kind=? ORDER BY rowid", (round, kind)
            ).fetchall()
        return [row[0] for row in rows]

    def below(self, kind: str, prefix: str, cls: type[T], round: int = 1) -> list[T]:
        """Records whose ids begin with ``prefix``, in the order of their ids."""
        with self._mutex:
            rows = self._db.execute(
                "SELECT body FROM records WHERE round=? AND kind=? AND id>=? AND id<? ORDER BY id",
                (round, kind, prefix, prefix + "\U0010ffff"),
            ).fetchall()
        return [decode(row[0], cls) for row in rows]

    def items(self, kind: str, cls: type[T], round: int = 1) -> Iterator[tuple[str, T]]:
        """Stream (id, record) in the order of insertion; memory stays flat."""
        last = -1
        while True:
            with self._mutex:
                rows = self._db.execute(
                    "SELECT rowid, id, body FROM records WHERE round=? AND kind=? AND rowid>? ORDER BY rowid LIMIT 500",
                    (round, kind, last),
                ).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            for _, id, body in rows:
                yield id, decode(body, cls)

    def count(self, kind: str, round: int = 1) -> int:
        with self._mutex:
            found = self._db.execute("SELECT COUNT(*) FROM records WHERE round=? AND kind=?", (round, kind)).fetchone()
        return int(found[0])

    def rounds(self) -> list[int]:
        """Rounds that hold any record."""
        with self._mutex:
            rows = self._db.execute("SELECT DISTINCT round FROM records WHERE round > 0 ORDER BY round").fetchall()
        return [row[0] for row in rows]

    def drops(self, stage: str, round: int = 1) -> Counter[str]:
        """How often each reason of a stage led to a drop."""
        return Counter(drop.reason for _, drop in self.items("drop", Drop, round) if drop.stage == stage)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._mutex:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    # -- files beside the journal ---------------------------------------------------------------------------------

    def write_manifest(self, recipe: Recipe) -> None:
        """Save what is needed to do this run again. Secrets are never part of a recipe, so none can be saved."""
        manifest = {
            "schema_version": SCHEMA_VERSION,
            "recipe": asdict(recipe),
            "seed": recipe.seed,
            "versions": versions(),
            "platform": platform.platform(),
        }
        self.write_text("manifest.json", json.dumps(manifest, indent=2, default=list) + "\n")

    def manifest(self) -> dict[str, Any]:
        """The manifest, or an empty mapping where none was written."""
        path = self.path / "manifest.json"
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return found

    def write_text(self, name: str, text: str) -> Path:
        """Write a file of the run folder as a whole: a reader sees the old one or the new one."""
        return self.write_file(name, lambda path: path.write_text(text, encoding="utf-8"))

    def write_file(self, name: str, write: Any) -> Path:
        """As :meth:`write_text`, by a function that is given the temporary path."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.partial")
        write(temporary)
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        temporary.replace(target)
        return target

    def export_parquet(self, name: str, rows: Iterable[Mapping[str, Any]], schema: Any) -> Path:
        """Write ``export/<name>.parquet`` in row groups of 1,000, for ``datasets.load_dataset("parquet", ...)``."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        def write(path: Path) -> None:
            with pq.ParquetWriter(path, schema) as writer:
                batch: list[Mapping[str, Any]] = []
                for row in rows:
                    batch.append(row)
                    if len(batch) == 1000:
                        writer.write_table(pa.Table.from_pylist(batch, schema=schema))
                        batch = []
                writer.write_table(pa.Table.from_pylist(batch, schema=schema))

        return self.write_file(f"export/{name}.parquet", write)


def _lock(folder: Path) -> int:
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise InputError(
            f"{folder} is in use by another iterpref process; wait for it, stop it, or choose another run folder."
        ) from None
    return handle


def versions() -> dict[str, str]:
    """Of iterpref, Python and the libraries that results depend on."""
    found = {"iterpref": __version__, "python": platform.python_version()}
    for name in ("torch", "transformers", "peft", "accelerate", "datasets", "tokenizers", "pydantic"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
