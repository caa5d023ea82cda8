"""How a prompt and a program become what a model reads and writes: for training, collecting and evaluation alike.

Instruct models (their tokenizer has a chat template) get the prompt as a user message and answer with a fenced block;
base models get ``prompt + newline`` and go on with the program. Nothing here needs torch.
"""

from __future__ import annotations

import re
from typing import Any, Protocol

from iterpref.errors import InputError

__all__ = ["Renderer", "Tokenizer", "program_in_fence"]

_OPENING = re.compile(r" {0,3}(`{3,})[ \t]*([\w+-]*)[^`]*")
_RUN_OF_TICKS = re.compile(r"`{3,}")
_PYTHON = {"python", "py", "python3"}
_PROBE = "iterpref-probe"


class Tokenizer(Protocol):
    """What is used of a ``transformers`` tokenizer."""

    chat_template: Any
    eos_token_id: Any
    all_special_ids: Any

    def __call__(self, text: str, **options: Any) -> Any: ...

    def apply_chat_template(self, conversation: Any, **options: Any) -> Any: ...


class Renderer:
    """Renders for one tokenizer.

    Attributes:
        chat: True if the tokenizer has a chat template.
        end_token_id: the token that ends a completion: the template's own end of turn, else the end-of-text token.

    Raises:
        InputError: the tokenizer names no end token.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self.chat = bool(tokenizer.chat_template)
        self.end_token_id = self._end_token_id()
        # Tokens the tokenizer puts before any plain text (BOS). A chat template renders its own.
        self._prefix_ids = [] if self.chat else self._leading_special_ids()

    def prompt_text(self, prompt: str, prefill: str = "") -> str:
        """The text that the model is given. A chat answer is begun with ``prefill``, which the model goes on with."""
        if not self.chat:
            return prompt if prompt.endswith("\n") else prompt + "\n"
        user = {"role": "user", "content": prompt}
        if not prefill:
            return self._render([user], add_generation_prompt=True)
        begun = [user, {"role": "assistant", "content": prefill + _PROBE}]
        before, found, _ = self._render(begun, add_generation_prompt=False).rpartition(_PROBE)
        if not found:
            raise InputError("the tokenizer's chat template leaves out what the assistant said; mend it.")
        return before

    def prompt_ids(self, prompt: str) -> list[int]:
        """Token ids of :meth:`prompt_text`, with BOS exactly once where the model expects it."""
        return [*self._prefix_ids, *self.encode(self.prompt_text(prompt))["input_ids"]]

    def plain_ids(self, text: str) -> list[int]:
        """Token ids of a text as it is, for a model to go on with, with BOS where the model expects it."""
        return [*self._leading_special_ids(), *self.encode(text)["input_ids"]]

    def completion_ids(self, prompt: str, completion: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Token ids of a completion as the model writes them after the prompt, and their offsets in ``completion``.

        Prompt and completion are encoded as one text. Where a token would lie across the boundary, which the model
        never sees when it continues the prompt, the completion is encoded apart.
        """
        before = self.prompt_text(prompt)
        prompt_ids = self.encode(before)["input_ids"]
        joint = self.encode(before + completion, return_offsets_mapping=True)
        count = len(prompt_ids)
        if joint["input_ids"][:count] == prompt_ids:
            offsets = joint["offset_mapping"][count:]
            return joint["input_ids"][count:], [(start - len(before), end - len(before)) for start, end in offsets]
        apart = self.encode(completion, return_offsets_mapping=True)
        return apart["input_ids"], [(start, end) for start, end in apart["offset_mapping"]]

    def encode(self, text: str, **options: Any) -> Any:
        """Encode without special tokens of the tokenizer's own."""
        return self._tokenizer(text, add_special_tokens=False, return_attention_mask=False, **options)

    def completion(self, code: str) -> tuple[str, int]:
        """(what the model should write for ``code``, without the end token; where the code begins in it)."""
        if not self.chat:
            return code, 0
        # a program that holds a fence itself gets a longer one, as Markdown asks
        ticks = "`" * max([3, *(len(run) + 1 for run in _RUN_OF_TICKS.findall(code))])
        opening = f"{ticks}python\n"
        return f"{opening}{code}\n{ticks}", len(opening)

    def extract(self, generated: str) -> str:
        """The program in what a model wrote: plain text as it is, a chat's by :func:`program_in_fence`."""
        return program_in_fence(generated) if self.chat else generated

    def _render(self, messages: list[dict[str, str]], add_generation_prompt: bool) -> str:
        try:
            rendered = self._tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=add_generation_prompt
            )
        except Exception as error:  # templates are programs: jinja errors, but also anything their helpers raise
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(
                f"the tokenizer's chat template fails on a plain user message ({reason}); mend it."
            ) from error
        return str(rendered)

    def _end_token_id(self) -> int:
        if self.chat:
            exchange = [{"role": "user", "content": _PROBE}, {"role": "assistant", "content": _PROBE}]
            after = self._render(exchange, add_generation_prompt=False).rpartition(_PROBE)[2].lstrip()
            ids = self.encode(after)["input_ids"]
            if ids and self._is_special(ids[0]):
                return int(ids[0])
        if self._tokenizer.eos_token_id is None:
            raise InputError("the tokenizer names no end-of-text token; set `eos_token` in its tokenizer_config.json.")
        return int(self._tokenizer.eos_token_id)

    def _is_special(self, token: int) -> bool:
        added = getattr(self._tokenizer, "added_tokens_decoder", {})  # an end of turn need not be *the* eos token
        return token in self._tokenizer.all_special_ids or bool(getattr(added.get(token), "special", False))

    def _leading_special_ids(self) -> list[int]:
        encoding = self._tokenizer("x", return_special_tokens_mask=True)
        mask = encoding["special_tokens_mask"]
        leading = mask.index(0) if 0 in mask else 0
        return list(encoding["input_ids"][:leading])


def program_in_fence(answer: str) -> str:
    """The last complete block marked as Python, else the last complete block, else what follows an opening fence that
    was never closed, else all of it.
    """
    blocks, unclosed = _blocks(answer)
    python = [code for language, code in blocks if language in _PYTHON]
    if python:
        return python[-1]
    if blocks:
        return blocks[-1][1]
    return answer if unclosed is None else unclosed


def _blocks(text: str) -> tuple[list[tuple[str, str]], str | None]:
    """Fenced blocks as (language, code), and the code of a last block that is not closed."""
    blocks: list[tuple[str, str]] = []
    lines = text.split("\n")
    opening: re.Match[str] | None = None
    begin = 0
    for number, line in enumerate(lines):
        if opening is None:
            opening, begin = _OPENING.fullmatch(line), number + 1
        elif re.fullmatch(rf" {{0,3}}`{{{len(opening[1])},}}\s*", line):
            blocks.append((opening[2].lower(), "\n".join(lines[begin:number])))
            opening = None
    return blocks, None if opening is None else "\n".join(lines[begin:])
