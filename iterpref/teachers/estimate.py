"""What a collection will ask and cost, told before anything is sent.

Two figures: at most, where every session goes on to its last iteration and every answer uses its whole limit, also
where it is sent back in a prompt; and expected, where sessions are solved as the paper's were. Money only where the
model has a price.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from iterpref.teachers.ledger import Spent
from iterpref.teachers.prices import Price
from iterpref.teachers.prompts import FEEDBACK_CHARACTERS

__all__ = ["Load", "Plan", "debugging", "unsolved_before", "writing"]

_SOLVED_FIRST, _SOLVED_LAST, _OF_LAST = 0.367, 0.675, 0.012  # paper, section 3.1: at iteration 0, after 5, by the 5th
_FEEDBACK_TOKENS = 150.0  # the failing test, or a traceback of a few frames
_MOST_FEEDBACK_TOKENS = FEEDBACK_CHARACTERS / 4
_MEND_TOKENS = 100.0  # what is wrong with a task, told to its author
_USUAL_TOKENS = {"task": 1200.0, "task, again": 1200.0}  # of an answer, where the ledger knows none of its kind
_USUAL = 400.0


@dataclass(frozen=True)
class Load:
    """Calls of one purpose, with tokens for each: of the request and of the answer, expected and at most."""

    purpose: str
    most_calls: float
    expected_calls: float
    prompt_tokens: float
    most_prompt_tokens: float
    answer_tokens: float
    most_answer_tokens: float


@dataclass(frozen=True)
class Plan:
    """All that a collection will ask."""

    loads: tuple[Load, ...]
    price: Price | None

    def rows(self) -> list[tuple[str, float, float, float, float | None]]:
        """(name, calls, prompt tokens, answer tokens, USD or None), at most and expected."""
        found = []
        for name in ("at most", "expected"):
            most = name == "at most"
            calls = [each.most_calls if most else each.expected_calls for each in self.loads]
            prompt = sum(
                n * (each.most_prompt_tokens if most else each.prompt_tokens)
                for n, each in zip(calls, self.loads, strict=True)
            )
            answer = sum(
                n * (each.most_answer_tokens if most else each.answer_tokens)
                for n, each in zip(calls, self.loads, strict=True)
            )
            found.append((name, sum(calls), prompt, answer, self.price.cost(prompt, answer) if self.price else None))
        return found


def unsolved_before(repair: int) -> float:
    """Share of sessions that still fail before the given repair (from 1), by the paper's rates.

    Published are the shares before the first and the fifth; those between are interpolated geometrically, those after
    the fifth stay.
    """
    first, fifth = 1 - _SOLVED_FIRST, 1 - _SOLVED_LAST + _OF_LAST
    return float(first * (fifth / first) ** ((min(repair, 5) - 1) / 4))


def debugging(
    sessions: int,
    prompt_tokens: float,
    *,
    drafts: bool,
    repairs: bool,
    sampling: bool,
    iterations: int,
    max_new_tokens: int,
    spent: Sequence[Spent] = (),
    most_prompt_tokens: float = 0.0,
    most_code_tokens: float = 0.0,
) -> list[Load]:
    """Calls for sessions whose task has a prompt of so many tokens on average.

    Args:
        most_prompt_tokens: of a task's prompt, where that is more.
        most_code_tokens: of a program that was not asked for here, where that may exceed ``max_new_tokens``.
    """
    most_prompt = max(prompt_tokens, most_prompt_tokens)
    answer = _answer("draft", max_new_tokens, spent)
    loads = []
    if drafts:
        each = sessions * (iterations + 1 if sampling else 1)
        loads.append(Load("draft", each, each, prompt_tokens + 20, most_prompt + 20, answer, max_new_tokens))
    if repairs and not sampling:
        expected = sessions * sum(unsolved_before(repair) for repair in range(1, iterations + 1))
        prompt = prompt_tokens + answer + _FEEDBACK_TOKENS + 40
        most = most_prompt + max(max_new_tokens, most_code_tokens) + _MOST_FEEDBACK_TOKENS + 40
        answer = _answer("repair", max_new_tokens, spent)
        loads.append(Load("repair", sessions * iterations, expected, prompt, most, answer, max_new_tokens))
    return loads


def writing(
    tasks: int,
    prompt_tokens: float,
    *,
    evolve: int,
    max_new_tokens: int,
    spent: Sequence[Spent] = (),
    most_prompt_tokens: float = 0.0,
) -> list[Load]:
    """Calls to write tasks whose prompts have so many tokens on average, and at most so many where that is more.

    That an answer must be asked for again is counted in the highest figure only.
    """
    most_prompt = max(prompt_tokens, most_prompt_tokens)
    answer = _answer("task", max_new_tokens, spent)
    again = most_prompt + max_new_tokens + _MEND_TOKENS
    return [
        Load("features", evolve, evolve, 200, 400, min(_USUAL, max_new_tokens), max_new_tokens),
        Load("task", tasks, tasks, prompt_tokens, most_prompt, answer, max_new_tokens),
        Load("task, again", tasks, 0, again, again, answer, max_new_tokens),
    ]


def _answer(purpose: str, limit: int, spent: Sequence[Spent]) -> float:
    """Tokens of an answer: as in the ledger, else as usual."""
    known = [each for each in spent if each.purpose == purpose and each.answers > each.uncounted]
    counted = sum(each.answers - each.uncounted for each in known)
    if counted:
        return sum(each.completion_tokens for each in known) / counted
    return min(_USUAL_TOKENS.get(purpose, _USUAL), limit)
