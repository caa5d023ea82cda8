"""The stages in order, joined by the run folder: what the verbs of the command line do.

Every function here can be run again: it asks the run folder what is there and does the rest.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache
from typing import Any

from iterpref.collecting import collect_stage
from iterpref.config import EvaluateConfig, Recipe, TrainConfig, variants
from iterpref.errors import InputError
from iterpref.estimating import estimate_stage
from iterpref.evaluate import evaluate, results
from iterpref.evaluate.wanted import Wanted
from iterpref.evaluating import evaluate_benchmark, prepare, report_scores
from iterpref.lookup import lookup
from iterpref.models import check_model, model_folder
from iterpref.pairing import pairs_stage
from iterpref.progress import console, progress_bar
from iterpref.records import Finished, Trained, fingerprint
from iterpref.sandbox import Sandbox
from iterpref.sources import load_tasks, made_key
from iterpref.stats import pass_rate
from iterpref.store import Run
from iterpref.suites.base import SUITES
from iterpref.teachers import resolve
from iterpref.teachers.base import Settings, Teacher
from iterpref.teachers.endpoint import address
from iterpref.types import Pair, Task

__all__ = [
    "collect_stage",
    "estimate_stage",
    "evaluate_stage",
    "load_tasks",
    "open_run",
    "pairs_stage",
    "run_recipe",
    "train_stage",
]


_MAX_NEW_TOKENS = 512  # of an answer to a plain task
# What decides an attempt, and the keys of it that may change between two runs on one folder.
_KEPT = ("collect", "chat", "tasks")
_CHANGEABLE = {"limit", "baseline", "base_url", "concurrency", "deadline_seconds", "budget_usd", "prices"}
_OF_WRITERS = {"model", "temperature", "max_new_tokens", "system", "request", "prompts"}  # decide nothing of recordings


def is_first_process() -> bool:
    """False in all but the first of several processes that torchrun or accelerate started together."""
    return int(os.environ.get("RANK", "0")) == 0


def open_run(recipe: Recipe, *, together: bool = False) -> Run:
    """Open the recipe's run folder and save the resolved recipe in it.

    ``together``: of several processes that train together the first one keeps the folder, the others only read.

    Raises:
        InputError: attempts were collected under other settings; they are not to be mixed, and not to be lost.
    """
    where = address(recipe.chat.base_url) if recipe.chat.base_url else None
    if where and (where.username or where.password or where.query):
        raise InputError("chat.base_url holds a secret, which the run folder would keep; set OPENAI_API_KEY instead.")
    if together and not is_first_process():
        return Run(recipe.run, read_only=True)
    run = Run(recipe.run)
    try:
        before = run.manifest().get("recipe", {})
        now = json.loads(json.dumps(asdict(recipe)))
        written = before.get("collect", {}).get("source", "").startswith("features:") and run.count("source")
        collected = before.get("collect", {})
        recorded = not written and {collected.get("drafter"), collected.get("repairer")} == {"recorded"}
        changeable = _CHANGEABLE | _OF_WRITERS if recorded else _CHANGEABLE
        for section in _KEPT if run.count("attempt") or written else ():
            for key in now[section].keys() - changeable:
                if key in before.get(section, {}) and before[section][key] != now[section][key]:
                    raise InputError(
                        f"{recipe.run}: its attempts were collected with {section}.{key}={before[section][key]!r}, "
                        f"the recipe now says {now[section][key]!r}; set it back, or name another run folder (run=...)."
                    )
        run.write_manifest(recipe)
    except InputError:
        run.close()
        raise
    return run


# -- 4: training ---------------------------------------------------------------------------------------------------


def train_stage(
    run: Run, recipe: Recipe, round: int = 1, model: str = "", only: Sequence[str] = (), dry_run: bool = False
) -> dict[str, Trained]:
    """Train every variant of the recipe (or those named) on the run's pairs. ``model`` is where training starts.

    With ``dry_run`` only say what each would be.

    Raises:
        InputError: no pairs, no such variant, or one of that name was trained with other settings.
    """
    wanted = variants(recipe)
    for name in only:
        if name not in wanted:
            raise InputError(f"there is no variant {name!r} in the recipe; it has {', '.join(wanted)}.")
    if not run.count("pair", round):
        raise InputError(f"{recipe.run} holds no pairs yet; run `iterpref pairs` first.")
    digests = [pair.id for _, pair in run.items("pair", Pair, round)]
    trained: dict[str, Trained] = {}
    for name, config in wanted.items():
        if only and name not in only:
            continue
        config = replace(config, model_name_or_path=model_folder(model or config.model_name_or_path))
        if dry_run:
            plan = lookup("planner", "plan", {"plan": "iterpref.train.plan:plan"})
            found = plan((pair for _, pair in run.items("pair", Pair, round)), config, seed=recipe.seed)
            console.print(f"{name} would train:")
            for what, value in found.items():
                console.print(f"  {what:16} {value}", highlight=False, soft_wrap=True)
            continue
        made_of = fingerprint(asdict(config), recipe.seed, digests)
        before = run.get("trained", name, Trained, round)
        if before:
            _same_training(run, name, before, config, made_of)
            trained[name] = before
            continue
        console.print(f"training {name}")
        train = lookup("trainer", "train", {"train": "iterpref.train:train"})  # needs torch, which is an extra
        result = train(
            (pair for _, pair in run.items("pair", Pair, round)),
            config,
            run.path / "models" / f"round-{round}" / name,
            seed=recipe.seed,
            on_log=_logger(run, name, round),
            cache_dir=run.path / "cache",  # variants share what the reference said
        )
        trained[name] = Trained(
            made_of,
            str(result.model_dir),
            result.steps,
            dict(result.metrics),
            result.num_pairs,
            result.num_anchors,
            dict(result.dropped),
            asdict(config),
        )
        if is_first_process():
            run.put("trained", name, trained[name], round)
    return trained


def _same_training(run: Run, name: str, before: Trained, config: TrainConfig, made_of: str) -> None:
    if before.fingerprint == made_of:
        return
    now = json.loads(json.dumps(asdict(config)))
    changed = next((key for key in now if now[key] != before.config.get(key)), None)
    what = f"train.{changed}={before.config.get(changed)!r}, now {now[changed]!r}" if changed else "other pairs or seed"
    raise InputError(
        f"{run.path}: the model {name!r} was trained with {what}; give the new one a name under `variants:`, "
        "or choose another run folder."
    )


def _logger(run: Run, name: str, round: int) -> Callable[[int, Any], None]:
    def log(step: int, numbers: Any) -> None:
        run.put("metric", f"{name}/{step:07d}", {"step": step, **numbers}, round)

    return log


# -- 5: evaluation -------------------------------------------------------------------------------------------------


def evaluate_stage(run: Run, recipe: Recipe, model: str, name: str, split: str, round: int = 1) -> dict[str, bool]:
    """Greedy answers of one model to the ``validation`` or ``test`` tasks of the recipe, by task whether it passed.

    Raises:
        InputError: something is wrong with the tasks, or a benchmark's answers could not all be had and judged.
    """
    config = recipe.evaluate
    source, limit = _source(config, split)
    if wanted := _benchmark(recipe, split, model):
        prepared = prepare(wanted)
        result, _ = evaluate_benchmark(run, prepared, recipe.sandbox, name=name, round=round)
        return report_scores(run, prepared, result, name, split, round)
    finished = made_key(f"evaluated/{name}/{split}", source, limit, recipe.seed)
    if finished and run.get("complete", finished, Finished, round) is not None:
        return results(run, name, split, round)
    tasks = _held_out(source, limit, recipe.seed)

    def teacher() -> Teacher:
        settings = Settings(
            model=model_folder(model),
            temperature=0.0,
            max_new_tokens=config.max_new_tokens or _MAX_NEW_TOKENS,
            seed=recipe.seed,
        )
        made: Teacher = resolve("local").from_settings(settings)
        return made

    with (
        Sandbox(workers=recipe.sandbox.workers or None, allow_unsafe_exec=recipe.sandbox.allow_unsafe_exec) as box,
        progress_bar(f"{name} on {split}") as update,
    ):
        passed = evaluate(run, name, split, tasks, teacher, box.map, round=round, progress=update)
    if finished and len(passed) == len(tasks):
        run.put("complete", finished, Finished(finished), round)
    return passed


def _source(config: EvaluateConfig, split: str) -> tuple[str, int | None]:
    if split == "validation":
        return config.validation, config.validation_limit
    return config.test, config.test_limit


def _benchmark(recipe: Recipe, split: str, model: str) -> Wanted | None:
    """What is to be evaluated, where the recipe names a benchmark."""
    config = recipe.evaluate
    source, limit = _source(config, split)
    benchmark, _, path = source.partition(":")
    if benchmark not in SUITES or (benchmark == "micro" and path):
        return None
    return Wanted(
        benchmark,
        model,
        path,
        config.options,
        limit=limit,
        max_new_tokens=config.max_new_tokens,
        seed=recipe.seed,
    )


@cache
def _held_out(source: str, limit: int | None, seed: int) -> tuple[Task, ...]:
    """The tasks every model of a run is asked; making those of the micro-world takes seconds."""
    return tuple(item.task for _, item in load_tasks(source, limit, "test", seed))


# -- all of it -----------------------------------------------------------------------------------------------------


def run_recipe(run: Run, recipe: Recipe) -> str:
    """Collect, pair, train and, where the recipe says so, evaluate, for every round. Returns the last model's folder.

    Round 1 trains every variant. The one that is best on validation drafts anew for the next round, and is trained on.
    The test split is used for reporting only, once for each model.
    """
    if recipe.rounds > 1 and recipe.collect.drafter == "recorded":
        raise InputError("rounds: later rounds draft anew with the tuned model, so collect.drafter must be local.")
    for config in variants(recipe).values():
        check_model(config.model_name_or_path, "train.model_name_or_path")
    for split in ("validation", "test"):  # a missing file is told now, not after hours of training
        if wanted := _benchmark(recipe, split, recipe.train.model_name_or_path):
            prepare(wanted)
    model, best = recipe.train.model_name_or_path, ""
    if recipe.evaluate.test:
        evaluate_stage(run, recipe, model, "base", "test")
    for round in range(1, recipe.rounds + 1):
        later = model if round > 1 else ""
        if not collect_stage(run, recipe, round, later):
            return model  # training begins when all is there: what was trained on fewer pairs is not trained again
        pairs_stage(run, recipe, round)
        trained = train_stage(run, recipe, round, later, only=[best] if best else ())
        best = _best(run, recipe, trained, round)
        model = trained[best].model
        for name, each in trained.items() if recipe.evaluate.test else ():
            evaluate_stage(run, recipe, each.model, name, "test", round)
    return model


def _best(run: Run, recipe: Recipe, trained: Mapping[str, Trained], round: int) -> str:
    """The variant that passes most validation tasks; the first one where there is nothing to choose by."""
    if len(trained) == 1 or not recipe.evaluate.validation:
        return next(iter(trained))
    rates = {
        name: pass_rate(evaluate_stage(run, recipe, each.model, name, "validation", round)).value
        for name, each in trained.items()
    }
    return max(rates, key=lambda name: rates[name])
