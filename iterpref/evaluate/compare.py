"""Two results on the same benchmark as one document: scores and their difference, error types, flips, breakdowns.

Results are read from files, or from the run folders that hold them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from iterpref.errors import InputError
from iterpref.evaluate.analysis import breakdown, difference, error_types, estimate, flips, near_passes, tags_of
from iterpref.evaluate.exports import SUFFIXES
from iterpref.evaluate.result import SCHEMA
from iterpref.focus import DIFFERS
from iterpref.stats import Estimate
from iterpref.wording import counted

__all__ = ["compare", "compare_results", "load_results"]

Result = Mapping[str, Any]
_ASKED = ("style", "prefill", "temperature", "max_new_tokens", "stops")  # known only where a model was asked
_SETTINGS = (*_ASKED, "samples", "versions")
_NOT_RESULTS = (".lm-eval.json", *SUFFIXES)
_NEEDED = {"complete", "benchmark", "model", "tasks"}  # which other files do not happen to have


def compare(first: str, second: str) -> list[dict[str, Any]]:
    """Compare every benchmark that both hold.

    Raises:
        InputError: they have none in common, or one of them cannot be compared.
    """
    before, after = load_results(first), load_results(second)
    if len(before) == len(after) == 1:  # two files, however they are called
        ((label, one),), (other,) = before.items(), after.values()
        found = [compare_results(label, one, other)]
    else:
        common = [label for label in before if label in after]
        if not common:
            raise InputError(
                f"{first} holds {', '.join(before)} and {second} holds {', '.join(after)}: no benchmark is in both."
            )
        found = [compare_results(label, before[label], after[label]) for label in common]
    for each in found:
        if each["models"][0] == each["models"][1]:
            each["models"] = [f"{name} in {where}" for name, where in zip(each["models"], (first, second), strict=True)]
    return found


def load_results(where: str) -> dict[str, dict[str, Any]]:
    """Results by benchmark: of one file, or of all that lie in a run folder.

    Raises:
        InputError: there is none, or a file is no result of this version.
    """
    path = Path(where)
    if path.is_file():
        return {path.stem: _load_result(path)}
    if not path.exists():
        raise InputError(f"{where}: there is no such file or folder; check the path.")
    folder = path / "eval" if (path / "eval").is_dir() else path
    files = [file for file in sorted(folder.glob("*.json")) if not file.name.endswith(_NOT_RESULTS)]
    if not files:
        below = sorted({str(file.parent) for file in folder.glob("*/**/*.json")})
        hint = f"choose one of {', '.join(below)}" if below else "run `iterpref eval` first"
        raise InputError(f"{where}: there is no result of an evaluation here; {hint}.")
    return {file.stem: _load_result(file) for file in files}


def _load_result(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA or not found.keys() >= _NEEDED:
        raise InputError(f"{path}: not a result of `iterpref eval` of this version; evaluate again.")
    return found


def compare_results(label: str, first: Result, second: Result) -> dict[str, Any]:
    """What ``second`` changes against ``first``, for tables and for the page. All of it is plain data.

    Raises:
        InputError: one is unfinished, they are of different files, or have no task in common.
    """
    for result in (first, second):
        if not result["complete"]:
            raise InputError(f"{label} of {result['model']} is unfinished; run its `iterpref eval` again.")
    names = [result["benchmark"]["name"] for result in (first, second)]
    if names[0] != names[1]:
        raise InputError(f"one result is for {names[0]}, the other for {names[1]}; compare two for the same benchmark.")
    if first["benchmark"]["sha256"] != second["benchmark"]["sha256"]:
        raise InputError(f"the two results for {label} are of different files; evaluate both on the same one.")
    common = _ids(first) & _ids(second)
    if not common:
        raise InputError(f"the two results for {label} have no task in common.")
    pair = [_only(result, common) for result in (first, second)]
    part = list(first["benchmark"]["scores"])[-1]
    return {
        "label": label,
        "models": [_name(first, second), _name(second, first)],
        "tasks": len(common),
        "answers": [sum(len(task["samples"]) for task in result["tasks"]) for result in pair],
        "notes": _notes(first, second, len(common)),
        "scores": [
            _score(
                pair, part, name if (other := second["benchmark"]["scores"][part]) == name else f"{name}, then {other}"
            )
            for part, name in first["benchmark"]["scores"].items()
        ],
        "errors": error_types(*pair),
        "near": [near_passes(result) for result in pair],
        "tags": {tag: rows for tag in tags_of(pair[0]) if (rows := _tag(pair, part, tag))},
        "flips": [_flip(each) for each in flips(pair[0], pair[1], part)],
        "truth": first["ground_truth"] if len(first["tasks"]) == len(common) else None,
    }


def _ids(result: Result) -> set[str]:
    return {task["task_id"] for task in result["tasks"]}


def _only(result: Result, common: set[str]) -> dict[str, Any]:
    return {**result, "tasks": [task for task in result["tasks"] if task["task_id"] in common]}


def _name(result: Result, other: Result) -> str:
    """The model, and where both have one name what else sets it apart."""
    name = str(result["model"]).rstrip("/")
    if result["model"] != other["model"]:
        return name
    told = [
        f"{key} {result[key]}"
        for key in ("style", "temperature", "weights", "max_new_tokens")
        if result[key] != other[key]
    ]
    return ", ".join([name, *told])


def _notes(first: Result, second: Result, common: int) -> list[str]:
    """Settings in which they differ: part of the difference may be due to them."""
    notes = []
    ready = [which for which, result in (("first", first), ("second", second)) if result["answers"]]
    if len(ready) == 1:
        notes.append(f"the answers of the {ready[0]} were handed in: how they were made is not known")
    for key in _SETTINGS:
        if first[key] == second[key] or (ready and key in _ASKED):
            continue
        if key == "versions":
            changed = [name for name, version in first[key].items() if second[key].get(name, version) != version]
            if changed:
                notes.append(f"versions differ: {', '.join(changed)}")
        else:
            notes.append(f"{key}: {first[key]!r}, then {second[key]!r}")
    if first["environment"] != second["environment"]:
        notes.append("judged in different environments (Python, what is installed, or the sandbox)")
    chosen = [result["benchmark"]["options"] for result in (first, second)]
    for key in dict.fromkeys([*chosen[0], *chosen[1]]):
        values = [options.get(key, "not given") for options in chosen]
        if values[0] != values[1]:
            notes.append(f"the benchmark's {key}: {values[0]}, then {values[1]}")
    for which, result in (("first", first), ("second", second)):
        if len(result["tasks"]) > common:
            notes.append(f"of the {counted(len(result['tasks']), 'task')} of the {which} result {common} are in both")
    return notes


def _score(pair: list[dict[str, Any]], part: str, name: str) -> dict[str, Any]:
    found = difference(pair[0], pair[1], part)
    return {
        "name": name,
        "rates": [asdict(_rate(result, part)) for result in pair],
        "change": asdict(found.pass_at_1),
        "won": list(found.won),
        "lost": list(found.lost),
        "p_value": found.p_value,
    }


def _rate(result: Result, part: str) -> Estimate:
    return estimate([[part in each["passed"] for each in task["samples"]] for task in result["tasks"]], 1)


def _tag(pair: list[dict[str, Any]], part: str, tag: str) -> list[dict[str, Any]]:
    sides = [breakdown(result, part, tag) for result in pair]
    return [
        {"value": value, "count": sides[0][value].count, "rates": [asdict(side[value]) for side in sides]}
        for value in sides[0]
        if value in sides[1]
    ]


def _flip(flip: Any) -> dict[str, Any]:
    """A flip, and where the two programs differ."""
    hunks = DIFFERS["lexemes"](flip.first, flip.second)
    return {
        **asdict(flip),
        "first_marks": [[hunk.rejected_start, hunk.rejected_end] for hunk in hunks],
        "second_marks": [[hunk.chosen_start, hunk.chosen_end] for hunk in hunks],
    }
