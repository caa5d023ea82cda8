"""One endpoint, asked by many sessions: every answer is in the ledger before it is used, and no question is paid twice.

Any OpenAI-compatible server works (OpenAI, vLLM, SGLang, llama.cpp, ``transformers serve``). What goes wrong is told
apart by what helps:

* the server asks for less (429, 503, no answer in time): fewer requests at once, Retry-After is honoured, tried again;
* it stumbles (5xx, a broken connection, an answer that is none): tried again, a few times for one question; where
  nothing at all is heard this is counted only once the server is known to be there;
* it refuses this question (other 4xx): the question is given up, unless nothing was ever answered;
* it is gone (no answer for a while, and it does not even list its models): everything stops with one sentence;
* the key, the model or the quota is wrong, or the budget is used up: everything stops with one sentence.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

from iterpref.errors import InputError
from iterpref.teachers.breaker import Breaker
from iterpref.teachers.budget import Budget, OutOfBudget
from iterpref.teachers.endpoint import HEALTH_SECONDS, Endpoint
from iterpref.teachers.faults import Fault, read_fault
from iterpref.teachers.ledger import Answer, Ledger, Malformed, read_answer, request_key
from iterpref.teachers.pace import Pace
from iterpref.teachers.prices import Price, check_priced, load_prices, total_cost

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["Client", "OutOfBudget", "Unanswered", "characters_to_tokens"]

_SILENCE_SECONDS = 20.0  # without any word from the server, before it is asked whether it is there
_TRIES = 6  # for one question, where the server stumbles
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 8.0  # seconds between two tries; doubled each time
_LONGEST_HOLD = 600.0  # of a Retry-After, and of nothing but "too many requests"
_GIVEN_UP = 3  # questions given up in a row, with no answer between them: the server is at fault, not the questions


class Unanswered(Exception):
    """This question has no answer. ``final`` is true where asking again would not help."""

    def __init__(self, reason: str, final: bool) -> None:
        super().__init__(reason)
        self.final = final


class Client:
    """Asks ``model`` at ``base_url`` (empty: OpenAI's own). Used as ``async with client:``, which checks the server.

    Args:
        ledger: where answers are kept; by default in memory.
        concurrency: requests under way at most.
        deadline: seconds for one try.
        budget_usd: what everything in the ledger may cost together.
        request: further fields of every request body; None takes one away.

    Raises:
        InputError: the extra is not installed, no model was named, there is no key for a server that is not on this
            machine, or a budget is set for a model without a price.
    """

    def __init__(
        self,
        model: str,
        base_url: str = "",
        *,
        ledger: Ledger | None = None,
        concurrency: int = 32,
        deadline: float = 120.0,
        budget_usd: float | None = None,
        prices: Mapping[str, Price] | None = None,
        system: str = "",
        request: Mapping[str, Any] | None = None,
        silence: float = _SILENCE_SECONDS,
    ) -> None:
        self._endpoint = Endpoint(base_url)
        self.where = self._endpoint.where
        if not model:
            raise InputError("the chat teacher was given no model; set chat.model to a name that the server knows.")
        self.model = model
        self.ledger = ledger or Ledger()
        self.concurrency = concurrency
        self._deadline = deadline
        self._silence = silence
        self._system = system
        self._request = dict(request or {})
        self._prices = dict(prices) if prices is not None else load_prices()
        self._budget_usd = budget_usd
        if budget_usd is not None:
            check_priced(model, self._prices)
        if budget_usd is not None and total_cost(self.ledger.spent(), self._prices) is None:
            raise InputError(
                "chat.budget_usd cannot be kept: the ledger holds answers without a price or token counts; "
                "name their models in a file given by chat.prices, or start another run folder."
            )
        self._budget: Budget | None = None
        self._checked = False
        self._openai: AsyncOpenAI | None = None

    def __repr__(self) -> str:
        return f"Client({self.model!r}, {self.where!r})"

    # -- opening ------------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Client:
        self._openai = self._endpoint.open(self._deadline)
        self._pace = Pace(self.concurrency)
        self._breaker = Breaker()
        self._throttled = 0  # how often the server was overloaded since its last answer
        if self._budget_usd is not None:
            spent = total_cost(self.ledger.spent(), self._prices)
            self._budget = Budget(self._budget_usd, self._prices[self.model], spent or 0.0)
        try:
            if not self._checked:
                await self._endpoint.check(self._openai, self.model)
                self._checked = True
        except BaseException:
            await self._openai.close()
            raise
        self._watch = asyncio.create_task(self._watch_silence(self._openai))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._watch.cancel()
        await asyncio.gather(self._watch, return_exceptions=True)
        assert self._openai is not None
        await self._openai.close()
        self._openai = None

    async def _watch_silence(self, opened: AsyncOpenAI) -> None:
        gone = InputError(
            f"{self.where} has stopped answering; everything it answered is kept: start it again, then run the same "
            "command."
        )
        timeout = min(HEALTH_SECONDS, self._silence)
        await self._breaker.watch(self._silence, lambda: self._endpoint.alive(opened, timeout), gone)

    # -- asking -------------------------------------------------------------------------------------------------------

    def body(
        self, messages: Sequence[Mapping[str, str]], *, temperature: float, max_tokens: int, seed: int
    ) -> dict[str, Any]:
        """The request body, with the system prompt before the messages."""
        system = [{"role": "system", "content": self._system}] if self._system else []
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [*system, *({**each, "content": _utf8(each["content"])} for each in messages)],
            "temperature": temperature,
            "max_tokens": max_tokens,
            "seed": seed,
            **self._request,
        }
        return {name: value for name, value in body.items() if value is not None}

    async def ask(self, body: Mapping[str, Any], *, sample: int = 0, purpose: str = "", subject: str = "") -> Answer:
        """The answer from the ledger, else from the server, committed before it is returned.

        Raises:
            Unanswered: this question could not be answered.
            OutOfBudget: asking it might cost more than is left.
            InputError: nothing can be asked at all.
        """
        key = request_key(body, sample)
        known = self.ledger.answer(key)
        if known is not None:
            return known
        worst = await self._reserved(body)
        answer: Answer | None = None
        try:
            with self._breaker.question():
                text, answer = await self._tries(key, body)
                self.ledger.commit(
                    key, text, answer, model=str(body.get("model")), purpose=purpose, subject=subject, sample=sample
                )
                self._breaker.answered()
                if self._budget is not None and (answer.prompt_tokens is None or answer.completion_tokens is None):
                    raise self._breaker.stop(
                        InputError(
                            f"{self.where} gives no token counts, so chat.budget_usd cannot be kept; take it away."
                        )
                    )
                return answer
        except Unanswered as error:
            self._breaker.given_up += 1
            ever = self._breaker.ever
            never = not ever if error.final else not ever and not self.ledger.spent()
            if never or self._breaker.given_up >= _GIVEN_UP * (1 + self._pace.running):
                remedy = "correct chat.model or chat.request" if error.final else "look at its log"
                told = InputError(f"{self.where} {error} for {self.model!r}; {remedy}, then run again.")
                raise self._breaker.stop(told) from None
            raise
        finally:
            if self._budget is not None:
                await self._budget.settle(worst, answer)

    async def _reserved(self, body: Mapping[str, Any]) -> float:
        if self._budget is None:
            return 0.0
        try:
            return await self._budget.reserve(body)
        except OutOfBudget as error:
            raise self._breaker.stop(error) from None

    async def _tries(self, key: str, body: Mapping[str, Any]) -> tuple[str, Answer]:
        import openai

        stumbled = failed = 0
        jitter = random.Random(key)  # the same question waits as long in every run
        while True:
            async with self._pace.slot() as begun:
                self._breaker.go_on()
                started = monotonic()
                self.ledger.sending(key)
                try:
                    text = await self._send(body)
                    answer = read_answer(text, monotonic() - started)
                except (openai.OpenAIError, asyncio.TimeoutError, Malformed, OSError) as error:
                    fault = read_fault(error)
                    self.ledger.fault(key, fault.kind)
                    if fault.heard:
                        self._breaker.heard()
                    self._give_up_on(error, fault)
                else:
                    self._breaker.heard(answer=True)
                    self._throttled = 0
                    self._pace.grow()
                    return text, answer
                if fault.overloaded and self._pace.cut(begun):
                    self._throttled += 1
                if fault.wait is not None:
                    self._pace.hold(min(fault.wait, _LONGEST_HOLD))
                elif self._throttled > 1:  # fewer at once did not help: all of them wait, longer each time
                    self._pace.hold(min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (self._throttled - 2)))
            # where nothing at all was heard meanwhile, the server may be gone: that is for the watch to find out
            failed += not fault.later
            stumbled += not fault.later and self._breaker.last_word >= started
            if (failed if self._breaker.there else stumbled) >= _TRIES:
                raise Unanswered(f"gave no answer in {_TRIES} tries, at last: {fault.kind}", final=False)
            if fault.wait is None:
                pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** max(0, failed - 1)) * jitter.uniform(0.5, 1.5)
                await _within(self._breaker.over.wait(), pause)
            self._breaker.go_on()

    def _give_up_on(self, error: Exception, fault: Fault) -> None:
        """Raise where another try would not help, for this question or for any."""
        if fault.status in (401, 403, 404):
            raise self._breaker.stop(self._endpoint.fault(error, self.model)) from None
        if fault.later and "insufficient_quota" in str(getattr(error, "code", "")):
            raise self._breaker.stop(
                InputError(f"{self.where}: the account has no quota left; add to it, then run again.")
            ) from None
        if fault.later and monotonic() - self._breaker.last_answer > _LONGEST_HOLD:
            raise self._breaker.stop(
                InputError(
                    f"{self.where} has answered nothing but 'too many requests' for {_LONGEST_HOLD / 60:.0f} minutes; "
                    "lower chat.concurrency or wait, then run again."
                )
            ) from None
        if fault.refused:
            raise Unanswered(f"answered with {fault.kind}{self._endpoint.said(error)}", final=True) from None

    async def _send(self, body: Mapping[str, Any]) -> str:
        """One try: the body of the response, or whatever the client raises."""
        assert self._openai is not None
        rest = {name: value for name, value in body.items() if name not in ("model", "messages")}
        create = self._openai.chat.completions.with_raw_response.create
        sent = asyncio.ensure_future(create(model=body["model"], messages=body["messages"], extra_body=rest))
        self._breaker.under_way.add(sent)
        try:
            done, _ = await asyncio.wait({sent}, timeout=self._deadline)
            if not done:
                raise asyncio.TimeoutError
            if sent.cancelled():
                self._breaker.go_on()
                raise asyncio.TimeoutError
            return str(sent.result().text)
        finally:
            self._breaker.under_way.discard(sent)
            if not sent.done():
                sent.cancel()
                await asyncio.gather(sent, return_exceptions=True)


def characters_to_tokens(characters: float) -> float:
    """Tokens of English text and code, for estimates: four characters each."""
    return characters / 4


def _utf8(text: str) -> str:
    """Half a surrogate pair, as JSON may hold one, cannot be sent."""
    return text.encode("utf-8", "replace").decode()


async def _within(waited: Any, seconds: float) -> None:
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(waited, seconds)
