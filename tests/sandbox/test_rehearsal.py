"""What the fork server does before the first program: real runs, which leave nothing behind."""

from __future__ import annotations

import json
import linecache
import os
import signal
import sys
from pathlib import Path

import pytest

from iterpref.sandbox import rehearsal


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "records"
    path.touch()
    monkeypatch.setattr(os, "devnull", str(path))
    return path


def test_every_kind_of_test_is_run_to_its_end(written: Path) -> None:
    rehearsal.rehearse()
    lines = [json.loads(line) for line in written.read_text().splitlines() if line != "+"]
    ends = [(line["passed"], line["total"], line["meddled"]) for line in lines if "nonce" in line]
    assert set(ends) == {(0, 0, ""), (3, 3, ""), (2, 3, "")}  # calls are judged elsewhere; a suite's last test fails
    values = [line["value"] for line in lines if "value" in line]
    assert values[:3] == [[8], [10, 6], [14]]


def test_it_leaves_nothing_behind(written: Path) -> None:
    modules, files, lines = set(sys.modules), len(os.listdir("/dev/fd")), dict(linecache.cache)
    rehearsal.rehearse()
    assert set(sys.modules) == modules
    assert len(os.listdir("/dev/fd")) <= files  # others may have been closed meanwhile
    assert linecache.cache == lines
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)
