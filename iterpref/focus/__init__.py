"""Which characters of a failing program were wrong, and which tokens those are. Usable alone, without torch.

>>> from iterpref.focus import DIFFERS, focus_spans
>>> rejected, chosen = focus_spans(DIFFERS["lines"]("x = 1\\n", "x = 2\\n"))
>>> rejected[0].start, rejected[0].end, rejected[0].reason
(0, 6, 'changed')
"""

from iterpref.focus.diff import Deletions, Differ, Hunk, apply_hunks, focus_spans
from iterpref.focus.ends import diff_ends
from iterpref.focus.lexemes import diff_lexemes
from iterpref.focus.lines import diff_lines
from iterpref.focus.masks import token_weights
from iterpref.focus.styles import STYLES, Style, resolve_style
from iterpref.focus.tree import diff_tree
from iterpref.focus.verified import Question, Search, Verified, reruns_agree, verified_focus, verify
from iterpref.lookup import lookup

__all__ = [
    "DIFFERS",
    "STYLES",
    "Deletions",
    "Differ",
    "Hunk",
    "Question",
    "Search",
    "Style",
    "Verified",
    "apply_hunks",
    "diff_lines",
    "focus_spans",
    "reruns_agree",
    "resolve_differ",
    "resolve_style",
    "token_weights",
    "verified_focus",
    "verify",
]

DIFFERS: dict[str, Differ] = {"lines": diff_lines, "lexemes": diff_lexemes, "tree": diff_tree, "ends": diff_ends}


def resolve_differ(name: str) -> Differ:
    """A differ by short name, else by dotted path (``my.module:my_differ``).

    Raises:
        InputError: there is none of that name.
    """
    paths = {short: f"{differ.__module__}:{differ.__name__}" for short, differ in DIFFERS.items()}
    differ: Differ = lookup("differ", name, paths)
    return differ
