"""What a language model is asked: prompts are Jinja templates in ``templates/``, beside the code that fills them."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from iterpref.teachers.base import Request

__all__ = ["ask", "render"]


def ask(request: Request) -> str:
    """The task's own prompt for a draft, so that a student is asked as it is trained; else the repair prompt."""
    if not request.attempts:
        return request.task.prompt
    return render("repair", task=request.task, attempt=request.attempts[-1])


def render(template: str, **names: object) -> str:
    """Fill a template of this package. A name that the template does not find is an error."""
    return _environment().get_template(f"{template}.j2").render(**names)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("iterpref.teachers", "templates"),
        undefined=StrictUndefined,
        autoescape=False,  # prompts are plain text
        trim_blocks=True,
        keep_trailing_newline=False,
    )
