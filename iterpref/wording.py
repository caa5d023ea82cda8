"""Numbers of things as a person writes them."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, name: str) -> str:
    """``1 task``, ``1,140 tasks``."""
    return f"{number:,} {name}{'' if number == 1 else 's'}"
