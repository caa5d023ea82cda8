"""The scripted teacher."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from iterpref.errors import InputError
from iterpref.teachers.base import Request, Settings
from iterpref.teachers.scripted import ScriptedTeacher
from iterpref.types import Attempt, Outcome, Task, Verdict

TASK = Task("t", "add one")
FAILED = Attempt(0, "x", Verdict(Outcome.WRONG))


def test_the_number_of_attempts_picks_the_program_and_silence_follows_the_last_one() -> None:
    teacher = ScriptedTeacher({"t": ["first", "second"]})
    requests = [Request(TASK, (FAILED,)), Request(TASK), Request(TASK, (FAILED, FAILED)), Request(Task("u", "other"))]
    assert [(index, reply.code) for index, reply in teacher.write(requests)] == [
        (0, "second"),
        (1, "first"),
        (2, None),
        (3, None),
    ]


def test_a_recipe_names_a_json_file(tmp_path: Path) -> None:
    path = tmp_path / "answers.json"
    path.write_text(json.dumps({"t": ["first"]}))
    (answer,) = ScriptedTeacher.from_settings(Settings(model=str(path))).write([Request(TASK)])
    assert answer[1].code == "first"


@pytest.mark.parametrize("text", ["[]", '{"t": "first"}', "{"])
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "answers.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"answers\.json: the scripted teacher"):
        ScriptedTeacher.from_settings(Settings(model=str(path)))
