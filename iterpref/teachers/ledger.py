"""The ledger of an endpoint's answers: what was paid for is on disk before anything else happens with it.

    calls.db    SQLite (WAL), in the run folder, under the run folder's lock
      answers   one row and one durable commit for each response: body, usage, latency, finish reason
      sent      how often each request left; committed before it leaves, without waiting for the disk
      faults    tries that gave no answer, by kind

It is a file of its own, not part of ``run.db``: a stage may make its records anew, but never an answer; and a copied
``calls.db`` gives another run folder everything that was paid for. The key of an answer is a hash of the whole request
body and the sample index, so the same question is never asked twice. Address, key and headers are not stored.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iterpref.errors import InputError

__all__ = ["LEDGER", "Answer", "Ledger", "Malformed", "Spent", "read_answer", "request_key"]

LEDGER = "calls.db"
_SCHEMA_VERSION = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, purpose TEXT, subject TEXT, sample INTEGER, model TEXT, answered_by TEXT, finish_reason TEXT,
    prompt_tokens INTEGER, cached_tokens INTEGER, completion_tokens INTEGER, seconds REAL, at REAL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sent (key TEXT PRIMARY KEY, times INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS faults (key TEXT, kind TEXT, times INTEGER NOT NULL, PRIMARY KEY (key, kind));
"""


class Malformed(ValueError):
    """A response that holds no answer; the message says why."""


@dataclass(frozen=True)
class Answer:
    """What a response says. Token counts are None where the server gives none."""

    text: str
    finish_reason: str = ""
    answered_by: str = ""  # the model's name as the server writes it
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Spent:
    """Answers of one purpose and model, added up. ``uncounted`` answers came without token counts."""

    purpose: str
    model: str
    answers: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    uncounted: int
    seconds: float


