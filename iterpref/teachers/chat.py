"""The chat teacher: any OpenAI-compatible endpoint, through the ``openai`` client.

Works with OpenAI, vLLM, SGLang, llama.cpp and ``transformers serve``. The key is read from OPENAI_API_KEY; a server on
this machine needs none. Requests are kept in flight on a thread of their own, so that a slow judge does not leave the
server idle; the client retries what is worth retrying and honours Retry-After. The key is in no message of ours.
"""

from __future__ import annotations

import ast
import asyncio
import os
import queue
import re
import threading
from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from iterpref.errors import InputError
from iterpref.teachers.base import Reply, Request, Settings
from iterpref.teachers.prompts import draft_prompt, repair_prompt
from iterpref.types import Usage

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.chat import ChatCompletion

__all__ = ["ChatTeacher"]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_HEALTH_SECONDS = 10.0
_FENCED = re.compile(r"^ {0,3}```[ \t]*(\w*)[^\n]*\n(.*?)^ {0,3}```[ \t]*$", re.MULTILINE | re.DOTALL)


class ChatTeacher:
    """Asks ``model`` at ``base_url`` (empty: OpenAI's own).

    Raises:
        InputError: no model was named, or there is no key for a server that is not on this machine.
    """

    name = "chat"

    def __init__(
        self,
        model: str,
        base_url: str = "",
        *,
        temperature: float = 0.8,
        max_new_tokens: int = 512,
        seed: int = 0,
        concurrency: int = 16,
        timeout: float = 120.0,
    ) -> None:
        key = os.environ.get("OPENAI_API_KEY", "")
        if not model:
            raise InputError("the chat teacher was given no model; set collect.model to a name that the server knows.")
        if not key and (not base_url or urlsplit(base_url).hostname not in _LOOPBACK):
            raise InputError(
                f"there is no key for {_shown(base_url)}; set the environment variable OPENAI_API_KEY, or "
                "collect.base_url to a server of your own."
            )
        self._key = key or "EMPTY"
        self._base_url = base_url
        self._model = model
        self._temperature = temperature
        self._max_new_tokens = max_new_tokens
        self._seed = seed
        self._concurrency = concurrency
        self._timeout = timeout
        self._checked = False

    @classmethod
    def from_settings(cls, settings: Settings) -> ChatTeacher:
        return cls(
            settings.model,
            settings.base_url,
            temperature=settings.temperature,
            max_new_tokens=settings.max_new_tokens,
            seed=settings.seed,
        )

    def __repr__(self) -> str:
        return f"ChatTeacher({self._model!r}, {_shown(self._base_url)!r})"

    def write(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        """Yield (index, reply) as the answers arrive.

        ``code`` is None, and ``message`` says why, where an answer was cut off by the token limit or holds no program.

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
        from openai import AsyncOpenAI

        waiting = iter(enumerate(requests))
        async with AsyncOpenAI(api_key=self._key, base_url=self._base_url or None, timeout=self._timeout) as client:
            if not self._checked:
                await self._check(client)
                self._checked = True

            async def take() -> None:
                for index, request in waiting:  # shared: each worker takes the next one
                    answers.put((index, await self._ask(client, request)))

            workers = [asyncio.create_task(take()) for _ in range(min(self._concurrency, len(requests)))]
            try:
                while workers and not stop.is_set():
                    done, _ = await asyncio.wait(workers, timeout=0.2, return_when=asyncio.FIRST_EXCEPTION)
                    for worker in done:
                        worker.result()
                        workers.remove(worker)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)

    async def _check(self, client: AsyncOpenAI) -> None:
        """One cheap call before any work: is the server there, and does it know the model?"""
        import openai

        try:
            listed = client.with_options(timeout=_HEALTH_SECONDS, max_retries=1).models.list()
            known = [model.id async for model in listed]
        except (openai.APIConnectionError, openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise self._fault(error) from None
        except openai.OpenAIError:
            return  # some servers answer, but cannot list their models: the first request will tell
        if known and self._model not in known:
            some = ", ".join(sorted(known)[:5])
            raise InputError(
                f"{_shown(self._base_url)} does not know the model {self._model!r}; set collect.model to one of its "
                f"{len(known)}, such as {some}."
            )

    async def _ask(self, client: AsyncOpenAI, request: Request) -> Reply:
        import openai

        prompt = repair_prompt(request) if request.attempts else draft_prompt(request)
        started = perf_counter()
        try:
            answer = await client.chat.completions.create(
                model=self._model,
                messages=[{"role": "user", "content": prompt}],
                temperature=self._temperature,
                max_tokens=self._max_new_tokens,
                seed=self._seed + request.sample,
            )
        except openai.OpenAIError as error:
            raise self._fault(error) from None
        return _reply(answer, perf_counter() - started)

    def _fault(self, error: Exception) -> InputError:
        """What went wrong, in a sentence without the key."""
        import openai

        server = _shown(self._base_url)
        if isinstance(error, openai.APITimeoutError):
            return InputError(f"{server} did not answer in time; check that it is up, then run again.")
        if isinstance(error, openai.APIConnectionError):
            return InputError(f"{server} cannot be reached; start it or correct collect.base_url, then run again.")
        if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
            return InputError(f"{server} refuses the key; check the environment variable OPENAI_API_KEY.")
        if isinstance(error, openai.NotFoundError):
            return InputError(f"{server} does not know the model {self._model!r}, or is no chat endpoint; check both.")
        status = getattr(error, "status_code", None)
        reason = f"answered with status {status}" if status else f"gave no valid answer ({type(error).__name__})"
        return InputError(f"{server} {reason} for {self._model!r}, after retries; look at its log, then run again.")


def _reply(answer: ChatCompletion, seconds: float) -> Reply:
    usage = Usage(
        answer.usage.prompt_tokens if answer.usage else 0,
        answer.usage.completion_tokens if answer.usage else 0,
        seconds=seconds,
    )
    if not answer.choices:
        return Reply(None, "the answer is empty", usage)
    choice: Any = answer.choices[0]
    if choice.finish_reason == "length":
        return Reply(None, "the answer was cut off by the token limit", usage)
    text = choice.message.content or ""
    code = _program(text)
    return Reply(code, text if code is not None else "the answer holds no program", usage)


def _program(text: str) -> str | None:
    """The last block marked as Python, else the last block, else all of a text that is a program itself."""
    blocks: list[tuple[str, str]] = [(language.lower(), code.rstrip("\n")) for language, code in _FENCED.findall(text)]
    marked = [code for language, code in blocks if language in ("python", "py", "python3")]
    if blocks:
        return marked[-1] if marked else blocks[-1][1]
    try:
        return text if ast.parse(text).body else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _shown(base_url: str) -> str:
    """The server's address without user name, password and query."""
    if not base_url:
        return "the OpenAI endpoint"
    parts = urlsplit(base_url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"
