"""The stages in order, joined by the run folder: what the verbs of the command line do.

Every function here can be run again: it asks the run folder what is there and does the rest.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any, cast

from iterpref.config import PairsConfig, Recipe, TrainConfig, variants
from iterpref.debug import collect
from iterpref.errors import InputError
from iterpref.evaluate import evaluate, pass_rate, results
from iterpref.lookup import lookup
from iterpref.models import load_tokenizer, model_folder
from iterpref.pairs import FAULT, Runner, build_pairs, needs_running
from iterpref.progress import console, progress_bar
from iterpref.records import Trained, trajectories
from iterpref.sandbox import Sandbox
from iterpref.store import Drop, Run
from iterpref.tasks import read_recorded
from iterpref.teachers import resolve
from iterpref.teachers.base import Request, Settings, Teacher
from iterpref.types import Attempt, Pair, Task, Trajectory

__all__ = ["collect_stage", "evaluate_stage", "load_tasks", "open_run", "pairs_stage", "run_recipe", "train_stage"]


@dataclass(frozen=True)
class _Stage:
    fingerprint: str


def open_run(recipe: Recipe) -> Run:
    """Open the recipe's run folder and save the resolved recipe in it.

    Raises:
        InputError: attempts were collected under other settings; they are not to be mixed, and not to be lost.
    """
    run = Run(recipe.run)
    try:
        before = run.manifest().get("recipe", {}).get("collect")
        now = json.loads(json.dumps(asdict(recipe.collect)))
        if before and run.count("attempt"):
            for key in now:
                if key != "limit" and before.get(key) != now[key]:
                    raise InputError(
                        f"{recipe.run}: its attempts were collected with collect.{key}={before.get(key)!r}, "
                        f"the recipe now says {now[key]!r}; set it back, or name another run folder (run=...)."
                    )
        run.write_manifest(recipe)
    except InputError:
        run.close()
        raise
    return run


# -- 1 and 2: tasks, debugging -------------------------------------------------------------------------------------


def load_tasks(source: str, limit: int | None, split: str, seed: int) -> Iterator[tuple[str, Trajectory]]:
    """Tasks by ``micro:<split>``, or whatever :func:`iterpref.tasks.read_recorded` reads."""
    if not source:
        raise InputError("the recipe names no data: set collect.source to a file, a data set's name, or micro:train.")
    if source.startswith("micro:"):
        from iterpref import micro

        wanted = source.removeprefix("micro:")
        if wanted not in ("train", "validation", "test"):
            raise InputError(
                f"collect.source {source!r}: the micro-world has micro:train, micro:validation, micro:test."
            )
        for task in micro.tasks(cast(Any, wanted), limit if limit is not None else 1000, seed=seed):
            yield task.id, Trajectory(task, ())
        return
    yield from read_recorded(source, split, limit)


def collect_stage(run: Run, recipe: Recipe, round: int = 1, model: str = "") -> None:
    """Sources to complete sessions. ``model`` drafts, where the recipe's drafter is a local model and names none."""
    config = recipe.collect
    finished = _made("collected", config.source, config.limit, config.samples, recipe.seed)
    if finished and run.get("complete", finished, _Stage, round) is not None:
        return
    known = set(run.ids("source", round))
    sources = list(load_tasks(config.source, config.limit, config.split, recipe.seed + round - 1))  # all is well formed
    if not sources:
        raise InputError(f"{config.source}: there is nothing in it; check the file and collect.limit.")
    if config.drafter == "recorded":
        empty = next((id for id, source in sources if not source.attempts), None)
        if empty is not None:
            raise InputError(
                f"{config.source}: task {empty!r} has no attempts; set collect.drafter to who should write them."
            )
    if config.repairer != "recorded" or config.drafter != "recorded":
        untested = next((id for id, source in sources if source.task.tests is None), None)
        if untested is not None:
            raise InputError(
                f"{config.source}: {untested!r} has no tests, so nothing can be debugged; add tests to it."
            )
    run.put_many((("source", id, source) for id, source in sources if id not in known), round)
    if run.count("end", round) >= len(sources) * config.samples:
        return
    with Sandbox(workers=recipe.sandbox.workers or None, allow_unsafe_exec=recipe.sandbox.allow_unsafe_exec) as box:
        settings = Settings(
            model=model_folder(config.model or model or recipe.train.model_name_or_path),
            base_url=config.base_url,
            temperature=config.temperature,
            max_new_tokens=config.max_new_tokens,
            seed=recipe.seed + round - 1,
            judge_many=box.map,
            passing=lambda: _passing(run, round),
        )
        with progress_bar("debugging" if config.repairer != "recorded" else "running attempts") as update:
            infra = collect(
                run,
                box.map,
                round=round,
                drafter=_teacher(config.drafter, settings),
                repairer=_teacher(config.repairer, settings),
                iterations=config.iterations,
                samples=config.samples,
                progress=update,
            )
    if infra:
        console.print(f"{infra} runs failed for reasons of the machine; they are no labels. Run again to retry them.")
    elif finished:
        run.put("complete", finished, _Stage(finished), round)


