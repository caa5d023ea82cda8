"""What language models are told, as Jinja templates beside this file; a folder of one's own may replace any of them.

``draft.jinja`` sees ``prompt``; ``repair.jinja`` also ``code`` and ``feedback``, those of the last attempt. A name that
a template uses and nobody defines is an error, never an empty string. It is found before anything is asked: names are
looked for in every branch, and each template is filled in with samples of what it will see when it is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, TemplateError, meta

from iterpref.errors import InputError
from iterpref.teachers.base import Request

__all__ = [
    "FEEDBACK_CHARACTERS",
    "KINDS",
    "Kind",
    "Template",
    "clean_feedback",
    "draft_prompt",
    "load_templates",
    "repair_prompt",
]


@dataclass(frozen=True)
class Kind:
    """What a template may use, as ``samples`` of it, and what it must use: else the model is asked about nothing."""

    samples: Sequence[Mapping[str, Any]]
    must: Sequence[str] = ()


_PASSED_BY = "f(1)\nactual: 1\nexpected: 2"
_RAISED = "Traceback (most recent call last):\n  line 2, in f\n    return y\nNameError: name 'y' is not defined"
KINDS: Mapping[str, Kind] = {
    "draft": Kind([{"prompt": "Add one to x."}, {"prompt": 'def f(x: int) -> int:\n    """Add one."""'}], ["prompt"]),
    "repair": Kind(
        [
            {"prompt": "Add one to x.", "code": "def f(x):\n    return x", "feedback": _PASSED_BY},
            {"prompt": "Add one to x.", "code": "class F:\n    pass", "feedback": _RAISED},
            {"prompt": "Add one to x.", "code": "def f(x)", "feedback": "timeout"},
        ],
        ["code"],
    ),
}
"""The templates of this package."""
FEEDBACK_CHARACTERS = 2000

_ENVIRONMENT = Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False)
_CLEANED = (  # what changes from run to run says nothing about the fault, and would make every question a new one
    (re.compile(r"( at)? 0x[0-9a-fA-F]{4,}"), ""),
    (re.compile(r"/(?:tmp|var/tmp|private/var|dev/shm)(?:/[\w.+-]+)*/([\w.+-]+)"), r"\1"),
    (re.compile(r"\b(in|after|took) \d+(?:\.\d+)? ?(?:s|ms|seconds|milliseconds)\b"), r"\1 some time"),
)


def draft_prompt(request: Request, own: str = "") -> str:
    """The message that asks for a first version. ``own`` is a folder of templates, as in :func:`load_templates`."""
    return load_templates(__name__, KINDS, own)["draft"].fill(prompt=request.task.prompt.strip())


def repair_prompt(request: Request, own: str = "") -> str:
    """The message that asks for a repair of the last attempt."""
    last = request.attempts[-1]
    feedback = clean_feedback(last.verdict.feedback) or last.verdict.error_type or last.verdict.outcome.value
    return load_templates(__name__, KINDS, own)["repair"].fill(
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


class Template:
    """A template that was found good, as far as that can be known beforehand."""

    def __init__(self, where: str, text: str, kind: Kind) -> None:
        self._where = where
        known = {name for sample in kind.samples for name in sample}
        try:
            used = meta.find_undeclared_variables(_ENVIRONMENT.parse(text))
            self._template = _ENVIRONMENT.from_string(text)
        except TemplateError as error:
            raise InputError(f"{where}: not a valid Jinja template ({error.message}); mend it.") from None
        if unknown := sorted(used - known):
            told = ", ".join(sorted(known))
            raise InputError(f"{where}: the template uses {unknown[0]!r}, which is not defined; known here: {told}.")
        if missing := [name for name in kind.must if name not in used]:
            raise InputError(
                f"{where}: the template leaves out {missing[0]!r}, so the model would not be told; put "
                f"{{{{ {missing[0]} }}}} into it."
            )
        for sample in kind.samples:
            self.fill(**sample)

    def fill(self, **values: Any) -> str:
        """The text.

        Raises:
            InputError: an expression of the template fails on these values.
        """
        try:
            return self._template.render(values)
        except Exception as error:  # whatever an expression of somebody's own raises
            raise InputError(f"{self._where}: the template cannot be filled in ({error}); mend it.") from None


def load_templates(package: str, kinds: Mapping[str, Kind], own: str = "") -> Mapping[str, Template]:
    """The templates ``<name>.jinja`` of a package, or of the folder ``own`` where it has one of that name.

    They are read once in a process.

    Raises:
        InputError: no such folder, a template that does not parse, that uses what is not defined or not what it must,
            or fails otherwise.
    """
    if (package, own) not in _LOADED:
        if own and not Path(own).is_dir():
            raise InputError(f"{own}: there is no such folder of templates; correct chat.prompts.")
        _LOADED[package, own] = {name: _load(package, name, kind, own) for name, kind in kinds.items()}
    return _LOADED[package, own]


_LOADED: dict[tuple[str, str], Mapping[str, Template]] = {}


def _load(package: str, name: str, kind: Kind, own: str) -> Template:
    mine = Path(own) / f"{name}.jinja"
    if own and mine.is_file():
        return Template(str(mine), _text(mine), kind)
    return Template(f"{name}.jinja", (resources.files(package) / f"{name}.jinja").read_text(encoding="utf-8"), kind)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: the template cannot be read ({error}); save it as UTF-8 text.") from None
