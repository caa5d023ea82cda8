"""What is found out once and kept below the user's cache folder: a line of JSON each, on disk the moment it is known.

Lines are only ever added, so a kill costs at most the one that was being written: it is passed over, and found out
again. Several processes may add to one file. Without a place to write to nothing is kept. Any file may be removed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

__all__ = ["add", "cache_folder", "read"]


def cache_folder(name: str) -> Path:
    """The folder ``iterpref/<name>`` below the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "iterpref" / name


def read(path: Path) -> dict[str, Any]:
    """What was added to a file, by key; of the same key the last."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return {}
    found = {}
    for line in lines:
        try:
            key, value = json.loads(line)
        except (ValueError, TypeError, RecursionError):  # cut off, or damaged
            continue
        if isinstance(key, str):
            found[key] = value
    return found


def add(path: Path, key: str, value: Any) -> None:
    """Keep plain JSON data, in one write."""
    text = json.dumps([key, value], separators=(",", ":"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab", buffering=0) as file:
            file.write(f"\n{text}".encode())  # on a line of its own also after one that was cut off
    except OSError:
        return
