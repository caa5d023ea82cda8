"""Tasks from a feature tree, written by a teacher (CodeFlow; paper, section 3.1, after EpiCoder).

    features -> a prompt in one of three forms -> instruction, solution, tests -> checked on stubs -> a task

An answer that cannot be read is sent back once; after that, and where the tests test nothing, the task is dropped with
its reason. The solution becomes version 0 of the debugging, unless somebody else is to draft. Each task is committed as
soon as it is there; which features it is about follows from its number and the seed alone.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from iterpref.config import TasksConfig
from iterpref.store import Drop, Run
from iterpref.tasks.features import Feature, categories, grow, load_tree, nested, sample
from iterpref.tasks.written import Judge, Unusable, check_tests, parse_task
from iterpref.teachers.chat import fenced_blocks, strip_reasoning
from iterpref.teachers.client import Client, Unanswered
from iterpref.teachers.prompts import Kind, load_templates
from iterpref.types import Attempt, Outcome, Task, Trajectory, Verdict
from iterpref.workers import work_together

__all__ = ["TEMPLATES", "synthesise", "task_prompt"]

PACKAGE = "iterpref.tasks.prompts"
_FORM = Kind(
    [
        {"features": ("algorithm > sorting", "workflow > logging"), "mandatory": 2, "format": "Answer with code."},
        {"features": ("algorithm > sorting",), "mandatory": 2, "format": "Answer with code."},
    ],
    ["features", "format"],
)
TEMPLATES: Mapping[str, Kind] = {
    "scenario": _FORM,
    "function": _FORM,
    "contest": _FORM,
    "format": Kind([{"form": form} for form in ("scenario", "function", "contest")]),
    "mend": Kind([{"fault": "the tests assert nothing"}]),
    "evolve": Kind([{"tree": '{"algorithm": {"sorting": {}}}'}], ["tree"]),
}
"""The templates of this stage."""
_MANDATORY = 2  # of the drawn features (EpiCoder)
_EVOLVED = (2, 1, 2, 1)  # widths of the part of the tree that is shown to be made richer (EpiCoder)
_UNJUDGED = Verdict(Outcome.INFRA, feedback="not judged")


def synthesise(
    run: Run,
    client: Client,
    judge: Judge,
    config: TasksConfig,
    *,
    tree: str,
    count: int,
    workers: int = 2,
    round: int = 1,
    seed: int = 0,
    temperature: float = 0.8,
    prompts: str = "",
    drafted: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Bring ``count`` tasks to their end: a source record, or a drop with its reason. Returns how many are left open.

    Args:
        tree: path of the feature tree.
        drafted: somebody else writes version 0, so the solution is kept with the task only.

    Raises:
        InputError: the tree or a template is malformed, or the endpoint cannot be asked.
        OutOfBudget: the next request might cost more than is left.
    """
    stage = _Synthesis(run, client, judge, config, load_tree(tree), round, seed, temperature, prompts, drafted, workers)
    return asyncio.run(stage.work_off(count, progress))


def task_prompt(tree: Feature, config: TasksConfig, number: int = 0, seed: int = 0, prompts: str = "") -> str:
    """The prompt of a task by its number: for estimates, and to look at."""
    return _prompt(tree, config, number, seed, prompts)[2]


