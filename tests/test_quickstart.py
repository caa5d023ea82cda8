"""The quickstart's own part: starting over without harm, and the closing table."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from iterpref.errors import InputError
from iterpref.quickstart import quickstart, results_table
from iterpref.records import Trained
from iterpref.store import Run
from iterpref.types import Attempt, Outcome, Score, Verdict


def test_fresh_removes_nothing_but_runs(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("keep")
    with pytest.raises(InputError, match="is no run folder"):
        quickstart(str(tmp_path), fresh=True)
    assert (tmp_path / "precious").exists()


def test_fresh_does_not_touch_a_run_that_is_in_use(tmp_path: Path) -> None:
    with Run(tmp_path / "run"), pytest.raises(InputError, match="in use by another iterpref process"):
        quickstart(str(tmp_path / "run"), fresh=True)
    assert (tmp_path / "run" / "run.db").exists()


def test_the_table_pairs_every_model_with_the_base_on_the_same_tasks(tmp_path: Path) -> None:
    with Run(tmp_path / "run") as run:
        for model, right in (("base", {0, 1}), ("sft", {0, 1, 2})):
            for n in range(4):
                verdict = Verdict(Outcome.PASS if n in right else Outcome.WRONG)
                run.put("score", f"{model}/test/{n}", Score("test", str(n), 0, Attempt(0, "", verdict)))
        run.put("trained", "sft", Trained("f", "models/sft", 1, {}, 1, 0, {}, {}))
        console = Console(file=io.StringIO(), width=120)
        console.print(results_table(run))
    assert isinstance(console.file, io.StringIO)
    base, tuned = [line for line in console.file.getvalue().splitlines() if "base " in line or "sft, round 1" in line][
        -2:
    ]
    assert "50.0" in base
    assert "75.0" in tuned
    assert "+25.0" in tuned
