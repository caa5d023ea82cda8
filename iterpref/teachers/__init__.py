"""Who writes and repairs code."""

from __future__ import annotations

from typing import Any

from iterpref.lookup import lookup
from iterpref.teachers.base import Reply, Request, Settings, Teacher

__all__ = ["TEACHERS", "Reply", "Request", "Settings", "Teacher", "resolve"]

TEACHERS = {
    "chat": "iterpref.teachers.chat:ChatTeacher",
    "local": "iterpref.teachers.local:LocalTeacher",
    "scripted": "iterpref.teachers.scripted:ScriptedTeacher",
    "search": "iterpref.teachers.search:SearchTeacher",
}


def resolve(name: str) -> Any:
    """A teacher's class by short name, else by dotted path.

    Raises:
        InputError: there is none of that name.
    """
    return lookup("teacher", name, TEACHERS)
