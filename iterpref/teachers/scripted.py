"""A teacher that says what it was told to say: for tests, of this package and of yours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from iterpref.teachers.base import Reply, Request

__all__ = ["ScriptedTeacher"]


class ScriptedTeacher:
    """Answers the n-th request for a task with the n-th program of its list, and with None when the list is at its end.

    n counts the request's attempts, so an answer does not depend on what was asked before.
    """

    name = "scripted"

    def __init__(self, programs: Mapping[str, Sequence[str]]) -> None:
        self._programs = programs

    def write(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        """Yield the replies in the order of the requests."""
        for index, request in enumerate(requests):
            programs = self._programs.get(request.task.id, ())
            count = len(request.attempts)
            yield index, Reply(programs[count] if count < len(programs) else None)
