"""The question put to the language model, and the one answer that counts."""

from __future__ import annotations

import pytest

from iterpref.pairs.cosmetic import cosmetic_question, is_cosmetic
from iterpref.pairs.filters import Candidate


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ('verdict = "cosmetic"', True),
        ("verdict = 'functional'\n", False),
        ("verdict='cosmetic'", True),
        ("cosmetic", None),
        ('verdict = "cosmetic"\nverdict = "functional"', None),
        ('verdict = "Cosmetic"', None),
        ("verdict = \"cosmetic'", None),
        ("def f():\n    return 1\n", None),
        ("", None),
        (None, None),
    ],
)
def test_only_the_very_answer_counts(answer: str | None, verdict: bool | None) -> None:
    assert is_cosmetic(answer) is verdict


def test_the_question_holds_task_and_both_versions() -> None:
    question = cosmetic_question("Add one.\n", Candidate("def f(x): return x + 1\n", "def f(x): return {x}\n", []))
    assert question.index("Add one.") < question.index("return {x}") < question.index("return x + 1")
    assert is_cosmetic(question.splitlines()[-3]) is True
    assert is_cosmetic(question.splitlines()[-1]) is False
