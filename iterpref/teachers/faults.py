"""What a try that gave no answer says: whose fault it is, and how long to wait."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from iterpref.teachers.ledger import Malformed

__all__ = ["Fault", "read_fault", "retry_after"]


@dataclass(frozen=True)
class Fault:
    """``heard`` is false where nothing came from the server, not even a refusal."""

    kind: str  # as the ledger counts it
    status: int = 0
    heard: bool = True
    overloaded: bool = False  # fewer at once may help
    wait: float | None = None  # seconds, where the server says so

    @property
    def later(self) -> bool:
        """The server asks for patience: this says nothing about the question."""
        return self.status == 429

    @property
    def refused(self) -> bool:
        """Asking again would not help."""
        return 400 <= self.status < 500 and self.status not in (408, 409, 429)


def read_fault(error: Exception) -> Fault:
    """Tell what the ``openai`` client, the deadline or the reader of answers raised."""
    import openai

    if isinstance(error, openai.APIStatusError):
        wait = retry_after(error.response.headers)
        kind = "too many requests" if error.status_code == 429 else f"status {error.status_code}"
        return Fault(kind, error.status_code, overloaded=error.status_code in (429, 503), wait=wait)
    if isinstance(error, asyncio.TimeoutError | openai.APITimeoutError):
        return Fault("no answer in time", heard=False, overloaded=True)
    if isinstance(error, Malformed):
        return Fault(str(error))
    return Fault("connection lost", heard=False)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from ``retry-after-ms`` or ``Retry-After`` (a number, or a date)."""
    milliseconds = headers.get("retry-after-ms", "")
    if re.fullmatch(r"\d+(\.\d+)?", milliseconds):
        return float(milliseconds) / 1000
    text = headers.get("retry-after", "")
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(timezone.utc)).total_seconds()) if text else None
    except (ValueError, TypeError):
        return None