def _made(what: str, source: str, *settings: object) -> str:
    """What is remembered of finished work on tasks that are made here: making them only to find it done takes seconds.

    Empty for files, which are read again each time: they may have changed.
    """
    return "/".join(map(str, (what, source, *settings))) if source.startswith("micro:") else ""


def _teacher(name: str, settings: Settings) -> Teacher | None:
    if name == "recorded":
        return None
    teacher: Teacher = resolve(name).from_settings(settings)
    return teacher


def _passing(run: Run, round: int) -> Iterator[tuple[Task, str]]:
    """Programs that pass, of this round and those before: what the search teacher learns its ingredients from."""
    for each in range(1, round + 1):
        tasks: dict[str, Task] = {id: source.task for id, source in run.items("source", Trajectory, each)}
        for id, attempt in run.items("attempt", Attempt, each):
            if attempt.verdict.passed:
                yield tasks[id.rpartition("/")[0].partition("#")[0]], attempt.code


# -- 3: pairs ------------------------------------------------------------------------------------------------------


def pairs_stage(run: Run, recipe: Recipe, round: int = 1) -> None:
    """Trajectories to pairs. Costs nothing that was paid for, so changed settings simply make the pairs anew.

    Raises:
        InputError: no trajectory is complete, or nothing is left; the sentence gives the commonest reasons.
    """
    if not run.count("end", round):
        raise InputError(f"{recipe.run} holds no trajectories yet; run `iterpref collect` first.")
    fingerprint = _fingerprint(asdict(recipe.pairs), recipe.seed, sorted(run.ids("end", round)))
    if run.get("stage", "pairs", _Stage, round) == _Stage(fingerprint):
        return
    total = run.count("end", round)
    dropped: Counter[str] = Counter()

    def records(made: Iterable[tuple[str, Pair | Drop]]) -> Iterator[tuple[str, str, Any]]:
        kept = 0
        for id, item in made:
            if isinstance(item, Drop):
                dropped[item.reason] += 1
                yield "drop", f"pairs:{id}", item
            else:
                kept += 1
                yield "pair", id, item
        if not kept:
            told = ", ".join(f"{reason} ({count})" for reason, count in dropped.most_common(3))
            raise InputError(
                f"{recipe.run}: no pair is left of {total} trajectories: {told}; loosen `pairs:` or add data."
            )
        if not dropped[FAULT]:
            yield "stage", "pairs", _Stage(fingerprint)

    with _runner(run, recipe) as runner, progress_bar("pairs") as update:
        made = build_pairs(
            _counted(trajectories(run, round), total, update),
            recipe.pairs,
            seed=recipe.seed,
            count_tokens=_counter(recipe.pairs),
            runner=runner,
            ask_many=_cosmetic_judge(recipe),
        )
        run.replace(("pair", "drop", "stage"), records(made), round)
    if dropped[FAULT]:
        console.print(f"{dropped[FAULT]} pairs could not be run for reasons of the machine; run again to retry them.")


