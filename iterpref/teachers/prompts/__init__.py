"""What language models are told, as Jinja templates beside this file; a folder of one's own may replace any of them.

``draft.jinja`` sees ``prompt``; ``repair.jinja`` also ``code`` and ``feedback``, those of the last attempt. A name that
a template uses and nobody defines is an error, never an empty string. It is found before anything is asked: each
template is filled in once with sample values when it is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template, TemplateError, meta

from iterpref.errors import InputError
from iterpref.teachers.base import Request

__all__ = ["FEEDBACK_CHARACTERS", "NAMES", "clean_feedback", "draft_prompt", "load_templates", "repair_prompt"]

NAMES: Mapping[str, Mapping[str, Any]] = {
    "draft": {"prompt": "Add one to x."},
    "repair": {"prompt": "Add one to x.", "code": "def f(x):\n    return x", "feedback": "f(1) is 1, expected 2"},
}
"""The templates of this package, and what each may use, with a sample."""
FEEDBACK_CHARACTERS = 2000

_ENVIRONMENT = Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False)
_CLEANED = (  # what changes from run to run says nothing about the fault, and would make every question a new one
    (re.compile(r"( at)? 0x[0-9a-fA-F]{4,}"), ""),
    (re.compile(r"/(?:tmp|var/tmp|private/var|dev/shm)(?:/[\w.+-]+)*/([\w.+-]+)"), r"\1"),
    (re.compile(r"\b(in|after|took) \d+(?:\.\d+)? ?(?:s|ms|seconds|milliseconds)\b"), r"\1 some time"),
)


def draft_prompt(request: Request, own: str = "") -> str:
    """The message that asks for a first version. ``own`` is a folder of templates, as in :func:`load_templates`."""
    return load_templates(__name__, NAMES, own)["draft"].render(prompt=request.task.prompt.strip())


def repair_prompt(request: Request, own: str = "") -> str:
    """The message that asks for a repair of the last attempt."""
    last = request.attempts[-1]
    feedback = clean_feedback(last.verdict.feedback) or last.verdict.error_type or last.verdict.outcome.value
    return load_templates(__name__, NAMES, own)["repair"].render(
        prompt=request.task.prompt.strip(), code=last.code.strip("\n"), feedback=feedback
    )


def clean_feedback(text: str) -> str:
    """Feedback without addresses, temporary folders and timings, without its middle where it is long."""
    for pattern, put in _CLEANED:
        text = pattern.sub(put, text)
    text = text.strip()
    if len(text) <= FEEDBACK_CHARACTERS:
        return text
    return f"{text[: FEEDBACK_CHARACTERS * 2 // 3]}\n...\n{text[-FEEDBACK_CHARACTERS // 3 :]}"


def _parse(where: str, text: str, samples: Mapping[str, Any]) -> Template:
    try:
        unknown = sorted(meta.find_undeclared_variables(_ENVIRONMENT.parse(text)) - samples.keys())
        template = _ENVIRONMENT.from_string(text)
    except TemplateError as error:
        raise InputError(f"{where}: not a valid Jinja template ({error.message}); mend it.") from None
    if unknown:
        known = ", ".join(sorted(samples))
        raise InputError(f"{where}: the template uses {unknown[0]!r}, which is not defined; known here: {known}.")
    try:
        template.render(samples)
    except Exception as error:  # whatever an expression of somebody's own raises
        raise InputError(f"{where}: the template cannot be filled in ({error}); mend it.") from None
    return template


def load_templates(package: str, names: Mapping[str, Mapping[str, Any]], own: str = "") -> Mapping[str, Template]:
    """The templates ``<name>.jinja`` of a package, or of the folder ``own`` where it has one of that name.

    ``names`` says what each may use, with a sample. They are read once in a process.

    Raises:
        InputError: no such folder, a template that does not parse, that uses what is not defined, or fails otherwise.
    """
    return _load(package, tuple((name, tuple(samples.items())) for name, samples in names.items()), own)


@cache
def _load(package: str, names: tuple[tuple[str, tuple[tuple[str, Any], ...]], ...], own: str) -> Mapping[str, Template]:
    if own and not Path(own).is_dir():
        raise InputError(f"{own}: there is no such folder of templates; correct chat.prompts.")
    found = {}
    for name, samples in names:
        mine = Path(own) / f"{name}.jinja" if own else None
        if mine is not None and mine.is_file():
            found[name] = _parse(str(mine), _text(mine), dict(samples))
        else:
            text = (resources.files(package) / f"{name}.jinja").read_text(encoding="utf-8")
            found[name] = _parse(f"{name}.jinja", text, dict(samples))
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: the template cannot be read ({error}); save it as UTF-8 text.") from None
