"""Libraries that are loaded before the fork, chosen by what a program imports; environments in odd places."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

import iterpref
from iterpref.sandbox import Sandbox
from iterpref.sandbox.profiles import profile_of
from iterpref.types import Outcome, Tests

SOURCE = str(Path(iterpref.__file__).parent.parent)


@pytest.mark.parametrize(
    ("source", "profile"),
    [
        ("import os, sys", "plain"),
        ("x = 'numpy'", "plain"),
        ("import numpy as np", "numpy"),
        ("import os, numpy", "numpy"),
        ("def f():\n    from numpy.linalg import norm", "numpy"),
        ("from pandas import DataFrame\nimport numpy", "pandas"),
        ("import matplotlib.pyplot as plt", "science"),
        ("from sklearn import svm", "science"),
        ("from mine import pandas", "plain"),
        ("import numpylike", "plain"),
    ],
)
def test_profile_is_chosen_by_imports(source: str, profile: str) -> None:
    assert profile_of(source) == profile


def test_imports_of_the_tests_count_too() -> None:
    assert profile_of("x = 1", "import pandas", "") == "pandas"


def test_library_is_loaded_before_the_program(box: Sandbox) -> None:
    pytest.importorskip("numpy")
    loaded = "import sys\nbefore = 'numpy' in sys.modules\nimport numpy\ndef f():\n    return before"
    assert box.judge(loaded, Tests("asserts", "assert f() is True", entry_point="f")).passed
    plain = "import sys\ndef f():\n    return 'numpy' in sys.modules"
    assert box.judge(plain, Tests("asserts", "assert f() is False", entry_point="f")).passed


def test_missing_library_is_the_programs_own_import_error(box: Sandbox) -> None:
    program = "import numpy_of_nobody\ndef f():\n    return 1"
    verdict = box.judge(program, Tests("asserts", "assert f() == 1", entry_point="f"))
    assert (verdict.outcome, verdict.error_type) == (Outcome.ERROR, "ModuleNotFoundError")


@pytest.mark.parametrize(
    ("imported", "number"),
    [("import random", "random.getrandbits(60)"), ("import numpy as np", "int(np.random.randint(10 ** 9))")],
)
def test_random_numbers_differ_between_programs_and_follow_a_seed(box: Sandbox, imported: str, number: str) -> None:
    pytest.importorskip(imported.split()[1])
    program = f"{imported}\ndef f():\n    return {number}"
    tests = Tests("asserts", "assert f() == -1", entry_point="f")
    assert box.judge(program, tests).feedback != box.judge(program, tests).feedback
    seeded = f"{imported}\n{imported.split()[-1] if 'random' in imported else 'np.random'}.seed(1)\n{program}"
    assert box.judge(seeded, tests).feedback == box.judge(seeded, tests).feedback


def test_memory_limit_is_above_what_the_libraries_take(box: Sandbox) -> None:
    pytest.importorskip("pandas")
    program = "import pandas\ndef f(n):\n    return len(bytearray(n))"
    fits = Tests("asserts", "assert f(64 << 20) == 64 << 20", entry_point="f", memory_mb=128)
    exceeds = Tests("asserts", "assert f(512 << 20) == 1", entry_point="f", memory_mb=128)
    assert box.judge(program, fits).passed
    assert box.judge(program, exceeds).outcome is Outcome.MEMORY


def test_number_of_servers_is_bounded() -> None:
    with Sandbox(workers=1) as box:
        for library in ("numpy", "pandas", "numpy", "json", "pandas", "json"):
            tests = Tests("asserts", "assert True or f()", entry_point="f")
            box.judge(f"try:\n    import {library}\nexcept ImportError: pass\ndef f(): pass", tests)
            assert len(box._pool.servers) <= 3


JUDGE = """
import sys
sys.path.insert(0, sys.argv[1])
from iterpref.sandbox import Sandbox
from iterpref.types import Tests
tests = Tests("asserts", "assert f() == 7", entry_point="f")
program = "import lonely\\nimport os\\ndef f():\\n    open('/tmp/x', 'w')\\n    return lonely.VALUE"
with Sandbox(workers=1) as box:
    print([box.judge(program, tests).outcome.value for _ in range(3)])
"""


def test_environment_below_tmp_in_a_private_folder(tmp_path: Path) -> None:
    folder = tmp_path / "private"
    venv.create(folder / "env", symlinks=True)
    folder.chmod(0o700)
    python = folder / "env" / "bin" / "python"
    find = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    packages = subprocess.run([python, "-c", find], capture_output=True, text=True, check=True).stdout.strip()
    (Path(packages) / "lonely.py").write_text("VALUE = 7\n")
    done = subprocess.run([python, "-c", JUDGE, SOURCE], capture_output=True, text=True, check=False)
    assert done.stdout == "['pass', 'pass', 'pass']\n", (sys.prefix, done.stderr)
