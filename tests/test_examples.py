"""Every example runs as a script, and says what its reader came for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
SERVED = {"chat_endpoint.py"}  # those that are given a server
EXPECTED = {
    "chat_endpoint.py": [
        "| at most | 24 |",
        "sessions complete | 24 |",
        "## What was asked",
        "wrote runs/chat-endpoint",
    ],
    "sandbox_alone.py": ["right: pass, 2 of 2", "off by one: ", "hostile: error"],
    "masks_alone.py": ["1  ", "0  'def'", "0  the end token"],
    "labelled_pairs.py": ["penalised: '    return a if a < b else b\\n'", "exported: pairs.parquet"],
    "trl_focus.py": ["penalised: '\\n    return total / (len(xs) - 1)\\n'", "trained: 4 steps, reward margin +"],
    "agent_logs.py": ["| pairs | 3 |", "**target-rpo**: 5 steps on 3 pairs"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({path.name for path in EXAMPLES.glob("*.py")} - SERVED))
def test_example(name: str, tmp_path: Path) -> None:
    runs(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SERVED))
def test_example_with_a_server(name: str, tmp_path: Path, transformers_serve: tuple[str, Path]) -> None:
    url, model = transformers_serve
    runs(name, tmp_path, url, str(model))


def runs(name: str, tmp_path: Path, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments], capture_output=True, text=True, cwd=tmp_path, timeout=600
    )
    assert done.returncode == 0, done.stderr
    for line in EXPECTED[name]:
        assert line in done.stdout
