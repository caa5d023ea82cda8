"""A finer differ: within changed lines, an exact longest common subsequence over lexemes.

Lexemes are names, numbers, strings, comments, operators and runs of blanks: independent of any model's tokenizer, and
defined for programs that do not parse. The paper tries a token-level variant as an ablation (Appendix C).
"""

from __future__ import annotations

import re

from iterpref.focus.diff import Hunk
from iterpref.focus.lines import diff_lines, diff_sequences

__all__ = ["diff_lexemes", "lexemes"]

_LEXEME = re.compile(
    r"""
      [^\W\d]\w*                                # name or keyword
    | \d[\w.]*                                  # number
    | \#[^\n]*                                  # comment
    | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' # string on one line
    | \r?\n | [^\S\r\n]+                        # end of line, blanks
    | \*\*=? | //=? | <<=? | >>=? | [-+*/%&|^=<>!@:]= | ->  # operators of several characters
    | .                                         # anything else
    """,
    re.VERBOSE | re.DOTALL,
)


def lexemes(text: str) -> list[str]:
    """Cut ``text`` into lexemes; joined, they are ``text`` again."""
    return _LEXEME.findall(text)


def diff_lexemes(rejected: str, chosen: str) -> list[Hunk]:
    """Hunks of lexemes inside the hunks that :func:`diff_lines` finds."""
    return [
        part.shifted(line.rejected_start, line.chosen_start)
        for line in diff_lines(rejected, chosen)
        for part in diff_sequences(
            lexemes(rejected[line.rejected_start : line.rejected_end]),
            lexemes(chosen[line.chosen_start : line.chosen_end]),
        )
    ]
