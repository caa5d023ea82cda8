"""Teachers by name."""

from __future__ import annotations

import subprocess
import sys

import pytest

from iterpref.errors import InputError
from iterpref.teachers import TEACHERS, resolve
from iterpref.teachers.scripted import ScriptedTeacher


@pytest.mark.parametrize("name", sorted(TEACHERS))
def test_every_short_name_leads_to_a_teacher_of_that_name(name: str) -> None:
    assert resolve(name).name == name


def test_a_dotted_path_leads_to_a_class_of_ones_own() -> None:
    assert resolve("iterpref.teachers.scripted:ScriptedTeacher") is ScriptedTeacher


def test_an_unknown_name_is_answered_with_the_nearest_known_one() -> None:
    with pytest.raises(InputError, match="no teacher named 'serach'; did you mean 'search'"):
        resolve("serach")


def test_names_and_the_search_teacher_load_no_torch_transformers_or_openai() -> None:
    code = (
        "import sys; from iterpref.teachers import resolve; resolve('search'); resolve('scripted');"
        "print([name for name in ('torch', 'transformers', 'openai') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
