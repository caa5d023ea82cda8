"""Results of evaluations as tables for a terminal; plain text where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from iterpref.wording import counted

__all__ = ["change_text", "estimate_text", "first_of", "result_view", "score_rows", "table"]

MAX_KINDS = 12
MAX_REASONS = 5  # why answers are open, or the benchmark's own solutions fail
Result = Mapping[str, Any]


def result_view(result: Result) -> Group:
    """Scores with their intervals, what a perfect model could reach here, and how the answers ended."""
    benchmark = result["benchmark"]
    parts: list[RenderableType] = [Text(_headline(result), style="bold")]
    if not result["complete"]:
        parts.append(
            Text(
                f"unfinished: {counted(result['unanswered'], 'question')} without an answer, "
                f"{counted(result['without_verdict'], 'answer')} without a verdict; there is no score "
                "yet, run the same command again to go on."
            )
        )
        reasons = [f"{counted(count, 'time')}: {reason}" for reason, count in result["open"].items()]
        parts += [Text(reason) for reason in first_of(reasons, MAX_REASONS, "reason")]
    if result["scores"]:
        parts.append(table(("score", "", "%", "95 % interval", "own solutions here"), score_rows(result)))
        intervals = {found["interval"] for found in result["scores"].values()}
        parts.append(Text(f"intervals: {', '.join(sorted(intervals))}", style="dim"))
    kinds = list(result["kinds"].items())
    shown = [(kind, f"{count:,}") for kind, count in kinds[:MAX_KINDS]]
    if rest := kinds[MAX_KINDS:]:
        shown.append((f"{len(rest)} other kinds", f"{sum(count for _, count in rest):,}"))
    if shown:
        parts.append(table(("answers end with", ""), shown))
    for tag, values in result["tags"].items():
        most = sorted(values, key=lambda value: -values[value]["count"])[:MAX_KINDS]
        rows = [(value, f"{values[value]['count']:,}", *estimate_text(values[value])) for value in sorted(most)]
        if len(values) > MAX_KINDS:
            rows.append((f"and {len(values) - MAX_KINDS} more", "", "", ""))
        parts.append(table((tag, "tasks", "pass@1, %", "95 % interval"), rows))
    if result["tags"] and len(result["scores"]) > 1:
        parts.append(Text(f"by {', '.join(result['tags'])}: of {list(result['scores'])[-1]}", style="dim"))
    near, failing = near_counts(result)
    if failing:
        parts.append(Text(f"{near} of {failing} failures differ from a known pass in one place"))
    if result["tampered"] and result["tampered"]["answers"]:
        believed = ", ".join(
            f"{name} {100 * rate:.1f}" for name, rate in result["tampered"]["pass@1_if_believed"].items()
        )
        parts.append(
            Text(
                f"{counted(result['tampered']['answers'], 'answer')} interfered with the verdict, which counts as a "
                f"failure; if all of them were believed, pass@1 would be {believed}"
            )
        )
    if result["cut_off"]:
        parts.append(Text(f"cut off at {result['max_new_tokens']} tokens: {counted(result['cut_off'], 'answer')}"))
    parts += [Text(line, style="dim") for line in first_of(_own_failures(result), MAX_REASONS, "reason")]
    parts.append(Text(f"{_named(benchmark)} sha256 {benchmark['sha256'][:12]}", style="dim"))
    return Group(*parts)


def _named(benchmark: Mapping[str, Any]) -> str:
    return " ".join(filter(None, (benchmark["name"], benchmark["version"])))


def first_of(lines: Sequence[str], most: int, name: str) -> list[str]:
    """The first ``most`` lines, and how many there are besides."""
    left = len(lines) - most
    return [*lines[:most], *([f"and {counted(left, f'other {name}')}"] if left > 0 else [])]


def _own_failures(result: Result) -> list[str]:
    """Why the benchmark's own solutions fail here, with the tasks: first what concerns most of them."""
    reasons: dict[str, list[str]] = {}
    for task, reason in (result["ground_truth"] or {"kinds": {}})["kinds"].items():
        reasons.setdefault(reason, []).append(task)
    told = []
    for reason, tasks in sorted(reasons.items(), key=lambda each: -len(each[1])):
        one = f"solution of {tasks[0]} fails"
        those = one if len(tasks) == 1 else f"solutions of {len(tasks)} tasks, such as {tasks[0]}, fail"
        told.append(f"the benchmark's own {those} here: {reason}")
    return told


def near_counts(result: Result) -> tuple[int, int]:
    """(failing answers one place away from a pass, failing answers)."""
    failing = [each for task in result["tasks"] for each in task["samples"] if each["kind"] != "passes"]
    return sum(each.get("hunks") == 1 for each in failing), len(failing)


def score_rows(result: Result) -> list[tuple[str, ...]]:
    """(score, pass@k, %, interval, share of the benchmark's own solutions that pass here)."""
    truth = result["ground_truth"] or {"passed": {}, "count": 0}
    rows: list[tuple[str, ...]] = []
    for label, found in result["scores"].items():
        own = f"{truth['passed'][label]}/{truth['count']}" if truth["count"] else "none"
        for key, value in found.items():
            if key.startswith("pass@"):
                rows.append((label, key, *estimate_text(value), own))
    return rows


def estimate_text(value: Mapping[str, float]) -> tuple[str, str]:
    """A share in percent, and its interval."""
    return f"{100 * value['value']:.1f}", f"[{100 * value['low']:.1f}, {100 * value['high']:.1f}]"


def change_text(value: Mapping[str, float]) -> tuple[str, str]:
    """A difference in points, and its interval."""
    return f"{100 * value['value']:+.1f}", f"[{100 * value['low']:+.1f}, {100 * value['high']:+.1f}]"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table whose first column is words and whose others are figures."""
    made = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for place, name in enumerate(head):
        made.add_column(name, justify="left" if place == 0 else "right", overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    return made


def _headline(result: Result) -> str:
    benchmark = result["benchmark"]
    tasks = counted(benchmark["tasks"], "task")
    if benchmark["tasks"] < benchmark["tasks_in_file"]:
        tasks = f"the first {benchmark['tasks']:,} of {counted(benchmark['tasks_in_file'], 'task')}"
    if result["answers"]:
        return f"{benchmark['name']}: {result['model']}, ready-made, {tasks}"
    how = "greedy" if result["temperature"] == 0 else f"temperature {result['temperature']:g}"
    many = f", {result['samples']} samples each" if result["samples"] > 1 else ""
    return f"{benchmark['name']}: {result['model']}, {result['style']}, {how}, {tasks}{many}"
