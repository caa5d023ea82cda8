"""What language models are told, as Jinja templates beside this file.

``draft.jinja`` sees ``prompt``; ``repair.jinja`` also ``code`` and ``feedback``, those of the last attempt. A name that
a template uses and nobody defines is an error, never an empty string.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

from jinja2 import Environment, StrictUndefined, Template

from iterpref.teachers.base import Request

__all__ = ["draft_prompt", "repair_prompt"]


def draft_prompt(request: Request) -> str:
    """The message that asks for a first version."""
    return _template("draft.jinja").render(prompt=request.task.prompt.strip())


def repair_prompt(request: Request) -> str:
    """The message that asks for a repair of the last attempt."""
    last = request.attempts[-1]
    feedback = last.verdict.feedback.strip() or last.verdict.error_type or last.verdict.outcome.value
    return _template("repair.jinja").render(
        prompt=request.task.prompt.strip(), code=last.code.strip("\n"), feedback=feedback
    )


@cache
def _template(name: str) -> Template:
    text = (resources.files(__name__) / name).read_text(encoding="utf-8")
    return Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False).from_string(text)
