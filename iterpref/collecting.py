"""Stages 1 and 2 of a recipe: from its sources, or from features, to complete sessions; and what that will cost."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Any, cast

from iterpref.config import CollectConfig, Recipe
from iterpref.debug import collect
from iterpref.errors import InputError
from iterpref.models import check_model, model_folder
from iterpref.progress import console, progress_bar
from iterpref.records import Finished
from iterpref.report.costs import estimate_text
from iterpref.sandbox import Sandbox
from iterpref.store import Run
from iterpref.tasks import load_tree, read_recorded, review_tests, synthesis, synthesise
from iterpref.teachers import prompts, resolve
from iterpref.teachers.base import Settings, Teacher
from iterpref.teachers.client import Client, OutOfBudget, characters_to_tokens
from iterpref.teachers.estimate import Plan, debugging, writing
from iterpref.teachers.ledger import LEDGER, Ledger
from iterpref.teachers.prices import check_priced, load_prices
from iterpref.teachers.prompts import load_templates
from iterpref.types import Attempt, Task, Tests, Trajectory, Verdict

__all__ = ["collect_stage", "endpoint", "estimate_stage", "load_tasks", "made_key"]

_MEASURED = 1000  # prompts of tasks, for an estimate


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
    finished = made_key("collected", config.source, config.limit, config.samples, recipe.seed)
    if finished and run.get("complete", finished, Finished, round) is not None:
        return
    writes = config.source.startswith("features:")
    chats = writes or "chat" in (config.drafter, config.repairer)
    count = _known_to_be_well_formed(recipe, round, model)
    seed = recipe.seed + round - 1
    with ExitStack() as stack:
        client = stack.enter_context(endpoint(run, recipe)) if chats else None
        box = stack.enter_context(
            Sandbox(workers=recipe.sandbox.workers or None, allow_unsafe_exec=recipe.sandbox.allow_unsafe_exec)
        )
        settings = Settings(
            model=model_folder(config.model or model or recipe.train.model_name_or_path),
            client=client,
            prompts=recipe.chat.prompts,
            temperature=config.temperature,
            max_new_tokens=config.max_new_tokens,
            seed=seed,
            judge_many=box.map,
            passing=lambda: _passing(run, round),
        )
        left = 0
        try:
            if client is not None and writes:
                with progress_bar("writing tasks") as update:
                    left = synthesise(
                        run,
                        client,
                        box.judge,
                        recipe.tasks,
                        tree=config.source.removeprefix("features:"),
                        count=count,
                        workers=box.workers,
                        round=round,
                        seed=seed,
                        temperature=config.temperature,
                        prompts=recipe.chat.prompts,
                        drafted=config.drafter != "recorded",
                        progress=update,
                    )
            else:
                _store_sources(run, recipe, round)
            if run.count("end", round) < run.count("source", round) * config.samples:
                drafter = _teacher(config.drafter, settings)
                sampling = config.repairer == "resample"
                with progress_bar("debugging" if config.repairer != "recorded" else "running attempts") as update:
                    left += collect(
                        run,
                        box.judge,
                        workers=box.workers,
                        round=round,
                        drafter=drafter,
                        repairer=_repairer(config, drafter, settings),
                        sampling=sampling,
                        iterations=config.iterations,
                        samples=config.samples,
                        review=partial(_review, box.judge),
                        progress=update,
                    )
        except OutOfBudget as spent:
            console.print(f"stopped: {spent}; raise chat.budget_usd and run the same command to go on.", soft_wrap=True)
            return
    if left:
        console.print(
            f"{left} sessions were left open, for reasons of the machine or of the endpoint; run again to go on."
        )
    elif finished:
        run.put("complete", finished, Finished(finished), round)


def _known_to_be_well_formed(recipe: Recipe, round: int, model: str = "") -> int:
    """How many sources there are, after all that can be wrong with them has been looked for; nothing is stored yet."""
    config = recipe.collect
    if config.repairer == "resample" and config.drafter == "recorded":
        raise InputError("collect.repairer: resample draws versions from the drafter; set collect.drafter.")
    teachers = {config.drafter, config.repairer} - {"recorded", "resample"}
    for name in sorted(teachers):
        resolve(name)
    if "local" in teachers:
        check_model(config.model or model or recipe.train.model_name_or_path, "collect.model")
    if config.source.startswith("features:"):
        load_tree(config.source.removeprefix("features:"))
        if not config.limit:
            raise InputError("collect.limit must say how many tasks are to be written from the features.")
        return config.limit
    count = 0
    for id, source in load_tasks(config.source, config.limit, config.split, recipe.seed + round - 1):
        count += 1
        if config.drafter == "recorded" and not source.attempts:
            raise InputError(
                f"{config.source}: task {id!r} has no attempts; set collect.drafter to who should write them."
            )
        if (config.repairer != "recorded" or config.drafter != "recorded") and source.task.tests is None:
            raise InputError(f"{config.source}: {id!r} has no tests, so nothing can be debugged; add tests to it.")
    if not count:
        raise InputError(f"{config.source}: there is nothing in it; check the file and collect.limit.")
    return count


def _store_sources(run: Run, recipe: Recipe, round: int) -> None:
    config = recipe.collect
    known = set(run.ids("source", round))
    sources = load_tasks(config.source, config.limit, config.split, recipe.seed + round - 1)
    fresh = (("source", id, source) for id, source in sources if id not in known)
    while block := list(islice(fresh, 1000)):
        run.put_many(block, round)


@contextmanager
def endpoint(run: Run, recipe: Recipe) -> Iterator[Client]:
    """The client of a run, over the run's ledger."""
    config = recipe.chat
    _check_templates(config.prompts)
    prices = load_prices(config.prices)
    with Ledger(run.path) as ledger:
        yield Client(
            config.model,
            config.base_url,
            ledger=ledger,
            concurrency=config.concurrency,
            deadline=config.deadline_seconds,
            budget_usd=config.budget_usd,
            prices=prices,
            system=config.system,
            request=config.request,
        )


