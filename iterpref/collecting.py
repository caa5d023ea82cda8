"""Stages 1 and 2 of a recipe: from its sources, or from features, to complete sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from iterpref.config import CollectConfig, Recipe
from iterpref.debug import collect
from iterpref.models import model_folder
from iterpref.progress import console, progress_bar
from iterpref.records import Finished
from iterpref.sandbox import Sandbox
from iterpref.sources import FEATURES, check_templates, count_sources, made_key, store_sources
from iterpref.store import Run
from iterpref.tasks import review_tests, synthesise
from iterpref.teachers import resolve
from iterpref.teachers.base import Settings, Teacher
from iterpref.teachers.client import Client, OutOfBudget
from iterpref.teachers.ledger import Ledger
from iterpref.teachers.prices import load_prices
from iterpref.types import Attempt, Task, Tests, Trajectory, Verdict

__all__ = ["collect_stage", "endpoint"]

_BATCHED = 1024  # sessions at a time: bounds memory, and keeps a model's batches full


def collect_stage(run: Run, recipe: Recipe, round: int = 1, model: str = "") -> bool:
    """Sources to complete sessions. ``model`` drafts, where the recipe's drafter is a local model and names none.

    Returns False where the budget was used up before the end.
    """
    config = recipe.collect
    finished = made_key("collected", config.source, config.limit, config.samples, recipe.seed)
    if finished and run.get("complete", finished, Finished, round) is not None:
        return True
    writes = config.source.startswith(FEATURES)
    chats = writes or "chat" in (config.drafter, config.repairer)
    count = count_sources(recipe, round, model)
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
                        tree=config.source.removeprefix(FEATURES),
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
                store_sources(run, recipe, round)
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
                        window=_window(recipe),
                        review=partial(_review, box.judge),
                        progress=update,
                    )
        except OutOfBudget as spent:
            console.print(f"stopped: {spent}; raise chat.budget_usd and run the same command to go on.", soft_wrap=True)
            return False
    if left:
        console.print(
            f"{left} sessions were left open, for reasons of the machine or of the endpoint; run again to go on."
        )
    elif finished:
        run.put("complete", finished, Finished(finished), round)
    return True


@contextmanager
def endpoint(run: Run, recipe: Recipe) -> Iterator[Client]:
    """The client of a run, over the run's ledger."""
    config = recipe.chat
    check_templates(config.prompts)
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


def _review(judge: Callable[[str, Tests], Verdict], task: Task, program: str, code: str) -> Any:
    """What tests beside a repair are worth, checked on the task's solution, else on the repair itself."""
    assert task.tests is not None
    return review_tests(task.tests, task.solution or program, program, code, judge)


def _window(recipe: Recipe) -> int:
    """Sessions at a time: for an endpoint a few more than it is asked at once, since some are being run meanwhile."""
    batched = {recipe.collect.drafter, recipe.collect.repairer} - {"recorded", "chat", "resample"}
    return _BATCHED if batched else min(_BATCHED, 4 * recipe.chat.concurrency)


def _repairer(config: CollectConfig, drafter: Teacher | None, settings: Settings) -> Teacher | None:
    if config.repairer in ("resample", config.drafter):
        return drafter
    return _teacher(config.repairer, settings)


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
