"""What this machine can do: isolation, extras, device. Nothing is changed or installed."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterator

from iterpref import __version__
from iterpref.sandbox import probe

__all__ = ["EXTRAS", "examine"]

EXTRAS = {"train": ("torch", "transformers", "accelerate", "peft"), "chat": ("openai",)}


def examine() -> Iterator[str]:
    """One line a finding, remedies included."""
    yield f"iterpref {__version__}, Python {platform.python_version()}"
    yield f"machine: {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    isolation = probe()
    yield f"sandbox: {isolation.mode}"
    for protection in isolation.held:
        yield f"  holds: {protection}"
    for protection, remedy in isolation.absent.items():
        yield f"  absent: {protection}. {remedy}"
    if isolation.remedy:
        yield f"  {isolation.remedy}"
    for extra, packages in EXTRAS.items():
        missing = [name for name in packages if _version(name) is None]
        if missing:
            yield f"extra {extra}: missing {', '.join(missing)}; pip install 'iterpref[{extra}]'"
        else:
            yield f"extra {extra}: " + ", ".join(f"{name} {_version(name)}" for name in packages)
    yield f"device: {_device()}"


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _device() -> str:
    try:
        from iterpref.train.device import describe
    except ImportError:
        return "none to train on (torch is not installed)"
    return describe()
