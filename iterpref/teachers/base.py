"""What a teacher is: somebody who writes programs and repairs them (paper, section 3.1).

A drafter is asked with no attempts, a repairer with the attempts so far. Teachers take many requests at once, so that a
model can batch and a server can be kept busy, and hand back each reply as soon as it is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from iterpref.types import Attempt, Task, Tests, Usage, Verdict

if TYPE_CHECKING:
    from iterpref.teachers.client import Client

__all__ = ["AskedTeacher", "Reply", "Request", "Settings", "Teacher"]


@dataclass(frozen=True)
class Request:
    """Write a program for ``task`` (no attempts), or repair the last of ``attempts``.

    ``sample`` tells independent tries at one task apart, ``iteration`` the tries of one session (0 is the draft, 1 the
    first repair; an iteration without a program leaves no attempt). Together with the task, the attempts and the
    teacher's own settings they decide a sampled answer.
    """

    task: Task
    attempts: tuple[Attempt, ...] = ()
    sample: int = 0
    iteration: int = 0


@dataclass(frozen=True)
class Reply:
    """One answer. ``code`` is None where the teacher found nothing to say (no repair, no program in the answer).

    ``again`` is true where another iteration may say more. ``tests`` holds tests that the teacher wrote unasked.
    """

    code: str | None
    message: str = ""
    usage: Usage = field(default_factory=Usage)
    again: bool = False
    tests: str = ""


@dataclass(frozen=True)
class Settings:
    """All that a teacher may be told when it is made; each takes what it needs."""

    model: str = ""
    base_url: str = ""
    client: Client | None = None  # the endpoint of a run, which the stages share
    prompts: str = ""  # a folder of templates that take the place of the shipped ones
    purpose: str = ""  # what the ledger calls the requests; empty: draft, repair
    temperature: float = 0.8
    max_new_tokens: int = 512
    seed: int = 0
    judge_many: Callable[[Iterable[tuple[str, Tests]]], Iterator[tuple[int, Verdict]]] | None = None
    passing: Callable[[], Iterable[tuple[Task, str]]] = tuple  # programs known to pass, as of now


class Teacher(Protocol):
    """Chosen by short name from ``iterpref.teachers.TEACHERS``, else by dotted path."""

    name: str

    @classmethod
    def from_settings(cls, settings: Settings) -> Teacher: ...

    def write(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        """Yield (index into ``requests``, reply), each index once, in any order.

        Raises:
            InputError: the teacher cannot work at all: no such model, no server, no key.
        """
        ...


@runtime_checkable
class AskedTeacher(Protocol):
    """A teacher that takes single requests, many at a time: sessions need not wait for each other.

    Entered and left as an async context manager around all of them.
    """

    async def __aenter__(self) -> object: ...

    async def __aexit__(self, *exc: object) -> None: ...

    async def ask(self, request: Request) -> Reply:
        """Answer one request.

        Raises:
            InputError: nothing can be asked at all.
            Unanswered: this request could not be answered.
        """
        ...
