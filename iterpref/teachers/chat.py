"""The chat teacher: drafts and repairs by a language model behind an OpenAI-compatible endpoint (:mod:`.client`)."""

from __future__ import annotations

import ast
import asyncio
import queue
import re
import threading
from collections.abc import Iterator, Sequence

from iterpref.syntax import parse
from iterpref.teachers.base import Reply, Request, Settings
from iterpref.teachers.client import Client, Unanswered
from iterpref.teachers.ledger import Answer
from iterpref.teachers.prompts import draft_prompt, repair_prompt
from iterpref.types import Usage

__all__ = ["ChatTeacher", "fenced_blocks", "strip_reasoning"]

# As in Markdown: as many ticks close a block as opened it, else the end of the text (a stop sequence may eat them).
_FENCED = re.compile(r"^ {0,3}(`{3,})[ \t]*(\w*)[^\n`]*\n(.*?)(?:^ {0,3}\1`*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_THOUGHT = re.compile(r"\s*<(think|thinking|reasoning)>(.*?</\1>|.*)", re.DOTALL)
_STRIDE = 1_000_000  # between the seeds of two iterations; samples lie between


class ChatTeacher:
    """Asks ``client``.

    A seed follows from ``seed``, the request's sample and its iteration, so the same session asks the same questions.
    """

    name = "chat"

    def __init__(
        self,
        client: Client,
        *,
        temperature: float = 0.8,
        max_new_tokens: int = 512,
        seed: int = 0,
        prompts: str = "",
        purpose: str = "",
    ) -> None:
        self._client = client
        self._temperature = temperature
        self._max_new_tokens = max_new_tokens
        self._seed = seed
        self._prompts = prompts
        self._purpose = purpose

    @classmethod
    def from_settings(cls, settings: Settings) -> ChatTeacher:
        """With the run's client, else with one of its own that keeps its ledger in memory.

        Raises:
            InputError: no model was named, or there is no key for a server that is not on this machine.
        """
        return cls(
            settings.client or Client(settings.model, settings.base_url),
            temperature=settings.temperature,
            max_new_tokens=settings.max_new_tokens,
            seed=settings.seed,
            prompts=settings.prompts,
            purpose=settings.purpose,
        )

    def __repr__(self) -> str:
        return f"ChatTeacher({self._client!r})"

    async def __aenter__(self) -> ChatTeacher:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._client.__aexit__(*exc)

    async def ask(self, request: Request) -> Reply:
        """``code`` is None, and ``message`` says why, where an answer was cut off or holds no program.

        Raises:
            Unanswered, OutOfBudget, InputError: as :meth:`Client.ask`.
        """
        make = repair_prompt if request.attempts else draft_prompt
        body = self._client.body(
            [{"role": "user", "content": make(request, self._prompts)}],
            temperature=self._temperature,
            max_tokens=self._max_new_tokens,
            seed=self._seed + request.sample + _STRIDE * request.iteration,
        )
        answer = await self._client.ask(
            body,
            sample=request.sample + _STRIDE * request.iteration,
            purpose=self._purpose or ("repair" if request.attempts else "draft"),
            subject=request.task.id,
        )
        return _reply(answer)

    def write(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        """Yield (index, reply) as the answers arrive, for callers without an event loop.

        Raises:
            InputError: the server cannot be reached, refuses the key, does not know the model, or went away.
        """
        answers: queue.SimpleQueue[tuple[int, Reply] | BaseException | None] = queue.SimpleQueue()
        stop = threading.Event()

        def work() -> None:
            try:
                asyncio.run(self._ask_all(requests, answers, stop))
            except BaseException as error:  # handed to the caller's thread
                answers.put(error)
            else:
                answers.put(None)

        thread = threading.Thread(target=work, name="chat teacher", daemon=True)
        thread.start()
        try:
            while (answer := answers.get()) is not None:
                if isinstance(answer, BaseException):
                    raise answer
                yield answer
        finally:
            stop.set()
            thread.join()

    async def _ask_all(
        self,
        requests: Sequence[Request],
        answers: queue.SimpleQueue[tuple[int, Reply] | BaseException | None],
        stop: threading.Event,
    ) -> None:
        waiting = iter(enumerate(requests))

        async def take() -> None:
            for index, request in waiting:  # shared: each worker takes the next one
                try:
                    answers.put((index, await self.ask(request)))
                except Unanswered as error:
                    answers.put((index, Reply(None, str(error))))

        async with self:
            workers = [asyncio.create_task(take()) for _ in range(min(self._client.concurrency, len(requests)))]
            at_work = set(workers)
            try:
                while at_work and not stop.is_set():
                    done, at_work = await asyncio.wait(at_work, timeout=0.2, return_when=asyncio.FIRST_EXCEPTION)
                    for worker in done:
                        worker.result()
            finally:
                for worker in at_work:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)  # all: several may have failed at once


def _reply(answer: Answer) -> Reply:
    usage = Usage(answer.prompt_tokens or 0, answer.completion_tokens or 0, seconds=answer.seconds)
    if answer.finish_reason == "length":
        return Reply(None, "the answer was cut off by the token limit", usage, again=True)
    text = strip_reasoning(answer.text)
    code, tests = _program(text)
    if code is None:
        return Reply(None, "the answer holds no program", usage, again=True)
    return Reply(code, text, usage, tests=tests)


def strip_reasoning(text: str) -> str:
    """The answer without what the model thought aloud, also where the opening mark stood in the prompt."""
    thought = _THOUGHT.match(text)
    if thought:
        return text[thought.end() :].lstrip("\n")
    before, closed, after = text.partition("</think>")
    return after.lstrip("\n") if closed and "```" not in before else text


def fenced_blocks(text: str) -> list[tuple[str, str]]:
    """(language, code) of every fenced block, in the order of the text."""
    return [(language.lower(), code.rstrip("\n")) for _, language, code in _FENCED.findall(text)]


def _program(text: str) -> tuple[str | None, str]:
    """The program, and tests that were written beside it.

    The program is the last block marked as Python that is no test file, else the last block, else all of a text that
    is a program itself.
    """
    blocks = fenced_blocks(text)
    marked = [code for language, code in blocks if language in ("python", "py", "python3")]
    if not blocks:
        return (text, "") if _parses(text) else (None, "")
    if len(marked) <= 1:
        return (marked or [blocks[-1][1]])[0], ""
    tests = [code for code in marked if _only_tests(code)]
    programs = [code for code in marked if code not in tests]
    return (programs[-1], tests[-1] if tests else "") if programs else (marked[-1], "")


def _parses(text: str) -> bool:
    try:
        return bool(parse(text).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _only_tests(code: str) -> bool:
    """Whether a block is a test file: at its top level nothing but imports, asserts and tests, and at least one."""
    try:
        body = parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    tests = [node for node in body if _is_test(node)]
    others = [node for node in body if not _is_test(node) and not isinstance(node, ast.Import | ast.ImportFrom)]
    return bool(tests) and all(isinstance(node, ast.If | ast.Expr) for node in others)


def _is_test(node: ast.stmt) -> bool:
    if isinstance(node, ast.ClassDef):
        return any("TestCase" in ast.unparse(base) for base in node.bases)
    return isinstance(node, ast.Assert) or (isinstance(node, ast.FunctionDef) and node.name.startswith("test"))
