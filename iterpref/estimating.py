"""What collecting by a recipe will ask of an endpoint, and cost; told before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from iterpref.config import Recipe
from iterpref.errors import InputError
from iterpref.report.costs import estimate_text
from iterpref.sources import FEATURES, check_templates, count_sources, load_tasks
from iterpref.store import Run
from iterpref.tasks import load_tree, synthesis
from iterpref.teachers.client import characters_to_tokens
from iterpref.teachers.estimate import Plan, debugging, writing
from iterpref.teachers.ledger import LEDGER, Ledger
from iterpref.teachers.prices import check_priced, load_prices

__all__ = ["estimate_stage"]

_MEASURED = 1000  # prompts of tasks


def estimate_stage(recipe: Recipe) -> str:
    """What collecting would ask of the endpoint, as Markdown. Nothing is sent, and nothing is stored.

    Raises:
        InputError: the recipe asks no endpoint, or something in it is wrong.
    """
    config, chat = recipe.collect, recipe.chat
    writes = config.source.startswith(FEATURES)
    if not writes and "chat" not in (config.drafter, config.repairer):
        raise InputError("the recipe asks no endpoint: neither its drafter nor its repairer is chat.")
    count = count_sources(recipe, 1)
    check_templates(chat.prompts)
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
        tree = load_tree(config.source.removeprefix(FEATURES))
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
    told = estimate_text(plan, chat.model, count, ended, spent, prices)
    if recipe.pairs.judge == "chat":
        told += "\nThe judge of pairs (pairs.judge) is asked later, and not counted here."
    return told


def _limit(request: Mapping[str, Any], own: int) -> int:
    """Tokens of an answer at most, where further fields of the request may say another number."""
    body = {"max_tokens": own, **request}
    return int(body["max_tokens"] or body.get("max_completion_tokens") or own)