@contextmanager
def _runner(run: Run, recipe: Recipe) -> Iterator[Runner | None]:
    """Runs programs for the pairs, if the recipe asks for it. What was run is kept, for other settings and rounds."""
    if not needs_running(recipe.pairs):
        yield None
        return

    def recall(digest: str) -> bool | None:
        return run.get("ran", digest, bool, 0)

    def remember(answers: Mapping[str, bool]) -> None:
        run.put_many((("ran", digest, passed) for digest, passed in answers.items()), 0)

    with Sandbox(workers=recipe.sandbox.workers or None, allow_unsafe_exec=recipe.sandbox.allow_unsafe_exec) as box:
        yield Runner(box.map, recall, remember)


def _cosmetic_judge(recipe: Recipe) -> Callable[[Sequence[str]], Sequence[str | None]] | None:
    """The language model that is asked whether a difference is cosmetic, as a teacher that writes one line."""
    if not recipe.pairs.judge:
        return None
    collect = recipe.collect
    settings = Settings(
        model=model_folder(collect.model or recipe.train.model_name_or_path),
        base_url=collect.base_url,
        temperature=0.0,
        max_new_tokens=collect.max_new_tokens,
        seed=recipe.seed,
    )
    teacher = _teacher(recipe.pairs.judge, settings)
    if teacher is None:
        raise InputError("pairs.judge: recorded answers nothing; name a teacher such as chat or local.")

    def ask_many(questions: Sequence[str]) -> list[str | None]:
        answers: list[str | None] = [None] * len(questions)
        requests = [Request(Task(f"cosmetic {number}", question)) for number, question in enumerate(questions)]
        for index, reply in teacher.write(requests):
            answers[index] = reply.code
        return answers

    return ask_many


def _counted(items: Iterable[Any], total: int, update: Callable[[int, int], None]) -> Iterator[Any]:
    for done, item in enumerate(items, 1):
        yield item
        update(done, total)


def _counter(config: PairsConfig) -> Callable[[str], int] | None:
    if not config.tokenizers:
        return None
    tokenizer = load_tokenizer(config.tokenizers[0])
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


# -- 4: training ---------------------------------------------------------------------------------------------------


def train_stage(
    run: Run, recipe: Recipe, round: int = 1, model: str = "", only: Sequence[str] = (), dry_run: bool = False
) -> dict[str, Trained]:
    """Train every variant of the recipe (or those named) on the run's pairs. ``model`` is where training starts.

    With ``dry_run`` only say what each would be.

    Raises:
        InputError: no pairs, or a variant of that name was trained with other settings.
    """
    wanted = variants(recipe)
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
        fingerprint = _fingerprint(asdict(config), recipe.seed, digests)
        before = run.get("trained", name, Trained, round)
        if before:
            _same_training(run, name, before, config, fingerprint)
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
            fingerprint,
            str(result.model_dir),
            result.steps,
            dict(result.metrics),
            result.num_pairs,
            result.num_anchors,
            dict(result.dropped),
            asdict(config),
        )
        run.put("trained", name, trained[name], round)
    return trained


def _same_training(run: Run, name: str, before: Trained, config: TrainConfig, fingerprint: str) -> None:
    if before.fingerprint == fingerprint:
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
    """Greedy answers of one model to the ``validation`` or ``test`` tasks of the recipe."""
    config = recipe.evaluate
    validating = split == "validation"
    source = config.validation if validating else config.test
    limit = config.validation_limit if validating else config.test_limit
    finished = _made(f"evaluated/{name}/{split}", source, limit, recipe.seed)
    if finished and run.get("complete", finished, _Stage, round) is not None:
        return results(run, name, split, round)
    tasks = _held_out(source, limit, recipe.seed)

    def teacher() -> Teacher:
        settings = Settings(
            model=model_folder(model),
            temperature=0.0,
            max_new_tokens=config.max_new_tokens,
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
        run.put("complete", finished, _Stage(finished), round)
    return passed


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
    model, best = recipe.train.model_name_or_path, ""
    if recipe.evaluate.test:
        evaluate_stage(run, recipe, model, "base", "test")
    for round in range(1, recipe.rounds + 1):
        later = model if round > 1 else ""
        collect_stage(run, recipe, round, later)
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


def _fingerprint(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=list).encode()).hexdigest()[:16]
