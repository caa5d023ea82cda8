"""A tenth of the soak, as a test; ``benchmarks/soak.py`` is the whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import iterpref

ROOT = Path(iterpref.__file__).parent.parent
SOAK = ROOT / "benchmarks" / "soak.py"


def soak(*options: str) -> str:
    if not SOAK.exists():
        pytest.skip("benchmarks/soak.py is not part of an installation")
    command = [sys.executable, str(SOAK), *options]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_fifty_programs() -> None:
    assert "0 wrong verdicts; left behind: nothing" in soak("--programs", "50", "--seed", "1")


@pytest.mark.slow
def test_two_thousand_programs() -> None:
    assert "0 wrong verdicts; left behind: nothing" in soak("--programs", "2000")


@pytest.mark.slow
def test_eight_workers_a_core_lose_no_correct_program() -> None:
    assert "0 wrong verdicts; left behind: nothing" in soak("--programs", "400", "--oversubscribe", "8")


@pytest.mark.slow
def test_killed_servers_are_no_label() -> None:
    assert "0 wrong verdicts; left behind: nothing" in soak("--programs", "400", "--kill")
