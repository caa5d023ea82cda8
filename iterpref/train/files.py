"""Files that are either complete or not there, whatever kills the process."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["complete_checkpoints", "is_sealed", "read_json", "seal", "sync_folder", "write_atomically", "write_json"]

_SEAL = "complete"


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a new file beside ``path``, and put it in place once it is on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    write(temporary)
    _sync(temporary)
    os.replace(temporary, path)
    _sync(path.parent)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, atomically."""
    write_atomically(path, lambda place: _dump(place, value))


def read_json(path: Path) -> Any:
    """What :func:`write_json` wrote, or None if there is no such file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def seal(folder: Path) -> None:
    """Mark a folder as complete, after everything in it is on disk."""
    sync_folder(folder)
    write_atomically(folder / _SEAL, Path.touch)


def is_sealed(folder: Path) -> bool:
    return (folder / _SEAL).exists()


def sync_folder(folder: Path) -> None:
    """Wait until all files under ``folder`` are on disk."""
    for path in [*folder.rglob("*"), folder]:
        _sync(path)


def complete_checkpoints(folder: Path) -> list[Path]:
    """Sealed ``checkpoint-N`` folders by rising N; those that a kill left unsealed are removed."""
    found = []
    for path in folder.glob("checkpoint-*"):
        if is_sealed(path):
            found.append(path)
        else:
            shutil.rmtree(path)
    return sorted(found, key=lambda path: int(path.name.rpartition("-")[2]))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _dump(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
