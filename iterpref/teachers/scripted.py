"""A teacher that says what it was told to say: for tests, of this package and of yours."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from iterpref.errors import InputError
from iterpref.teachers.base import Reply, Request, Settings

__all__ = ["ScriptedTeacher"]


class ScriptedTeacher:
    """Answers a request with n attempts with program n of the task's list, and with None when the list is at its end.

    So an answer does not depend on what was asked before.
    """

    name = "scripted"

    def __init__(self, programs: Mapping[str, Sequence[str]]) -> None:
        self._programs = programs

    @classmethod
    def from_settings(cls, settings: Settings) -> ScriptedTeacher:
        """``settings.model`` is a JSON file: task id -> list of programs.

        Raises:
            InputError: there is no such file, or it holds something else.
        """
        path = Path(settings.model)
        try:
            programs = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: the scripted teacher cannot read it as JSON ({error}).") from None
        if not isinstance(programs, dict) or not all(isinstance(listed, list) for listed in programs.values()):
            raise InputError(f"{path}: the scripted teacher reads an object of task ids, each with a list of programs.")
        return cls(programs)

    def write(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        """Yield the replies in the order of the requests."""
        for index, request in enumerate(requests):
            programs = self._programs.get(request.task.id, ())
            count = len(request.attempts)
            yield index, Reply(programs[count] if count < len(programs) else None)