def request_key(body: Mapping[str, Any], sample: int) -> str:
    """The name of a question: a hash of every field of the request body and of the sample index."""
    text = json.dumps([body, sample], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def read_answer(body: str, seconds: float = 0.0) -> Answer:
    """Read a response body of the chat-completions protocol.

    Raises:
        Malformed: it is no JSON object, holds no choice, or a field has the wrong type.
    """
    try:
        data = json.loads(body)
        choices = data["choices"]
        if not choices:
            raise Malformed("empty choices")
        message = choices[0]["message"]
        usage = data.get("usage") or {}
        details = usage.get("prompt_tokens_details") or {}
        text = message.get("content") or ""
        if isinstance(text, list):  # in parts: some servers tell thoughts and answer apart so
            text = "".join(part["text"] for part in text if part["type"] == "text")
        if not isinstance(text, str):
            raise Malformed("malformed answer")
        return Answer(
            text=text.encode("utf-8", "replace").decode(),  # JSON may hold half a surrogate pair; nothing can store it
            finish_reason=str(choices[0].get("finish_reason") or ""),
            answered_by=str(data.get("model") or ""),
            prompt_tokens=_count(usage.get("prompt_tokens")),
            cached_tokens=_count(details.get("cached_tokens")),
            completion_tokens=_count(usage.get("completion_tokens")),
            seconds=seconds,
        )
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise error if isinstance(error, Malformed) else Malformed("malformed answer") from None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None


class Ledger:
    """Opens ``calls.db`` in ``folder``; without a folder it lives in memory, for a client without a run.

    Raises:
        InputError: the file is no ledger, or one of another version.
    """

    def __init__(self, folder: Path | None = None, *, read_only: bool = False) -> None:
        target = str(folder / LEDGER) if folder else ":memory:"
        try:
            self._durable = _connect(target, read_only)
            version = self._durable.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, _SCHEMA_VERSION):
                raise InputError(
                    f"{target} was written as ledger version {version}, this iterpref reads {_SCHEMA_VERSION}; "
                    "use the matching version of iterpref, or another run folder."
                )
            if not read_only:
                self._durable.execute("PRAGMA journal_mode=WAL")
                self._durable.execute("PRAGMA synchronous=FULL")
                self._durable.executescript(_TABLES)
                self._durable.execute(f"PRAGMA user_version={_SCHEMA_VERSION}")
        except sqlite3.DatabaseError:
            raise InputError(f"{target} is not a readable ledger; move it away, or name another run folder.") from None
        # What left must survive kill -9, which a commit does without the disk's word; only answers wait for that.
        self._quick = self._durable
        if folder and not read_only:
            self._quick = _connect(target)
            self._quick.execute("PRAGMA synchronous=NORMAL")

    def close(self) -> None:
        self._quick.close()
        self._durable.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- writing ------------------------------------------------------------------------------------------------------

    def sending(self, key: str) -> None:
        """Note that a request is about to leave."""
        self._quick.execute("INSERT INTO sent VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET times = times + 1", (key,))

    def fault(self, key: str, kind: str) -> None:
        """Note a try that gave no answer."""
        self._quick.execute(
            "INSERT INTO faults VALUES (?, ?, 1) ON CONFLICT (key, kind) DO UPDATE SET times = times + 1", (key, kind)
        )

    def commit(
        self, key: str, body: str, answer: Answer, *, model: str, purpose: str = "", subject: str = "", sample: int = 0
    ) -> None:
        """Store an answer durably. One that is already there stays as it is."""
        self._durable.execute(
            "INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                key,
                purpose,
                subject,
                sample,
                model,
                answer.answered_by,
                answer.finish_reason,
                answer.prompt_tokens,
                answer.cached_tokens,
                answer.completion_tokens,
                answer.seconds,
                time.time(),
                body,
            ),
        )

    # -- reading ------------------------------------------------------------------------------------------------------

    def answer(self, key: str) -> Answer | None:
        """The committed answer, read again from its body."""
        row = self._durable.execute("SELECT body, seconds FROM answers WHERE key=?", (key,)).fetchone()
        return read_answer(*row) if row else None

    def answers(self) -> Iterator[tuple[str, str]]:
        """Stream (key, body), in the order of the keys."""
        yield from self._durable.execute("SELECT key, body FROM answers ORDER BY key")

    def spent(self, subjects: Container[str] | None = None) -> list[Spent]:
        """Answers by purpose and model; with ``subjects`` only those about these tasks."""
        where = ""
        if subjects is not None:
            self._durable.create_function("wanted", 1, lambda subject: subject in subjects)
            where = "WHERE wanted(subject)"
        rows = self._durable.execute(
            "SELECT purpose, model, COUNT(*), SUM(COALESCE(prompt_tokens, 0)), SUM(COALESCE(cached_tokens, 0)),"
            " SUM(COALESCE(completion_tokens, 0)), SUM(prompt_tokens IS NULL OR completion_tokens IS NULL),"
            f" SUM(seconds) FROM answers {where} GROUP BY purpose, model ORDER BY purpose, model"
        )
        return [Spent(*row) for row in rows]

    def faults(self) -> Counter[str]:
        """Tries that gave no answer, by kind."""
        return Counter(dict(self._durable.execute("SELECT kind, SUM(times) FROM faults GROUP BY kind")))

    def finish_reasons(self) -> Counter[str]:
        return Counter(dict(self._durable.execute("SELECT finish_reason, COUNT(*) FROM answers GROUP BY 1")))

    def answered_by(self) -> Counter[str]:
        """How many answers each model name gave, as the server writes it."""
        return Counter(dict(self._durable.execute("SELECT answered_by, COUNT(*) FROM answers GROUP BY 1")))

    def lost(self) -> int:
        """Requests that left and whose end nobody knows: those under way when the process was killed.

        The server may have answered, and charged for, each of them.
        """
        sent, *ended = (
            self._durable.execute(f"SELECT COALESCE({what}, 0) FROM {table}").fetchone()[0]
            for what, table in (("SUM(times)", "sent"), ("SUM(times)", "faults"), ("COUNT(*)", "answers"))
        )
        return max(0, int(sent) - int(sum(ended)))


def _connect(target: str, read_only: bool = False) -> sqlite3.Connection:
    if read_only and target != ":memory:":
        uri = f"{Path(target).resolve().as_uri()}?mode=ro"
        return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=30)
    return sqlite3.connect(target, isolation_level=None, check_same_thread=False, timeout=30)
