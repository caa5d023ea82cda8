"""A run folder with everything a page can show, made of the real types, and a browser to look at the page with."""

from __future__ import annotations

import math
import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iterpref.config import CollectConfig, PairsConfig, Recipe
from iterpref.pairs import build_pairs
from iterpref.records import End, attempt_id, trajectories
from iterpref.store import Drop, Run
from iterpref.tasks import read_recorded
from iterpref.types import Attempt, Outcome, Pair, Score, Task, Trajectory, Usage, Verdict

HOSTILE = (
    "def f(x):\n"
    "    # </script ></script/x <script>window.injected = 1</script><img src=x onerror='window.injected = 2'>\n"
    '    s = "\x00\x1b[31m \u202e <!--<script> 𝒳é & &amp; \u2028"\n'
    "    return '''{{ 7 * 7 }} {% raw %}'''\n"
)
FIXED = HOSTILE.replace("def f(x):", "def f(x, y=0):")

MEAN = "def mean(xs):\n    total = 0\n    for x in xs:\n        total += x\n    return total / len(xs)\n"
GUARD = MEAN.replace("    total = 0\n", "    if not xs:\n        return 0.0\n    total = 0\n")
LARGEST = "def largest(xs, n):\n    return sorted(xs)[:n]\n"
SECOND = "def largest(xs, n):\n    return sorted(xs)[-n:]\n"
RIGHT = "def largest(xs, n):\n    return sorted(xs, reverse=True)[:n]\n"

PASS = Verdict(Outcome.PASS, tests_passed=4, tests_total=4, wall_seconds=0.03)


def wrong(feedback: str, passed: int = 2) -> Verdict:
    return Verdict(Outcome.WRONG, "AssertionError", feedback, passed, 4, wall_seconds=0.04)


def error(kind: str, feedback: str) -> Verdict:
    return Verdict(Outcome.ERROR, kind, feedback, 0, 4, wall_seconds=0.02)


SESSIONS: dict[str, tuple[str, list[tuple[str, Verdict]]]] = {
    "world/mean": (
        "Return the mean of a list; 0.0 for an empty one.",
        [(MEAN, error("ZeroDivisionError", "mean([]): ZeroDivisionError: division by zero")), (GUARD, PASS)],
    ),
    "world/largest": (
        "Return the n largest numbers, the largest first.",
        [
            (LARGEST, wrong("largest([3, 1, 2], 2)\nexpected [3, 2]\nactual   [1, 2]")),
            (SECOND, wrong("largest([3, 1, 2], 2)\nexpected [3, 2]\nactual   [2, 3]", 3)),
            (SECOND, wrong("largest([3, 1, 2], 2)\nexpected [3, 2]\nactual   [2, 3]", 3)),
            (RIGHT, PASS),
        ],
    ),
    "world/once": ("Return x plus one.", [("def f(x):\n    return x + 1\n", PASS)]),
    "world/never": (
        "Return the n-th prime.",
        [
            ("def prime(n):\n    while True:\n        n += 0\n", Verdict(Outcome.TIMEOUT, "", "over 5 s", 0, 4)),
            ("def prime(n:\n    return n\n", error("SyntaxError", "line 1: '(' was never closed")),
        ],
    ),
    "world/<b>hostile</b>": (
        "Prompt with </script><b>markup</b> & \x00 and \u202e.",
        [(HOSTILE, error("TypeError", "</pre><script>window.injected = 3</script> f(1, 2)\x07")), (FIXED, PASS)],
    ),
}


def add_sessions(run: Run, sessions: dict[str, Trajectory], round: int = 1) -> None:
    """Put sessions into a run as collecting does, and pair them."""
    for id, session in sessions.items():
        reason = "solved" if session.solved else "unsolved"
        run.put_many(
            [("source", id, replace(session, attempts=()))]
            + [("attempt", attempt_id(id, attempt.index), attempt) for attempt in session.attempts]
            + [("end", id, End(id, session.teacher, reason))],
            round,
        )
    made = build_pairs(trajectories(run, round), PairsConfig())
    run.put_many(
        [
            ("pair" if isinstance(each, Pair) else "drop", id if isinstance(each, Pair) else f"pairs:{id}", each)
            for id, each in made
        ],
        round,
    )


