"""The local teacher: any causal language model that transformers loads, by name or folder.

The student drafts with it (on-policy data), and evaluation asks it too. Requests are sorted by length and answered in
batches, left-padded; a reply is handed on as soon as its batch is done.

Sampling draws one number a step and request, from a generator seeded by the request alone, and takes the token at that
place of the cumulative distribution at the given temperature (no top-k or top-p). So an answer does not depend on which
requests it shares a batch with, nor on what was answered before a restart; only rounding inside a batch of another
shape can still tip a choice between two nearly equal tokens. Temperature 0 takes the likeliest token.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from textwrap import shorten
from time import perf_counter
from typing import TYPE_CHECKING, Any

from iterpref.errors import InputError
from iterpref.models import check_model
from iterpref.suites.rendering import Renderer
from iterpref.teachers.base import Reply, Request, Settings
from iterpref.teachers.prompts import repair_prompt
from iterpref.types import Usage

if TYPE_CHECKING:
    import torch

__all__ = ["LocalTeacher"]

_BATCH = 64
_SORTED_TOGETHER = 16  # batches sorted by length at a time: little padding, and replies keep coming


class LocalTeacher:
    """Writes with the model ``model`` on the GPU if there is one, else in float32 on the CPU.

    Raises:
        InputError: no model or tokenizer can be loaded from there.
    """

    name = "local"

    def __init__(
        self,
        model: str,
        *,
        temperature: float = 0.0,
        max_new_tokens: int = 512,
        seed: int = 0,
        batch_size: int = _BATCH,
    ) -> None:
        import torch

        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._tokenizer, self._model = _load(model, self._device)
        self._renderer = Renderer(self._tokenizer)
        self._ends = _end_tokens(self._renderer.end_token_id, self._model.generation_config.eos_token_id)
        self._source = model
        self._temperature = temperature
        self._max_new_tokens = max_new_tokens
        self._seed = seed
        self._batch_size = batch_size

    @classmethod
    def from_settings(cls, settings: Settings) -> LocalTeacher:
        return cls(
            settings.model,
            temperature=settings.temperature,
            max_new_tokens=settings.max_new_tokens,
            seed=settings.seed,
        )

    def write(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        """Yield (index, reply), batch by batch.

        Raises:
            InputError: a prompt leaves no room in the model's context, or a model without a chat template is asked for
                a repair.
        """
        block = self._batch_size * _SORTED_TOGETHER
        for start in range(0, len(requests), block):
            prompts = [(index, self._prompt(requests[index])) for index in range(start, len(requests))[:block]]
            prompts.sort(key=lambda prompt: (len(prompt[1]), prompt[0]))
            for first in range(0, len(prompts), self._batch_size):
                batch = prompts[first : first + self._batch_size]
                replies = self._answer([requests[index] for index, _ in batch], [ids for _, ids in batch])
                yield from zip((index for index, _ in batch), replies, strict=True)

    def _prompt(self, request: Request) -> list[int]:
        if request.attempts and not self._renderer.chat:
            raise InputError(
                f"{self._source}: a model without a chat template cannot be asked for a repair; let another teacher "
                "repair (collect.repairer), for example `search`."
            )
        ids = self._renderer.prompt_ids(repair_prompt(request) if request.attempts else request.task.prompt)
        self._check_room(request, ids)
        return ids

    def _check_room(self, request: Request, ids: Sequence[int]) -> None:
        room = getattr(self._model.config, "max_position_embeddings", None)
        if room and len(ids) + self._max_new_tokens > room:
            raise InputError(
                f"{self._source}: the prompt of task {request.task.id!r} has {len(ids)} tokens, which with "
                f"max_new_tokens {self._max_new_tokens} exceeds the model's context of {room}; lower max_new_tokens "
                "or drop the task."
            )

    def _answer(self, requests: Sequence[Request], prompts: Sequence[list[int]]) -> list[Reply]:
        import torch

        started = perf_counter()
        width = max(map(len, prompts))
        pad = self._ends[0]
        ids = torch.tensor([[pad] * (width - len(prompt)) + prompt for prompt in prompts], device=self._device)
        mask = torch.tensor(
            [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=self._device
        )
        with torch.inference_mode():
            output = self._model.generate(
                input_ids=ids,
                attention_mask=mask.long(),
                do_sample=False,
                max_new_tokens=self._max_new_tokens,
                eos_token_id=self._ends,
                pad_token_id=pad,
                logits_processor=[self._sampler(requests, width)] if self._temperature > 0 else [],
                stopping_criteria=self._stopping(requests, width),
            )
        seconds = (perf_counter() - started) / len(requests)
        return [
            self._reply(request, row, len(prompt), seconds)
            for request, row, prompt in zip(requests, output[:, width:].tolist(), prompts, strict=True)
        ]

    def _reply(self, request: Request, row: list[int], prompt_tokens: int, seconds: float) -> Reply:
        end = next((place for place, token in enumerate(row) if token in self._ends), len(row))
        message = f"cut off after {end} tokens" if end == len(row) else ""
        return Reply(
            self._renderer.extract(self._decode(row[:end])), message, Usage(prompt_tokens, end, seconds=seconds)
        )

    def _decode(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def _stopping(self, requests: Sequence[Request], width: int) -> list[Any]:
        """What ends an answer beside its end token; ``width`` is where answers begin."""
        return []

    def _sampler(self, requests: Sequence[Request], width: int) -> Any:
        import torch

        draws = torch.stack([self._draws(request) for request in requests]).to(self._device)

        def sample(ids_BT: torch.Tensor, logits_BV: torch.Tensor) -> torch.Tensor:  # noqa: N803
            """Put all weight on the token that the request's next number falls on."""
            step = ids_BT.shape[1] - width
            below_BV = torch.softmax(logits_BV.float() / self._temperature, -1).cumsum(-1)  # noqa: N806
            targets_B1 = draws[:, step : step + 1] * below_BV[:, -1:]  # noqa: N806
            tokens_B1 = (below_BV <= targets_B1).sum(-1, keepdim=True).clamp(max=logits_BV.shape[1] - 1)  # noqa: N806
            return torch.full_like(logits_BV, -torch.inf).scatter(1, tokens_B1, 0.0)

        return sample

    def _draws(self, request: Request) -> torch.Tensor:
        """Uniform numbers, one for each token that may be written; the same for the same request and seed."""
        import torch

        what = repr(
            (self._seed, request.task.id, request.task.prompt, request.sample, [a.code for a in request.attempts])
        )
        seed = int.from_bytes(hashlib.blake2b(what.encode(), digest_size=8).digest(), "big") >> 1
        return torch.rand(self._max_new_tokens, generator=torch.Generator().manual_seed(seed))


def _load(source: str, device: torch.device) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # ours is the one that is read
    check_model(source, "collect.model")
    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
        dtype = "auto" if device.type == "cuda" else torch.float32  # bfloat16 is slow on most CPUs
        model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype)
    except (OSError, ValueError, KeyError) as error:
        reason = shorten(str(error), 200, placeholder=" ...")
        raise InputError(
            f"{source}: no language model with a tokenizer can be loaded from there ({reason})."
        ) from error
    return tokenizer, model.to(device).eval()


def _end_tokens(own: int, more: int | Sequence[int] | None) -> list[int]:
    """The renderer's end token first, then those that the model's generation config names."""
    others = [more] if isinstance(more, int) else more or []
    return list(dict.fromkeys([own, *others]))
