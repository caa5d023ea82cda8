"""The paper's rule filters (section 3.1) and what running adds: a pair is kept, or dropped with one reason.

A filter looks at a :class:`Candidate` and returns a reason, or None to keep it. Some look at the texts alone, some at
the focus: where the focus is proven by running, these come after it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest

from iterpref.config import PairsConfig
from iterpref.focus import Hunk
from iterpref.focus.syntax import Positions, parse
from iterpref.pairs.normal import definitions, docstring, normal_form, shape
from iterpref.types import Tests

__all__ = ["Candidate", "Filter", "focus_filters", "keywords_of", "policies", "text_filters"]

_COMMENT = re.compile(r"#.*")


@dataclass(frozen=True)
class Candidate:
    """A pair before it is one."""

    chosen: str
    rejected: str
    hunks: Sequence[Hunk]
    keywords: frozenset[str] = frozenset()  # parameters that the tests name in their calls

    @property
    def focus(self) -> list[Hunk]:
        """The hunks that count."""
        return [hunk for hunk in self.hunks if hunk.counts]

    @property
    def focus_lines(self) -> list[str]:
        """The lines of D-, without those that are blank."""
        lines = [
            line for hunk in self.focus for line in self.rejected[hunk.rejected_start : hunk.rejected_end].split("\n")
        ]
        return [line for line in lines if line.strip()]

    @property
    def share(self) -> float:
        """How much of y- is focus: of its characters that are not blank."""
        focus = sum(len("".join(line.split())) for line in self.focus_lines)
        return focus / max(1, len("".join(self.rejected.split())))

    @cached_property
    def trees(self) -> tuple[ast.Module | None, ast.Module | None]:
        """Of y- and y+."""
        return parse(self.rejected), parse(self.chosen)

    @cached_property
    def same_shape(self) -> bool:
        """Both parse, to trees of the same nodes, whatever these hold: a quick test before a thorough one."""
        rejected, chosen = self.trees
        if rejected is None or chosen is None:
            return False
        return all(a is b for a, b in zip_longest(shape(rejected), shape(chosen)))


Filter = Callable[[Candidate], str | None]


def keywords_of(tests: Tests | None) -> frozenset[str]:
    """Names by which tests hand over arguments: a program that calls its parameters otherwise is another program."""
    if tests is None:
        return frozenset()
    named = {key for case in tests.cases for key in case.kwargs}
    tree = parse(tests.code)
    nodes = ast.walk(tree) if tree is not None else ()
    return frozenset(named | {node.arg for node in nodes if isinstance(node, ast.keyword) and node.arg})


def focus_filters(config: PairsConfig) -> list[Filter]:
    """What is asked of D-."""

    def too_many_lines(pair: Candidate) -> str | None:
        return f"D- has over {config.max_lines} lines" if len(pair.focus_lines) > config.max_lines else None

    return [beside_the_point, only_comments, too_many_lines]


def text_filters(config: PairsConfig, count_tokens: Callable[[str], int] | None) -> list[Filter]:
    """What is asked of the two texts. Without ``count_tokens`` length is not judged."""

    def too_many_tokens(pair: Candidate) -> str | None:
        assert count_tokens is not None
        longest = max(count_tokens(pair.chosen), count_tokens(pair.rejected))
        return f"y+ or y- has over {config.max_tokens} tokens" if longest > config.max_tokens else None

    return [*([too_many_tokens] if count_tokens is not None else []), same_ast, same_but_for_names]


def policies(config: PairsConfig) -> list[Filter]:
    """What is kept or dropped as the recipe says."""

    def only_missing(pair: Candidate) -> str | None:
        return "y- only lacks code" if all(hunk.missing for hunk in pair.focus) else None

    def rewritten(pair: Candidate) -> str | None:
        return f"D- is over {config.max_share:.0%} of y-" if pair.share > config.max_share else None

    chain: list[Filter] = [only_missing] if config.deletions == "drop" else []
    return [*chain, rewritten] if config.rewrites == "drop" else chain


def identical(pair: Candidate) -> str | None:
    return None if pair.hunks else "y- equals y+"


def beside_the_point(pair: Candidate) -> str | None:
    """There are differences, but the differ says of each that it does not count: y- would carry no penalty at all."""
    return "everything that differs is renamed, moved or formatting" if pair.hunks and not pair.focus else None


def only_comments(pair: Candidate) -> str | None:
    """D- is there, but holds only comments, docstrings and blank lines."""
    focus = [slice(hunk.rejected_start, hunk.rejected_end) for hunk in pair.focus if not hunk.missing]
    text = pair.rejected
    if any(text[part].strip(" \t") == "" for part in focus):
        return None  # blanks within a line: its indentation is wrong
    if all(not _COMMENT.sub("", text[part]).strip() for part in focus):
        return "D- is only comments" if focus and not _in_a_string(pair, focus) else None
    for start, end in _docstrings(pair):
        text = text[:start] + " " * (end - start) + text[end:]
    if text == pair.rejected or any(_COMMENT.sub("", text[part]).strip() for part in focus):
        return None
    return "D- is only comments and docstrings"


def _in_a_string(pair: Candidate, focus: Sequence[slice]) -> bool:
    """Whether what looks like comments or blank lines is text of the program, in a string that is no docstring."""
    tree = pair.trees[0]
    if tree is None:
        return False
    positions, docstrings = Positions(pair.rejected), _docstrings(pair)
    strings = (node for node in ast.walk(tree) if isinstance(node, (ast.Constant, ast.JoinedStr)))
    spans = (positions.of(node) for node in strings if node.end_lineno != node.lineno)
    return any(
        span not in docstrings and part.start < span[1] and span[0] < part.stop for span in spans for part in focus
    )


def _docstrings(pair: Candidate) -> list[tuple[int, int]]:
    """Characters of the docstrings of y-."""
    tree = pair.trees[0]
    found = [docstring(node) for node in definitions(tree)] if tree is not None else []
    positions = Positions(pair.rejected)
    return [positions.of(node) for node in found if node is not None]


def same_ast(pair: Candidate) -> str | None:
    rejected, chosen = pair.trees
    if rejected is None or chosen is None or not pair.same_shape or ast.dump(rejected) != ast.dump(chosen):
        return None
    return "y- and y+ have the same AST"


def same_but_for_names(pair: Candidate) -> str | None:
    if not pair.same_shape or normal_form(pair.rejected, pair.keywords) != normal_form(pair.chosen, pair.keywords):
        return None
    return "y- and y+ differ only in names, comments and layout"