def small_sessions() -> dict[str, Trajectory]:
    return {
        id: Trajectory(
            Task(id, prompt, features=("lists", "guards"), source="handwritten"),
            tuple(Attempt(index, code, verdict, usage=Usage(runs=9)) for index, (code, verdict) in enumerate(versions)),
            "search" if "largest" in id else "local+search",
        )
        for id, (prompt, versions) in SESSIONS.items()
    }


def recorded_sessions(limit: int) -> dict[str, Trajectory]:
    """Real debugging with its labels for verdicts, where the data are there."""
    folder = os.environ.get("ITERPREF_TEST_DATA")
    if not folder:
        return {}
    return dict(read_recorded(str(Path(folder) / "trajectories" / "llm_debugging.jsonl.gz"), limit=limit))


def add_training(run: Run, round: int) -> None:
    rng = random.Random(round)
    for variant, fall in (("sft", 0.0), ("dpo", -0.6), ("target-rpo", 0.25)):
        for step in range(1, 121):
            done = 1 - math.exp(-step / 40)
            noise = rng.gauss(0, 0.02)
            logged: dict[str, Any] = {"loss": 0.9 - 0.5 * done + noise, "nll_loss": 0.4 - 0.2 * done + noise}
            logged |= {"logps/chosen_drift": fall * done + noise / 4, "learning_rate": 1e-4 * (1 - step / 120)}
            if fall:
                logged |= {"rewards/chosen": 0.2 * fall * done, "rewards/rejected": -0.9 * done + noise}
                logged |= {"rewards/margins": 0.9 * done + noise, "rewards/accuracies": 0.5 + 0.4 * done + noise}
            run.put("metric", f"{variant}/{step:07d}", logged, round)
        config = {"loss_type": variant, "learning_rate": 1e-4, "beta": 0.1, "contrast_weight": None, "rpo_alpha": 1.0}
        config |= {"use_anchors": False}
        trained = {"model": "models/x", "steps": 120, "pairs": 3, "anchors": 1, "dropped": {}, "config": config}
        run.put("trained", variant, trained, round)


def add_scores(run: Run, tasks: int) -> None:
    """Scores with known rates: a task's difficulty is fixed, a model passes what is easier than its skill."""
    skills = [(1, "base", 0.42), (1, "sft", 0.52), (1, "dpo", 0.47), (1, "target-rpo", 0.55), (2, "target-rpo", 0.61)]
    for split in ("validation", "test"):
        rng = random.Random(split)
        hard = {f"{split}/{index}": (index + 0.5) / tasks for index in range(tasks)}
        for round, variant, skill in skills:
            records = []
            for task, difficulty in hard.items():
                passed = difficulty + rng.gauss(0, 0.06) < skill
                verdict = (
                    PASS
                    if passed
                    else rng.choice([wrong("f([1, 2])\nexpected 3\nactual   2"), error("IndexError", "f([])")])
                )
                code = GUARD if passed else MEAN
                score = Score(split, task, 0, Attempt(0, code, verdict), ("list", "sum"))
                records.append(("score", f"{variant}/{split}/{task}", score))
            run.put_many(records, round)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two rounds of everything; the recorded sessions are there only with ITERPREF_TEST_DATA."""
    path = tmp_path_factory.mktemp("run") / "sample"
    with Run(path) as run:
        collect = CollectConfig(source="logs/debugging.jsonl", drafter="local", repairer="search")
        run.write_manifest(Recipe(run=str(path), rounds=2, seed=7, collect=collect))
        add_sessions(run, recorded_sessions(120) | small_sessions())
        add_sessions(run, {"world/mean": small_sessions()["world/mean"]}, round=2)
        run.put("drop", "pairs:extra/0", Drop("pairs", "reason with </td><script>window.injected = 4</script>"))
        add_training(run, 1)
        add_training(run, 2)
        add_scores(run, 300)
    return path


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    """A small byte-level tokenizer, trained on the sessions here."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    texts = [code for _, versions in SESSIONS.values() for code, _ in versions]
    made.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False))
    return made


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Headless Chromium, with its console and network logs kept."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        f"--user-data-dir={tmp_path_factory.mktemp('browser')}",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    made = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield made
    made.quit()
