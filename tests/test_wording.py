from __future__ import annotations

import pytest

from iterpref.wording import counted


@pytest.mark.parametrize(("number", "text"), [(0, "0 tasks"), (1, "1 task"), (2, "2 tasks"), (1140, "1,140 tasks")])
def test_numbers_of_things(number: int, text: str) -> None:
    assert counted(number, "task") == text