class _Synthesis:
    def __init__(
        self,
        run: Run,
        client: Client,
        judge: Judge,
        config: TasksConfig,
        tree: Feature,
        round: int,
        seed: int,
        temperature: float,
        prompts: str,
        drafted: bool,
        workers: int,
    ) -> None:
        self._run = run
        self._client = client
        self._judge = judge
        self._config = config
        self._tree = tree
        self._round = round
        self._seed = seed
        self._temperature = temperature
        self._prompts = prompts
        self._drafted = drafted
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="judge")
        self._templates = load_templates(PACKAGE, TEMPLATES, prompts)

    async def work_off(self, count: int, progress: Callable[[int, int], None]) -> int:
        done = left = 0
        ended = {*self._run.ids("source", self._round), *self._run.ids("left", self._round)}

        numbers = [n for n in range(count) if not {id := _id(n, self._config), f"tasks:{id}"} & ended]
        done = count - len(numbers)
        if not numbers:
            return 0
        waiting = iter(numbers)

        async def work() -> None:
            nonlocal done, left
            for number in waiting:  # shared: each worker takes the next one
                try:
                    await self._one(number)
                except Unanswered:
                    left += 1
                    continue
                done += 1
                progress(done, count)

        async with self._client:
            if not await self._evolve():
                return len(numbers)
            progress(done, count)
            try:
                await work_together(work, min(len(numbers), 2 * self._client.concurrency))
            finally:
                self._pool.shutdown(cancel_futures=True)
        return left

    async def _evolve(self) -> bool:
        """Let the teacher make the tree richer; an answer without a tree in it adds nothing.

        Every part is drawn from the tree as it was read, so that the answers may come in any order. False where one of
        them is still to be had: tasks of a smaller tree would be others than those of an undisturbed run.
        """

        async def richer(number: int) -> Any:
            rng = random.Random(f"{self._seed}/evolve/{number}")
            part = sample(self._tree, rng, _EVOLVED, self._config.temperature)
            prompt = self._templates["evolve"].fill(tree=json.dumps(nested(part), indent=1))
            try:
                text = await self._say([{"role": "user", "content": prompt}], number, "features", f"part {number}")
                blocks = fenced_blocks(text)
                return json.loads(blocks[-1][1] if blocks else text)
            except Unanswered as error:
                return {} if error.final else None
            except (Unusable, ValueError):
                return {}

        answers = await asyncio.gather(*(richer(number) for number in range(self._config.evolve)))
        for names in answers:
            grow(self._tree, names)
        return None not in answers

    async def _one(self, number: int) -> None:
        id = _id(number, self._config)
        form, features, prompt = _prompt(self._tree, self._config, number, self._seed, self._prompts)
        try:
            written = await self._written(form, prompt, number, id)
            why = await asyncio.get_running_loop().run_in_executor(
                self._pool, check_tests, written.solution, written.tests, self._judge
            )
            if why:
                raise Unusable(why)
        except Unusable as error:
            self._run.put("left", f"tasks:{id}", Drop("tasks", error.reason, str(error)), self._round)
            return
        except Unanswered as error:
            if not error.final:
                raise
            self._run.put("left", f"tasks:{id}", Drop("tasks", "no answer", str(error)), self._round)
            return
        task = Task(id, written.instruction, written.tests, written.solution, features, f"features/{form}")
        versions = () if self._drafted else (Attempt(0, written.solution, _UNJUDGED),)
        self._run.put("source", id, Trajectory(task, versions, "chat"), self._round)

    async def _written(self, form: str, prompt: str, number: int, id: str) -> Any:
        messages = [{"role": "user", "content": prompt}]
        text = await self._say(messages, number, "task", id)
        try:
            return parse_task(text, form)
        except Unusable as error:
            mend = self._templates["mend"].fill(fault=str(error))
            messages += [{"role": "assistant", "content": text}, {"role": "user", "content": mend}]
            return parse_task(await self._say(messages, number, "task, again", id), form)

    async def _say(self, messages: list[dict[str, str]], number: int, purpose: str, subject: str) -> str:
        body = self._client.body(
            messages,
            temperature=self._temperature,
            max_tokens=self._config.max_new_tokens,
            seed=self._seed + number,
        )
        answer = await self._client.ask(body, sample=number, purpose=purpose, subject=subject)
        if answer.finish_reason == "length":
            raise Unusable("cut off by the token limit")
        return strip_reasoning(answer.text)


def _id(number: int, config: TasksConfig) -> str:
    return f"{config.forms[number % len(config.forms)]}-{number:06d}"


def _prompt(
    tree: Feature, config: TasksConfig, number: int, seed: int, prompts: str
) -> tuple[str, tuple[str, ...], str]:
    """Form, features and prompt of a task by its number."""
    templates = load_templates(PACKAGE, TEMPLATES, prompts)
    form = config.forms[number % len(config.forms)]
    known = categories(tree)
    part = sample(
        tree, random.Random(f"{seed}/{number}"), config.widths, config.temperature, known[number % len(known)]
    )
    features = tuple(" > ".join(path) for path in part.paths())
    format = templates["format"].fill(form=form)
    return form, features, templates[form].fill(features=features, mandatory=_MANDATORY, format=format)
