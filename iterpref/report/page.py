"""``report.html``: the whole run on one self-contained page, to be read by a person.

The page asks nothing of the network: style, script and data are inside. Programs and feedback are hostile input: they
travel as JSON in a data block, are put on the page as text alone, and the page's security policy runs no script but
its own, which it knows by hash.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from iterpref.focus import Differ, resolve_differ
from iterpref.report.browse import Survey, flip_data, session_data, survey
from iterpref.report.marks import IRRELEVANT
from iterpref.report.numbers import Agreement, Funnel, agreement, focus_of, funnel
from iterpref.report.scores import BASE, Result, by_learning_rate, curves, flips, results_of, thin
from iterpref.report.svg import columns, intervals, key_of, lines
from iterpref.report.tables import Table
from iterpref.stats import share
from iterpref.store import Run
from iterpref.types import Pair

__all__ = ["environment", "template", "write_page"]

MAX_BYTES = 48_000_000  # of embedded trajectories
MAX_FLIPS = 60  # tasks won, and tasks lost, of each model that are shown with their programs
MAX_KINDS = 12  # rows of an error table; the rest is summed

# Logged numbers in the order of the page, with their units (iterpref/train/meter.py).
_CURVES = {
    "loss": ("Loss", "nats", False),
    "nll_loss": ("NLL of y+", "nats a token", False),
    "rewards/chosen": ("Reward of y+", "β · nats", True),
    "rewards/rejected": ("Reward of y\u2212, focus tokens", "β · nats", True),
    "rewards/margins": ("Reward margin", "β · nats", True),
    "rewards/accuracies": ("Pairs ranked rightly", "share", False),
    "logps/chosen_drift": ("Drift of log p(y+) from the start", "nats a token", True),
    "logps/chosen": ("log p(y+)", "nats a program", False),
    "logps/rejected": ("log p(y\u2212)", "nats a program", False),
    "focus_share": ("Tokens of y\u2212 in focus", "share", False),
    "eval_loss": ("Validation loss", "nats", False),
    "grad_norm": ("Gradient norm", "", False),
    "learning_rate": ("Learning rate", "", False),
}


def write_page(
    run: Run, path: Path, *, tokenizer: Any | None = None, limit: int = 2000, asked: Sequence[Table] = ()
) -> Path:
    """Write the page of a run and return its path.

    Figures count everything in the run folder, read as a stream; at most ``limit`` trajectories (the same ones every
    time, see :mod:`iterpref.report.browse`) are there to be walked through, and the page says so.

    Args:
        tokenizer: a ``tokenizers.Tokenizer``; with it the page also shows tokens, and which ones are penalised.
        asked: what an endpoint was asked (:func:`iterpref.report.costs.asked`).

    Raises:
        InputError: the run's differ cannot be found.
    """
    manifest = run.manifest()
    recipe: Mapping[str, Any] = manifest.get("recipe", {})
    differ = resolve_differ(recipe.get("pairs", {}).get("differ", "lines"))
    seen = survey(run, limit)
    results = results_of(run)
    rounds = [_round(run, round, seen, tokenizer) for round in run.rounds()]
    sessions = _within_budget(session_data(run, _shuffled(seen.chosen), differ, tokenizer))
    wins = _flips(run, results, differ)
    script = template("page.js")
    page = environment().get_template("page.html")
    text = page.render(
        name=run.path.resolve().name,
        headline=_headline(recipe, rounds, results),
        rounds=rounds,
        asked=asked,
        splits=_splits(run, results),
        sessions=seen.sessions,
        shown=len(sessions),
        flips=wins,
        tokens=tokenizer is not None,
        versions=manifest.get("versions", {}),
        seed=manifest.get("seed"),
        style=Markup(template("page.css")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        data=_script_data(
            {"tokens": tokenizer is not None, "reasons": IRRELEVANT, "sessions": sessions, "flips": wins}
        ),
    )
    return run.write_text(str(path.resolve()), text)


def environment() -> Environment:
    """What the pages are made with: everything is escaped, and a name that is not given is an error."""
    environment = Environment(
        loader=PackageLoader("iterpref.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": lambda value: f"{value:,}",
        "percent": lambda value: f"{100 * value:.1f} %",
        "points": lambda value: f"{100 * value:+.1f}".replace("-", "\u2212"),
        "short": lambda value: f"{value:.4g}".replace("-", "\u2212") if isinstance(value, int | float) else "",
    }
    return environment


def template(name: str) -> str:
    """The text of a file among the templates."""
    return (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")


def _script_data(data: Any) -> Markup:
    """JSON that cannot end the script element it stands in, nor begin a comment there."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def _shuffled(chosen: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """In the order of a hash, so that what a byte limit cuts off is no special part."""
    return sorted(chosen, key=lambda each: hashlib.sha256(f"{each[0]}/{each[1]}".encode()).digest())


def _within_budget(sessions: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    size = 0
    for session in sessions:
        size += len(json.dumps(session))
        if size > MAX_BYTES:
            break
        kept.append(session)
    return sorted(kept, key=lambda session: (session["round"], _natural(session["id"])))


def _natural(id: str) -> list[str | int]:
    """So that task 9 comes before task 10."""
    return [int(part) if index % 2 else part for index, part in enumerate(re.split("([0-9]+)", id))]


# -- one round -----------------------------------------------------------------------------------------------------


def _round(run: Run, round: int, seen: Survey, tokenizer: Any | None) -> dict[str, Any]:
    found = funnel(run, round)
    labels = agreement(run, round)
    by_version = seen.solved_by_version(round)
    passes = [(str(n), share(passed, total)) for n, passed, total in by_version if total]
    stream = (pair for _, pair in run.items("pair", Pair, round))
    trained: dict[str, dict[str, Any]] = dict(run.items("trained", dict, round))
    return {
        "number": round,
        "funnel": found,
        "stages": _stages(found),
        "labels": labels,
        "disagreements": _first(labels, 50),
        "passes": passes,
        "chart": columns(passes, "versions written", "sessions that pass, %") if passes else "",
        "kinds": _kinds(seen, round),
        "focus": focus_of(stream, tokenizer) if tokenizer is not None and found.pairs else None,
        "trained": trained,
        "curves": _charts(run, round, list(trained)),
    }


def _stages(found: Funnel) -> list[tuple[str, str, int, int]]:
    """(unit, name, count, count of the first of the same unit)."""
    sessions = max(found.sources, found.sessions)
    rest = found.attempts - found.pairs - found.anchors - found.dropped.total()  # pairing names every other version
    rows = [
        ("sessions", "tasks or recorded sessions", found.sources, sessions),
        ("sessions", "sessions complete", found.sessions, sessions),
        ("sessions", "a version passes", found.solved, sessions),
        ("programs", "versions run", found.attempts, found.attempts),
        ("programs", "y\u2212 of a focal pair", found.pairs, found.attempts),
        ("programs", "y+, with failures before it", rest if found.pairs else 0, found.attempts),
        ("programs", "anchors: passed with no failure before", found.anchors, found.attempts),
    ]
    return [row for row in rows if row[3]]


def _first(labels: Agreement, count: int) -> list[tuple[str, str, str, str]]:
    return list(labels.disagreements[:count])


def _kinds(seen: Survey, round: int) -> list[tuple[str, int, int]]:
    """(kind, sessions whose first version ended so, sessions that in the end stand so), the commonest first."""
    first, last = seen.first[round], seen.last[round]
    return _cut_off([(kind, first[kind], last[kind]) for kind in first | last])


def _cut_off(rows: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    ordered = sorted(rows, key=lambda row: (-row[1] - row[2], row[0]))
    if len(ordered) <= MAX_KINDS:
        return ordered
    rest = ordered[MAX_KINDS - 1 :]
    others = (f"{len(rest)} other kinds", sum(row[1] for row in rest), sum(row[2] for row in rest))
    return [*ordered[: MAX_KINDS - 1], others]


def _charts(run: Run, round: int, trained: Sequence[str]) -> dict[str, Any]:
    """Charts of the logged numbers, and the legend that they share."""
    found = curves(run, round)
    names = list(dict.fromkeys([*trained, *(name for named in found.values() for name in named)]))
    charts = []
    for key, (title, unit, zero) in _CURVES.items():
        series = [(name, thin(found.get(key, {}).get(name, []))) for name in names]
        drawn = lines(series, "optimiser step", unit, zero)
        if drawn:
            charts.append((title, key, drawn))
    longest = max((len(points) for named in found.values() for points in named.values()), default=0)
    return {
        "charts": charts,
        "legend": [(name, key_of(index)) for index, name in enumerate(names)],
        "thinned": longest > len(thin([(0.0, 0.0)] * longest)),
    }


# -- evaluation ----------------------------------------------------------------------------------------------------


def _splits(run: Run, results: Sequence[Result]) -> list[dict[str, Any]]:
    """The results of every set of held-out tasks, with their charts."""
    found = []
    for split in dict.fromkeys(result.split for result in results):
        rows = [result for result in results if result.split == split]
        base = next((row for row in rows if row.variant == BASE and row.round == 1), None)
        rates = [(_label(row), row.rate) for row in rows]
        changes = [(_label(row), row.paired.difference) for row in rows if row.paired]
        reference = base.rate.value if base else None
        found.append(
            {
                "name": split,
                "rows": [(_label(row), row) for row in rows],
                "rates": intervals(rates, f"pass@1 on {split}, %", reference),
                "changes": intervals(changes, "difference to base on the same tasks, points", 0.0, "+")
                if changes
                else "",
                "kinds": _error_table(rows),
                "sweep": _sweep(run, rows, split),
            }
        )
    return found


def _sweep(run: Run, rows: Sequence[Result], split: str) -> dict[str, Any]:
    """Charts over the learning rate, where a method was trained at several."""
    found = by_learning_rate(run, rows, split)
    methods = list(found["pass@1"])
    if not methods:
        return {}
    percent = [(name, [(x, 100 * y) for x, y in found["pass@1"][name]]) for name in methods]
    drift = [(name, found["drift"].get(name, [])) for name in methods]
    return {
        "rates": lines(percent, "log10 of the learning rate", f"pass@1 on {split}, %"),
        "drift": lines(drift, "log10 of the learning rate", "change of log p(y+), nats a token", True),
        "legend": [(name, key_of(index)) for index, name in enumerate(methods)],
    }


def _label(result: Result) -> str:
    if result.variant == BASE and result.round == 1:
        return "base, before training"
    return f"{result.variant}, round {result.round}"


def _error_table(rows: Sequence[Result]) -> dict[str, Any]:
    """How answers ended, a column for every model."""
    total = sum((row.kinds for row in rows), start=type(rows[0].kinds)())
    kinds = [kind for kind, _ in sorted(total.items(), key=lambda item: (-item[1], item[0]))]
    kinds.sort(key=lambda kind: kind != "passes")
    shown, rest = kinds[:MAX_KINDS], kinds[MAX_KINDS:]
    body = [(kind, [row.kinds[kind] for row in rows]) for kind in shown]
    if rest:
        body.append((f"{len(rest)} other kinds", [sum(row.kinds[kind] for kind in rest) for row in rows]))
    return {"columns": [_label(row) for row in rows], "rows": body}


def _flips(run: Run, results: Sequence[Result], differ: Differ) -> list[dict[str, Any]]:
    found = []
    for result in results:
        if result.split != results[0].split or result.paired is None or not (result.paired.won or result.paired.lost):
            continue
        sides = {
            side: {"count": len(tasks), "items": flip_data(flips(run, result, tasks, MAX_FLIPS), differ)}
            for side, tasks in (("won", result.paired.won), ("lost", result.paired.lost))
        }
        found.append({"label": f"{_label(result)}, {result.split}", **sides})
    return found


# -- the sentence on top -------------------------------------------------------------------------------------------


def _headline(recipe: Mapping[str, Any], rounds: Sequence[Mapping[str, Any]], results: Sequence[Result]) -> str:
    """What was done and what came of it, in one sentence (two where models were scored)."""
    if not rounds:
        return "This run folder is still empty: nothing has been collected yet."
    collect = recipe.get("collect", {})
    found = [each["funnel"] for each in rounds]
    parts = [
        f"{sum(f.sessions for f in found):,} debugging sessions{_from(collect)} hold "
        f"{sum(f.attempts for f in found):,} program versions; {sum(f.solved for f in found):,} end in one that passes"
    ]
    if pairs := sum(f.pairs for f in found):
        parts.append(f"they give {pairs:,} focal pairs")
    if models := sum(len(each["trained"]) for each in rounds):
        parts.append(f"{models} model{'s were' if models > 1 else ' was'} trained on them")
    text = _and(parts, f", over {len(rounds)} rounds" if len(rounds) > 1 else "")
    return f"{text} {' '.join(_outcome(results))}".strip()


def _from(collect: Mapping[str, Any]) -> str:
    source = str(collect.get("source") or "")
    return f" from {PurePath(source).name}" if source else ""


def _and(parts: Sequence[str], tail: str) -> str:
    joined = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])}, and {parts[-1]}"
    return f"{joined}{tail}."


def _outcome(results: Sequence[Result]) -> Iterator[str]:
    """The last round's model, chosen on validation where that was scored, against the base model."""
    if not results:
        return
    split = results[0].split
    tuned = [row for row in results if row.split == split and row.paired]
    if not tuned:
        return
    last = max(row.round for row in tuned)
    final = [row for row in tuned if row.round == last]
    validated = {row.variant: row.rate.value for row in results if row.split == "validation" and row.round == last}
    best = max(final, key=lambda row: validated.get(row.variant, -1.0) if validated else row.rate.value)
    paired = best.paired
    assert paired is not None
    before = next(row for row in results if row.split == split and row.variant == BASE and row.round == 1)
    how = "the best on validation" if validated and split != "validation" else "the best of them"
    change = paired.difference
    yield (
        f"On {change.count:,} {split} tasks pass@1 goes from {100 * before.rate.value:.1f} % to "
        f"{100 * best.rate.value:.1f} % with {best.variant} ({how}), a paired difference of "
        f"{100 * change.value:+.1f} points [{100 * change.low:+.1f}, {100 * change.high:+.1f}]."
    )
