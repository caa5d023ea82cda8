"""Samples that somebody else made: read, and checked against the benchmark before anything is run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from iterpref.errors import InputError
from iterpref.evaluate.benchmark import Answer
from iterpref.progress import console
from iterpref.suites import bigcodebench, bigcodebench_official, livecodebench_official, official
from iterpref.suites.base import Item, Suite
from iterpref.syntax import parse
from iterpref.wording import counted

__all__ = ["ready_answers"]

_SHOWN = 5  # ids of tasks that the benchmark does not have


def ready_answers(path: str, suite: Suite, items: Sequence[Item]) -> list[Answer]:
    """Answers to ``items`` from a samples file, in its order; those to other tasks are left out.

    Read are the official harnesses' samples (``samples.jsonl``, LiveCodeBench's custom output), and the programs of
    their results (``*_eval_results.json``). A program is judged as it is, a completion after its prompt; where the
    prompt is prose and no code, the completion alone.

    Raises:
        InputError: no such file, a malformed line, or a task without a sample.
    """
    known = {item.task.id: item for item in suite.items}
    answers = []
    unknown: dict[str, None] = {}
    for id, sample, text, whole in _samples(path, suite):
        if id not in known:
            unknown[id] = None
            continue
        prompt = known[id].task.prompt
        program = prompt + text if not whole and _begins_a_program(prompt) else text
        if suite.name == "bigcodebench":
            program = bigcodebench.plain(known[id], program)
        answers.append(Answer(id, sample, "", program=program))
    if unknown:
        shown = [*list(unknown)[:_SHOWN], *(["..."] if len(unknown) > _SHOWN else [])]
        console.print(
            f"{path}: left out {counted(len(unknown), 'task')} that the benchmark does not have: {', '.join(shown)}",
            soft_wrap=True,
            markup=False,
        )
    wanted = {item.task.id for item in items}
    answered = {answer.task_id for answer in answers}
    missing = sorted(wanted - answered)
    if missing:
        first = next(number for number, item in enumerate(items) if item.task.id not in answered)
        remedy = f"complete it, or judge the first {first} only (--limit {first})" if first else "complete it"
        if not answered:
            raise InputError(f"{path} has no sample for any task of {suite.name}; check that it is the right file.")
        raise InputError(
            f"{path} has no sample for {len(missing)} of {counted(len(wanted), 'task')}, such as "
            f"{missing[0]}; {remedy}."
        )
    return [answer for answer in answers if answer.task_id in wanted]


def _begins_a_program(prompt: str) -> bool:
    """Whether a prompt is code to go on with: it parses, perhaps with a body for the function that it begins."""
    for body in ("", "    pass\n"):
        try:
            parse(f"{prompt.rstrip()}\n{body}")
        except (SyntaxError, ValueError):
            continue
        return True
    return False


def _samples(path: str, suite: Suite) -> Iterable[official.Sample]:
    if Path(path).name.removesuffix(".gz").endswith("_eval_results.json"):
        if suite.name == "bigcodebench":
            results = bigcodebench_official.read_eval_results(path, suite)
        else:
            results = official.read_eval_results(path)
        return [(id, sample, program, True) for id, sample, program, _ in results]
    if suite.name == "livecodebench":
        return livecodebench_official.read_custom(path)
    return official.read_samples(path)
