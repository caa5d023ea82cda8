"""Collecting from a real server, ``transformers serve``: faults on the way to it, kills, and a server that freezes."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai")

from iterpref.records import trajectories
from iterpref.store import Run
from iterpref.teachers.ledger import Ledger
from tests.teachers.served import served
from tests.teachers.server import Answer, Faults, serve

CONCURRENCY = 8


def recipe(folder: Path, url: str, model: Path, count: int, **chat: Any) -> list[str]:
    """The command that collects."""
    wanted = {
        "run": str(folder / "run"),
        "collect": {
            "source": "micro:train",
            "limit": count,
            "drafter": "chat",
            "repairer": "chat",
            "max_new_tokens": 96,
        },
        "chat": {"model": str(model), "base_url": url, "concurrency": CONCURRENCY, **chat},
    }
    (folder / "r.yaml").write_text(json.dumps(wanted))
    return [sys.executable, "-m", "iterpref", "collect", str(folder / "r.yaml")]


def through(url: str) -> Answer:
    """Hands a request on to the real server."""

    def answer(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{url}/chat/completions", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.load(response)

    return answer


def sent(folder: Path) -> tuple[Counter[str], set[str]]:
    """How often each question left, and which are answered, by the ledger."""
    if not (folder / "run" / "calls.db").exists():
        return Counter(), set()
    with sqlite3.connect(f"file:{folder}/run/calls.db?mode=ro", uri=True, timeout=30) as ledger:
        made = ledger.execute("SELECT count(*) FROM sqlite_master WHERE name IN ('sent', 'answers')").fetchone()
        if made != (2,):  # the file is there a moment before its tables
            return Counter(), set()
        times = Counter(dict(ledger.execute("SELECT key, times FROM sent")))
        return times, {key for (key,) in ledger.execute("SELECT key FROM answers")}


@pytest.mark.slow
def test_a_real_server_behind_faults_and_kills_answers_every_question_once(
    transformers_serve: tuple[str, Path], tmp_path: Path
) -> None:
    url, model = transformers_serve
    kinds = ("429", "429 with Retry-After", "500", "reset", "malformed", "empty", "drip")
    rng, kills = random.Random(3), 0
    with serve(through(url), models=(str(model),), faults=Faults(rate=0.1, kinds=kinds)) as server:
        told = recipe(tmp_path, server.url, model, 60)
        while kills < 5:
            before, answered = sent(tmp_path)
            process = subprocess.Popen(told, stderr=subprocess.DEVNULL)
            goal = sum(server.asked.values()) + rng.randrange(4, 20)
            while process.poll() is None and sum(server.asked.copy().values()) < goal:
                time.sleep(0.01)
            assert process.poll() is None, "the run ended before all kills; it was too short"
            process.kill()
            process.wait()
            kills += 1
            after, _ = sent(tmp_path)
            assert all(after[key] == before[key] for key in answered)
        before, answered = sent(tmp_path)
        done = subprocess.run(told, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        after, _ = sent(tmp_path)
        assert all(after[key] == before[key] for key in answered)
    assert any(server.faults[kind] for kind in kinds)
    with Run(tmp_path / "run", read_only=True) as run, Ledger(tmp_path / "run", read_only=True) as ledger:
        assert run.count("end") == 60
        assert any(each.solved for _, each in trajectories(run))
        assert max(len(each.attempts) for _, each in trajectories(run)) > 1
        # of what left, all that is not answered met a fault or was under way when the process was killed
        assert ledger.lost() <= kills * CONCURRENCY
        assert sum(each.answers for each in ledger.spent()) == len(after)


@pytest.mark.slow
def test_a_server_that_freezes_is_told_within_a_minute_and_the_run_resumes(tmp_path: Path) -> None:
    with served(tmp_path / "model") as (url, process):
        told = recipe(tmp_path, url, tmp_path / "model", 24, deadline_seconds=30)
        collector = subprocess.Popen(told, stderr=subprocess.PIPE, text=True)
        while len(sent(tmp_path)[1]) < 5:
            time.sleep(0.05)
            assert collector.poll() is None
        os.kill(process.pid, signal.SIGSTOP)
        frozen = time.monotonic()
        try:
            _, stderr = collector.communicate(timeout=90)
        finally:
            os.kill(process.pid, signal.SIGCONT)
        assert time.monotonic() - frozen < 60
        assert collector.returncode == 2
        assert stderr.strip().splitlines()[-1].startswith(f"iterpref: {url} has stopped answering; everything it")
        before, answered = sent(tmp_path)
        assert len(answered) >= 5
        subprocess.run(told, check=True, timeout=600, capture_output=True)
        after, _ = sent(tmp_path)
    assert all(after[key] == before[key] for key in answered)
    with Run(tmp_path / "run", read_only=True) as run:
        assert run.count("end") == 24
