"""``iterpref quickstart``: the whole idea on a laptop, with no key, no GPU and no download of weights.

It runs the shipped recipe ``quickstart`` (or ``quickstart-all``) in the micro-world and ends with one table and a page.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from rich.console import Console
from rich.table import Table

from iterpref import outputs, pipeline
from iterpref.config import load_recipe
from iterpref.errors import InputError
from iterpref.evaluate import results
from iterpref.stats import Estimate, compare, pass_rate
from iterpref.store import Run

__all__ = ["quickstart"]


def quickstart(folder: str = "", *, fresh: bool = False, all_methods: bool = False) -> None:
    """Run the recipe, print the table of results, write the page.

    Raises:
        InputError: ``fresh`` and the folder is something else than a run.
    """
    recipe = load_recipe("quickstart-all" if all_methods else "quickstart", [f"run={folder}"] if folder else [])
    path = Path(recipe.run)
    if fresh and path.exists():
        if not (path / "run.db").exists():
            raise InputError(f"{path} is no run folder, so --fresh will not remove it; name another with --run.")
        Run(path).close()  # refuses while another process works there
        shutil.rmtree(path)
    out = Console(highlight=False)
    with pipeline.open_run(recipe) as run:
        pipeline.run_recipe(run, recipe)
        written = [*outputs.write_outputs(run, recipe), outputs.write_report(run)]
        out.print(results_table(run))
    for each in written:
        out.print(f"wrote {each}", markup=False, soft_wrap=True)


def results_table(run: Run) -> Table:
    """Greedy pass@1 of every model on the same held-out tasks, and its difference to the base model."""
    base = results(run, "base", "test")
    table = Table(title=f"greedy pass@1 on {len(base)} held-out tasks (95 % intervals)")
    for column in ("model", "pass@1", "difference to base, same tasks", "won", "lost"):
        table.add_column(column, justify="left" if column == "model" else "right")
    table.add_row("base", _percent(pass_rate(base)), "", "", "")
    for round in run.rounds():
        for name in run.ids("trained", round):
            passed = results(run, name, "test", round)
            if passed:
                paired = compare(base, passed)
                change = _percent(paired.difference, signed=True)
                label = f"{name}, round {round}"
                table.add_row(label, _percent(pass_rate(passed)), change, str(len(paired.won)), str(len(paired.lost)))
    return table


def _percent(estimate: Estimate, signed: bool = False) -> str:
    sign = "+" if signed else ""
    return f"{100 * estimate.value:{sign}.1f}  [{100 * estimate.low:{sign}.1f}, {100 * estimate.high:{sign}.1f}]"
