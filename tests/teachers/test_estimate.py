"""The estimate, by hand."""

from __future__ import annotations

import pytest

from iterpref.teachers.estimate import Plan, debugging, unsolved_before, writing
from iterpref.teachers.ledger import Spent
from iterpref.teachers.prices import Price


def test_the_papers_shares_are_met_where_it_gives_them() -> None:
    assert unsolved_before(1) == pytest.approx(1 - 0.367)
    assert unsolved_before(5) == pytest.approx(1 - 0.675 + 0.012)
    assert unsolved_before(3) == pytest.approx((0.633 * 0.337) ** 0.5)
    assert unsolved_before(9) == unsolved_before(5)


def test_a_session_at_most_and_as_expected() -> None:
    draft, repair = debugging(100, 80, drafts=True, repairs=True, sampling=False, iterations=2, max_new_tokens=500)
    assert (draft.most_calls, draft.expected_calls, draft.prompt_tokens) == (100, 100, 100)
    assert repair.most_calls == 200
    assert repair.expected_calls == pytest.approx(100 * (0.633 + 0.633 * (0.337 / 0.633) ** 0.25))
    assert repair.prompt_tokens == 80 + 400 + 150 + 40  # the task, the last program, what happened, the words around it
    assert repair.most_prompt_tokens == 80 + 500 + 500 + 40  # a program of its limit, feedback of 2,000 characters
    assert draft.most_prompt_tokens == 100


def test_at_most_a_prompt_holds_the_longest_task_and_the_longest_program() -> None:
    (repair,) = debugging(
        1,
        80,
        drafts=False,
        repairs=True,
        sampling=False,
        iterations=1,
        max_new_tokens=500,
        most_prompt_tokens=4000,
        most_code_tokens=4096,
    )
    assert repair.most_prompt_tokens == 4000 + 4096 + 500 + 40
    assert repair.prompt_tokens == 80 + 400 + 150 + 40


def test_sampling_drafts_every_version() -> None:
    (draft,) = debugging(10, 80, drafts=True, repairs=True, sampling=True, iterations=5, max_new_tokens=500)
    assert (draft.most_calls, draft.expected_calls) == (60, 60)


def test_what_the_ledger_knows_is_better_than_a_guess() -> None:
    known = [Spent("draft", "m", 12, 0, 0, 1000, 2, 0.0)]  # two of the twelve came without counts
    (draft,) = debugging(
        1, 80, drafts=True, repairs=False, sampling=False, iterations=5, max_new_tokens=500, spent=known
    )
    assert draft.answer_tokens == 100


def test_a_plan_in_money() -> None:
    loads = tuple(writing(10, 600, evolve=0, max_new_tokens=2000))
    (most, expected) = Plan(loads, Price(input=1.0, output=10.0)).rows()
    assert most == ("at most", 20, 10 * 600 + 10 * 2700, 40_000, pytest.approx((33_000 + 400_000) / 1e6))
    assert expected == ("expected", 10, 6000, 12_000, pytest.approx((6000 + 120_000) / 1e6))
    (_, task, again) = writing(10, 600, evolve=0, max_new_tokens=2000, most_prompt_tokens=700)
    assert (task.prompt_tokens, task.most_prompt_tokens, again.most_prompt_tokens) == (600, 700, 2800)
    assert Plan(loads, None).rows()[0][4] is None
