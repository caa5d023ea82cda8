"""What a recipe collects from: recorded sessions, tasks, a benchmark, the micro-world, features.

All that can be wrong with a source, the teachers and the templates of a recipe is found here, while nothing is stored
or spent yet.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, cast

from iterpref.config import Recipe
from iterpref.errors import InputError
from iterpref.models import check_model
from iterpref.store import Run
from iterpref.suites.base import SUITES, load_suite
from iterpref.tasks import load_tree, read_recorded, synthesis
from iterpref.teachers import prompts, resolve
from iterpref.teachers.prompts import load_templates
from iterpref.types import Trajectory

__all__ = ["FEATURES", "check_templates", "count_sources", "load_tasks", "made_key", "store_sources"]

FEATURES = "features:"  # a source that begins so is a feature tree, from which tasks are written
_MICRO, _SUITE = "micro:", "suite:"


def load_tasks(source: str, limit: int | None, split: str, seed: int) -> Iterator[tuple[str, Trajectory]]:
    """Tasks by ``micro:<split>`` or ``suite:<benchmark>``, or whatever :func:`iterpref.tasks.read_recorded` reads.

    Raises:
        InputError: nothing was named, or it is not there, or malformed.
    """
    if not source:
        raise InputError("the recipe names no data: set collect.source to a file, a data set's name, or micro:train.")
    if source.startswith(_MICRO):
        from iterpref import micro

        wanted = source.removeprefix(_MICRO)
        if wanted not in ("train", "validation", "test"):
            raise InputError(
                f"collect.source {source!r}: the micro-world has micro:train, micro:validation, micro:test."
            )
        for task in micro.tasks(cast(Any, wanted), limit if limit is not None else 1000, seed=seed):
            yield task.id, Trajectory(task, ())
        return
    if source.startswith(_SUITE):
        name, path = _suite(source.removeprefix(_SUITE))
        for item in load_suite(name, path).items[:limit]:
            task = replace(item.task, source=item.task.source or name)
            yield task.id, Trajectory(task, ())
        return
    yield from read_recorded(source, split, limit)


def _suite(named: str) -> tuple[str, str]:
    """Name and file in ``mbpp``, ``mbpp:FILE``, ``my.module:load`` or ``my.module:load:FILE``."""
    first, _, rest = named.partition(":")
    if first in SUITES:
        return first, rest
    loader, _, path = rest.partition(":")
    return (f"{first}:{loader}", path) if loader else (first, "")


def count_sources(recipe: Recipe, round: int, model: str = "") -> int:
    """How many sources there are, after all that can be wrong with them has been looked for; nothing is stored yet."""
    config = recipe.collect
    if config.repairer == "resample" and config.drafter == "recorded":
        raise InputError("collect.repairer: resample draws versions from the drafter; set collect.drafter.")
    teachers = {config.drafter, config.repairer} - {"recorded", "resample"}
    for name in sorted(teachers):
        resolve(name)
    if "local" in teachers:
        check_model(config.model or model or recipe.train.model_name_or_path, "collect.model")
    if config.source.startswith(FEATURES):
        load_tree(config.source.removeprefix(FEATURES))
        if not config.limit:
            raise InputError("collect.limit must say how many tasks are to be written from the features.")
        return config.limit
    seen: dict[str, int] = {}
    for id, source in load_tasks(config.source, config.limit, config.split, recipe.seed + round - 1):
        # of two with one id only the first is stored; recorded sessions have ids that follow from all their programs
        content = hash((source.task.prompt, repr(source.task.tests))) if not source.attempts else 0
        if seen.setdefault(id, content) != content:
            raise InputError(f"{config.source}: two tasks are named {id!r}; give each an id of its own.")
        if config.drafter == "recorded" and not source.attempts:
            raise InputError(
                f"{config.source}: task {id!r} has no attempts; set collect.drafter to who should write them."
            )
        if (config.repairer != "recorded" or config.drafter != "recorded") and source.task.tests is None:
            raise InputError(f"{config.source}: {id!r} has no tests, so nothing can be debugged; add tests to it.")
    if not seen:
        raise InputError(f"{config.source}: there is nothing in it; check the file and collect.limit.")
    return len(seen)


def store_sources(run: Run, recipe: Recipe, round: int) -> None:
    """Put what the run folder does not hold yet into it."""
    config = recipe.collect
    known = set(run.ids("source", round))
    sources = load_tasks(config.source, config.limit, config.split, recipe.seed + round - 1)
    fresh = (("source", id, source) for id, source in sources if id not in known)
    while block := list(islice(fresh, 1000)):
        run.put_many(block, round)


def made_key(what: str, source: str, *settings: object) -> str:
    """What is remembered of finished work on tasks that are made here: making them only to find it done takes seconds.

    Empty for files, which are read again each time: they may have changed.
    """
    return "/".join(map(str, (what, source, *settings))) if source.startswith("micro:") else ""


def check_templates(own: str) -> None:
    """Load all that may be asked with: what one stage does not use is found wrong before another was paid for."""
    load_templates(prompts.__name__, prompts.KINDS, own)
    load_templates(synthesis.PACKAGE, synthesis.TEMPLATES, own)
    known = [*prompts.KINDS, *synthesis.TEMPLATES]
    for path in sorted(Path(own).glob("*.jinja")) if own else ():
        if path.stem not in known:
            near = difflib.get_close_matches(path.stem, known, n=1, cutoff=0.0)[0]
            raise InputError(f"{path}: there is no template of that name; did you mean {near}.jinja?")
