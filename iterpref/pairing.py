"""Stage 3 of a recipe: from complete sessions to focal pairs, with the sandbox and the judge that this may need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from typing import Any

from iterpref.collecting import endpoint
from iterpref.config import PairsConfig, Recipe
from iterpref.errors import InputError
from iterpref.models import load_tokenizer, model_folder
from iterpref.pairs import FAULT, Runner, build_pairs, needs_running
from iterpref.progress import console, progress_bar
from iterpref.records import Finished, fingerprint, trajectories
from iterpref.sandbox import Sandbox
from iterpref.store import Drop, Run
from iterpref.teachers import resolve
from iterpref.teachers.base import Request, Settings, Teacher
from iterpref.types import Pair, Task

__all__ = ["pairs_stage"]


def pairs_stage(run: Run, recipe: Recipe, round: int = 1) -> None:
    """Trajectories to pairs. Costs nothing that was paid for, so changed settings simply make the pairs anew.

    Raises:
        InputError: no trajectory is complete, or nothing is left; the sentence gives the commonest reasons.
    """
    if not run.count("end", round):
        raise InputError(f"{recipe.run} holds no trajectories yet; run `iterpref collect` first.")
    made_of = fingerprint(asdict(recipe.pairs), recipe.seed, sorted(run.ids("end", round)))
    if run.get("stage", "pairs", Finished, round) == Finished(made_of):
        return
    total = run.count("end", round)
    dropped: Counter[str] = Counter()
    judged: Counter[str] = Counter()

    def records(made: Iterable[tuple[str, Pair | Drop]]) -> Iterator[tuple[str, str, Any]]:
        kept = 0
        for id, item in made:
            if isinstance(item, Drop):
                dropped[item.reason] += 1
                yield "drop", f"pairs:{id}", item
            else:
                kept += 1
                judged[str(item.provenance.get("judge", ""))] += 1
                yield "pair", id, item
        if not kept:
            told = ", ".join(f"{reason} ({count})" for reason, count in dropped.most_common(3))
            raise InputError(
                f"{recipe.run}: no pair is left of {total} trajectories: {told}; loosen `pairs:` or add data."
            )
        if not dropped[FAULT]:
            yield "stage", "pairs", Finished(made_of)

    with _runner(run, recipe) as runner, _cosmetic_judge(run, recipe) as ask_many, progress_bar("pairs") as update:
        made = build_pairs(
            _counted(trajectories(run, round), total, update),
            recipe.pairs,
            seed=recipe.seed,
            count_tokens=_counter(recipe.pairs),
            runner=runner,
            ask_many=ask_many,
        )
        run.replace(("pair", "drop", "stage"), records(made), round)
    if judged["no answer"]:
        asked = judged["no answer"] + judged["functional"]
        console.print(f"the judge gave no verdict on {judged['no answer']} of {asked} pairs that are kept.")
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


@contextmanager
def _cosmetic_judge(run: Run, recipe: Recipe) -> Iterator[Callable[[Sequence[str]], Sequence[str | None]] | None]:
    """The language model that is asked whether a difference is cosmetic, as a teacher that writes one line."""
    judge, collect = recipe.pairs.judge, recipe.collect
    if not judge:
        yield None
        return
    with endpoint(run, recipe) if judge == "chat" else nullcontext() as client:
        settings = Settings(
            model=model_folder(collect.model or recipe.train.model_name_or_path),
            client=client,
            purpose="judge of pairs",
            temperature=0.0,
            max_new_tokens=collect.max_new_tokens,
            seed=recipe.seed,
        )
        teacher: Teacher = resolve(judge).from_settings(settings)

        def ask_many(questions: Sequence[str]) -> list[str | None]:
            answers: list[str | None] = [None] * len(questions)
            requests = [Request(Task(f"cosmetic {number}", question)) for number, question in enumerate(questions)]
            for index, reply in teacher.write(requests):
                answers[index] = reply.code
            return answers

        yield ask_many


def _counted(items: Iterable[Any], total: int, update: Callable[[int, int], None]) -> Iterator[Any]:
    for done, item in enumerate(items, 1):
        yield item
        update(done, total)


def _counter(config: PairsConfig) -> Callable[[str], int] | None:
    if not config.tokenizers:
        return None
    tokenizer = load_tokenizer(config.tokenizers[0])
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)
