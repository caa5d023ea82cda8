"""Answers to a benchmark's prompts, by the local and the chat teacher.

They differ from drafts in two ways: the prompt is the official one, and the reply is all that the model wrote, for the
benchmark to take the program out. So ``Reply.code`` is a whole answer here; it is None only where nobody answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iterpref.errors import InputError
from iterpref.suites.base import Style
from iterpref.teachers.base import Reply, Request
from iterpref.teachers.chat import ChatTeacher, strip_reasoning
from iterpref.teachers.client import Client
from iterpref.teachers.local import LocalTeacher
from iterpref.types import Usage

if TYPE_CHECKING:
    import torch

__all__ = ["ChatAnswers", "LocalAnswers", "Question"]


@dataclass(frozen=True)
class Question(Request):
    """``task.prompt`` is what is asked, word for word; an instruct model's answer is begun with ``prefill``."""

    prefill: str = ""


class LocalAnswers(LocalTeacher):
    """The model ``model`` by transformers.

    ``style`` says how it is asked: ``complete`` goes on with the prompt, ``instruct`` goes through the chat template;
    None: as the tokenizer has a template or not. :attr:`style` is what was chosen. ``stops`` and ``answer_stops`` are
    texts that end a completion or an instruct model's answer, and are no part of it.

    Raises:
        InputError: no model can be loaded from there, or it has no chat template and ``style`` is ``instruct``.
    """

    def __init__(
        self,
        model: str,
        *,
        style: Style | None = None,
        stops: Sequence[str] = (),
        answer_stops: Sequence[str] = (),
        temperature: float = 0.0,
        max_new_tokens: int = 512,
        seed: int = 0,
    ) -> None:
        super().__init__(model, temperature=temperature, max_new_tokens=max_new_tokens, seed=seed)
        if style == "instruct" and not self._renderer.chat:
            raise InputError(f"{model} has no chat template, so it cannot be asked as an instruct model; use complete.")
        self.style: Style = style or ("instruct" if self._renderer.chat else "complete")
        self._stops = tuple(stops if self.style == "complete" else answer_stops)

    def _prompt(self, request: Request) -> list[int]:
        assert isinstance(request, Question)
        if self.style == "complete":
            ids = self._renderer.plain_ids(request.task.prompt)
        else:
            ids = self._renderer.encode(self._renderer.prompt_text(request.task.prompt, request.prefill))["input_ids"]
        self._check_room(request, ids)
        return list(ids)

    def _reply(self, request: Request, row: list[int], prompt_tokens: int, seconds: float) -> Reply:
        assert isinstance(request, Question)
        end = next((place for place, token in enumerate(row) if token in self._ends), len(row))
        text = self._decode(row[:end])
        stopped = min((place for stop in self._stops if (place := text.find(stop)) >= 0), default=None)
        cut_off = stopped is None and end == self._max_new_tokens
        prefill = request.prefill if self.style == "instruct" else ""
        message = f"cut off after {end} tokens" if cut_off else ""
        return Reply(prefill + text[:stopped], message, Usage(prompt_tokens, end, seconds=seconds))

    def _stopping(self, requests: Sequence[Request], width: int) -> list[Any]:
        import torch

        if not self._stops:
            return []
        tail = 8 + 2 * max(map(len, self._stops))  # tokens; one is seldom less than a character

        def stopped(ids_BT: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:  # noqa: N803
            """Which answers hold a text that ends them. The prompt does not count."""
            rows = ids_BT[:, max(width, ids_BT.shape[1] - tail) :].tolist()
            ends = [any(stop in text for stop in self._stops) for text in map(self._decode, rows)]
            return torch.tensor(ends, device=ids_BT.device)

        return [stopped]


class ChatAnswers(ChatTeacher):
    """A model behind an OpenAI-compatible server. The answer is not begun for it; what it thought aloud is left out."""

    style: Style = "instruct"

    def __init__(self, client: Client, *, temperature: float = 0.0, max_new_tokens: int = 512, seed: int = 0) -> None:
        super().__init__(client, temperature=temperature, max_new_tokens=max_new_tokens, seed=seed)

    async def ask(self, request: Request) -> Reply:
        body = self._client.body(
            [{"role": "user", "content": request.task.prompt}],
            temperature=self._temperature,
            max_tokens=self._max_new_tokens,
            seed=self._seed + request.sample,
        )
        answer = await self._client.ask(body, sample=request.sample, purpose="evaluate", subject=request.task.id)
        usage = Usage(answer.prompt_tokens or 0, answer.completion_tokens or 0, seconds=answer.seconds)
        cut_off = "cut off by the token limit" if answer.finish_reason == "length" else ""
        return Reply(strip_reasoning(answer.text), cut_off, usage)
