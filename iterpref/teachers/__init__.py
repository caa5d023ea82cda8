"""Who writes and repairs programs. A teacher is one class in one file, chosen by name (protocol: :mod:`.base`).

The language-model teachers load torch or openai only when they are made.
"""

from __future__ import annotations

from typing import Any

from iterpref.lookup import lookup

__all__ = ["TEACHERS", "resolve"]

TEACHERS = {
    "chat": "iterpref.teachers.chat:ChatTeacher",
    "local": "iterpref.teachers.local:LocalTeacher",
    "scripted": "iterpref.teachers.scripted:ScriptedTeacher",
    "search": "iterpref.teachers.search:SearchTeacher",
}
"""Short name -> class. Recorded sessions need no teacher."""


def resolve(name: str) -> Any:
    """A teacher's class by short name, else by dotted path (``my.module:MyTeacher``).

    Raises:
        InputError: there is none of that name, or it does not import.
    """
    return lookup("teacher", name, TEACHERS)