def _check_templates(own: str) -> None:
    """Load all that may be asked with: what one stage does not use is found wrong before another was paid for."""
    load_templates(prompts.__name__, prompts.KINDS, own)
    load_templates(synthesis.PACKAGE, synthesis.TEMPLATES, own)
    known = [*prompts.KINDS, *synthesis.TEMPLATES]
    for path in sorted(Path(own).glob("*.jinja")) if own else ():
        if path.stem not in known:
            near = difflib.get_close_matches(path.stem, known, n=1, cutoff=0.0)[0]
            raise InputError(f"{path}: there is no template of that name; did you mean {near}.jinja?")


def _review(judge: Callable[[str, Tests], Verdict], task: Task, program: str, code: str) -> Any:
    """What tests beside a repair are worth, checked on the task's solution, else on the repair itself."""
    assert task.tests is not None
    return review_tests(task.tests, task.solution or program, program, code, judge)


def _repairer(config: CollectConfig, drafter: Teacher | None, settings: Settings) -> Teacher | None:
    if config.repairer in ("resample", config.drafter):
        return drafter
    return _teacher(config.repairer, settings)


def estimate_stage(recipe: Recipe) -> str:
    """What :func:`collect_stage` would ask of the endpoint, as Markdown. Nothing is sent, and nothing is stored.

    Raises:
        InputError: the recipe asks no endpoint, or something in it is wrong.
    """
    config, chat = recipe.collect, recipe.chat
    writes = config.source.startswith("features:")
    if not writes and "chat" not in (config.drafter, config.repairer):
        raise InputError("the recipe asks no endpoint: neither its drafter nor its repairer is chat.")
    count = _known_to_be_well_formed(recipe, 1)
    _check_templates(chat.prompts)
    spent, ended, done = [], 0, 0
    folder = Path(recipe.run)
    if (folder / LEDGER).exists():
        with Ledger(folder, read_only=True) as ledger:
            spent = ledger.spent()
    if (folder / "run.db").exists():
        with Run(folder, read_only=True) as run:
            ended = run.count("end")
            done = run.count("source") + sum(id.startswith("tasks:") for id in run.ids("left"))
    prices = load_prices(chat.prices)
    if chat.budget_usd is not None:
        check_priced(chat.model, prices)
    loads = []
    most_prompt = most_code = 0.0
    system = characters_to_tokens(len(chat.system))
    if writes:
        tree = load_tree(config.source.removeprefix("features:"))
        sizes = [
            characters_to_tokens(len(synthesis.task_prompt(tree, recipe.tasks, number, recipe.seed, chat.prompts)))
            for number in range(min(count, _MEASURED))
        ]
        size = fmean(sizes)
        open_tasks = max(0, count - done)
        loads += writing(
            open_tasks,
            size + system,
            most_prompt_tokens=max(sizes) + system,
            evolve=recipe.tasks.evolve if open_tasks == count else 0,
            max_new_tokens=_limit(chat.request, recipe.tasks.max_new_tokens),
            spent=spent,
        )
        prompt_tokens = size
        most_prompt = _limit(chat.request, recipe.tasks.max_new_tokens)  # instruction and solution come in one answer
    else:
        characters = 0
        for _, source in load_tasks(config.source, config.limit, config.split, recipe.seed):
            characters += len(source.task.prompt)
            if config.drafter == "recorded":
                most_code = max([most_code, *(characters_to_tokens(len(each.code)) for each in source.attempts)])
        prompt_tokens = characters_to_tokens(characters / count)
    sampling = config.repairer == "resample"
    loads += debugging(
        max(0, count * config.samples - ended),
        prompt_tokens + system,
        most_prompt_tokens=most_prompt + system,
        most_code_tokens=most_code,
        drafts=config.drafter == "chat",
        repairs=config.repairer == "chat",
        sampling=sampling,
        iterations=config.iterations,
        max_new_tokens=_limit(chat.request, config.max_new_tokens),
        spent=spent,
    )
    plan = Plan(tuple(loads), prices.get(chat.model))
    return estimate_text(plan, chat.model, count, ended, spent, prices)


def _limit(request: Mapping[str, Any], own: int) -> int:
    """Tokens of an answer at most, where further fields of the request may say another number."""
    body = {"max_tokens": own, **request}
    return int(body["max_tokens"] or body.get("max_completion_tokens") or own)


def made_key(what: str, source: str, *settings: object) -> str:
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
