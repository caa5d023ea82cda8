"""The paper's last filter (section 3.1): a language model says whether a difference is cosmetic.

It is an option, since running says more (``focus: verified``) and names, comments and layout are compared exactly
(:mod:`.normal`). The model is any teacher; the question stands in ``cosmetic.jinja``. An answer is one line of Python
that assigns the verdict, and nothing else; whatever is not that is no answer, and no answer drops nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from importlib import resources

from jinja2 import Environment, StrictUndefined, Template

from iterpref.pairs.filters import Candidate

__all__ = ["AskMany", "cosmetic_question", "is_cosmetic"]

AskMany = Callable[[Sequence[str]], Sequence[str | None]]
"""Questions to answers, None where there is none."""

_VERDICT = re.compile(r"""\s*verdict\s*=\s*(?P<quote>["'])(?P<word>cosmetic|functional)(?P=quote)\s*""")


def cosmetic_question(prompt: str, pair: Candidate) -> str:
    """What the model is asked about a pair."""
    return _template().render(prompt=prompt.strip(), rejected=pair.rejected.strip("\n"), chosen=pair.chosen.strip("\n"))


def is_cosmetic(answer: str | None) -> bool | None:
    """The verdict, or None where the answer is anything else."""
    match = _VERDICT.fullmatch(answer or "")
    return match["word"] == "cosmetic" if match else None


@cache
def _template() -> Template:
    text = (resources.files("iterpref.pairs") / "cosmetic.jinja").read_text(encoding="utf-8")
    return Environment(undefined=StrictUndefined, autoescape=False).from_string(text)
