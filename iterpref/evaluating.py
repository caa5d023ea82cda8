"""Evaluation on a benchmark: from its file and a model, or from ready-made samples, to a result in the run folder.

    RUN/eval/<benchmark>.json             the result: scores, how they came about, every verdict and program
    RUN/eval/<benchmark>.lm-eval.json     the scores as lm-evaluation-harness writes them

An evaluation can be stopped at any moment and run again, with more samples or more tasks too; nothing is asked twice.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from iterpref.collecting import endpoint
from iterpref.config import ChatConfig, Recipe, SandboxConfig
from iterpref.errors import InputError
from iterpref.evaluate.benchmark import Answer, answer_all, answers_of, judged_of, store_answers
from iterpref.evaluate.exports import write_official
from iterpref.evaluate.harness import harness_json
from iterpref.evaluate.ready import ready_answers
from iterpref.evaluate.result import result_of
from iterpref.evaluate.truth import environment, ground_truth
from iterpref.evaluate.wanted import Wanted, as_handed_in, check_asked, how_asked, same_settings, settings_of
from iterpref.models import model_folder
from iterpref.progress import console, progress_bar
from iterpref.sandbox import Sandbox
from iterpref.sandbox.answers import Answers, Unanswered
from iterpref.sandbox.answers import answers as reference_answers
from iterpref.store import Run, versions
from iterpref.suites.base import Item, Style, Suite, load_suite
from iterpref.suites.truth import established
from iterpref.teachers.answers import ChatAnswers, LocalAnswers
from iterpref.teachers.base import Teacher
from iterpref.types import Attempt, Score, Tests

__all__ = ["Prepared", "evaluate_benchmark", "prepare", "report_scores", "told_as_options"]

_OPTIONS = {
    "correct chat.model or chat.request": "correct --model",
    "lower chat.concurrency or wait": "wait",
    "chat.base_url": "--base-url",
    "chat.model": "--model",
    "collect.model": "--model",
    " as its path": " with --path",
    " as the path": " with --path",
    "another `run:`": "another --run",
    "lower max_new_tokens or drop the task": "lower --max-new-tokens, or take a model with a longer context",
}
_DEADLINE_SECONDS = 600.0  # of one answer: many are asked at once, and some servers think long


@dataclass(frozen=True)
class Prepared:
    """A benchmark as it was read, and what is to be done with it: nothing can be wrong with either any more."""

    wanted: Wanted
    suite: Suite
    items: tuple[Item, ...]
    ready: tuple[Answer, ...] = ()  # samples that were handed in

    @property
    def samples(self) -> dict[str, int]:
        """How many answers each task is to have."""
        if self.wanted.answers:
            return dict(Counter(answer.task_id for answer in self.ready))
        return {item.task.id: self.wanted.samples for item in self.items}


@contextmanager
def told_as_options() -> Iterator[None]:
    """What is wrong is said in terms of a recipe's keys further down; here those are options of the command line."""
    try:
        yield
    except InputError as error:
        text = str(error)
        for key, option in _OPTIONS.items():
            text = text.replace(key, option)
        raise InputError(text) from None


def prepare(wanted: Wanted) -> Prepared:
    """Read the benchmark and look for all that can be wrong, before anything is spent.

    Raises:
        InputError: no such benchmark, option, file or model; numbers that make no sense together; a malformed sample.
    """
    if wanted.answers and (wanted.base_url or wanted.samples != 1 or wanted.temperature):
        asking = "--base-url" if wanted.base_url else "--samples" if wanted.samples != 1 else "--temperature"
        raise InputError(
            f"ready-made answers (--answers) are judged as they are, no model is asked; leave {asking} out."
        )
    if not wanted.answers:
        check_asked(wanted)
    suite = load_suite(wanted.benchmark, wanted.path, **wanted.options)
    if wanted.limit is not None and wanted.limit < 1:
        raise InputError(f"--limit is {wanted.limit}; give a number from 1 up.")
    items = suite.items[: wanted.limit]
    if not items:
        raise InputError(f"{wanted.benchmark} holds no task; check its file and options.")
    if not wanted.answers and wanted.style == "instruct" and not items[0].instruction:
        raise InputError(f"{wanted.benchmark} has no wording for instruct models; use --style complete.")
    return Prepared(wanted, suite, items, tuple(ready_answers(wanted.answers, suite, items) if wanted.answers else ()))


def evaluate_benchmark(
    run: Run, prepared: Prepared, sandbox: SandboxConfig, *, name: str = "", round: int = 1
) -> tuple[dict[str, Any], list[Path]]:
    """Answer, judge and write ``eval/[<name>/]<benchmark>.json``; returns that result, and what was written.

    Without every verdict the result says so and has no score: run again.

    Raises:
        InputError: the run folder holds this benchmark under other settings, the endpoint cannot be asked, or this
            machine cannot isolate programs.
    """
    wanted = prepared.wanted
    evaluation = f"{name}/{wanted.label}" if name else wanted.label
    teacher: Callable[[], Teacher]
    with ExitStack() as stack:
        box = stack.enter_context(Sandbox(workers=sandbox.workers or None, allow_unsafe_exec=sandbox.allow_unsafe_exec))
        where = environment(box.isolation.mode)
        suite, left_out = _established(prepared, box)
        items = suite.items
        samples = prepared.samples
        if wanted.answers:
            about = as_handed_in(wanted, suite)
            same_settings(run, evaluation, about, round)
            store_answers(run, evaluation, prepared.ready, round)
            teacher = _nobody
        else:
            stored = settings_of(run, evaluation, round)
            asked = _Asked(stack, run, wanted, suite)
            style = stored["style"] if stored and wanted.style == "auto" else asked.style()
            about = how_asked(wanted, suite, style)
            same_settings(run, evaluation, about, round)
            teacher = asked.teacher
            suite.program(items[0], "", style)  # some cannot be asked in this style: found out before they are
        run.put("evaluation", evaluation, about, round)
        with progress_bar(evaluation) as update:
            reasons = answer_all(
                run,
                evaluation,
                where,
                suite,
                items,
                samples,
                about["style"],
                teacher,
                box.judge,
                box.workers,
                round=round,
                progress=update,
            )
        with progress_bar("reference solutions") as update:
            truth = ground_truth(suite, items, box.judge, box.workers, where, update)
        facts = {
            **about,
            "samples": max(samples.values()),
            "sandbox": {"mode": box.isolation.mode, "protections": list(box.protections), "workers": box.workers},
            "environment": where,
            "inputs_left_out": left_out,
            "open": reasons,
            "versions": versions(),
        }
    answers, judged = answers_of(run, evaluation, round), judged_of(run, evaluation, where, round)
    result = result_of(suite, len(prepared.suite.items), samples, answers, judged, facts, truth)
    written = write_result(run, evaluation, result, round)
    if result["complete"]:
        known = [judged[id, n] for n in range(max(samples.values())) for id in samples if n < samples[id]]
        stem = written[0].with_suffix("")
        written += write_official(
            stem, prepared.suite, items, known, answers, result["scores"], str(about["model"]), truth
        )
    return result, written


def _established(prepared: Prepared, box: Sandbox) -> tuple[Suite, str]:
    """The wanted items with the values that are expected of them, and which inputs had to be left out.

    Raises:
        InputError: a reference solution fails here.
    """
    _wanted, suite = prepared.wanted, prepared.suite

    def run_references(jobs: Sequence[tuple[str, Tests]]) -> Iterator[tuple[int, Answers]]:
        with progress_bar("expected values") as update:
            update(0, len(jobs))
            for done, found in enumerate(reference_answers(box, jobs), 1):
                yield found
                update(done, len(jobs))

    try:
        found = established(replace(suite, items=prepared.items), run_references)
    except Unanswered as error:
        last = str(error).strip().rpartition("\n")[2]
        raise InputError(
            f"{suite.path}: a reference solution fails on this machine ({last}); check the file, the installed "
            "libraries and the machine's memory."
        ) from None
    return replace(found, options=suite.options), found.options.get("inputs_left_out", "")


def report_scores(
    run: Run, prepared: Prepared, result: Mapping[str, Any], name: str, split: str, round: int = 1
) -> dict[str, bool]:
    """Put the first sample's verdicts where the run's report looks for them; whether each task passed every part.

    Raises:
        InputError: the evaluation is unfinished.
    """
    evaluation = f"{name}/{prepared.wanted.label}"
    answers, judged = answers_of(run, evaluation, round), judged_of(run, evaluation, result["environment"], round)
    passed = {}
    for item in prepared.items:
        key = (item.task.id, 0)
        if key not in judged:
            raise InputError(
                f"{run.path}: {evaluation} could not be finished, task {item.task.id!r} has no verdict; run the same "
                "command again."
            )
        found, answer = judged[key], answers[key]
        attempt = Attempt(0, found.program, found.verdict, answer.message, answer.usage)
        run.put(
            "score", f"{name}/{split}/{item.task.id}", Score(split, item.task.id, 0, attempt, item.task.features), round
        )
        passed[item.task.id] = found.verdict.passed
    return passed


class _Asked:
    """Who is asked; a model is loaded, and a server looked for, only when it is needed."""

    def __init__(self, stack: ExitStack, run: Run, wanted: Wanted, suite: Suite) -> None:
        self._stack, self._run, self._wanted, self._suite = stack, run, wanted, suite
        self._made: LocalAnswers | ChatAnswers | None = None

    def style(self) -> Style:
        """As it was wanted; ``auto`` is for the model's tokenizer to say."""
        if self._wanted.style != "auto":
            return cast(Style, self._wanted.style)
        return "instruct" if self._wanted.base_url else self.teacher().style

    def teacher(self) -> LocalAnswers | ChatAnswers:
        self._made = self._made or self._make()
        return self._made

    def _make(self) -> LocalAnswers | ChatAnswers:
        wanted, suite = self._wanted, self._suite
        tokens = wanted.max_new_tokens or suite.max_new_tokens
        where = f" at {wanted.base_url}" if wanted.base_url else ""
        console.print(f"{wanted.label}: asking {wanted.model}{where}", soft_wrap=True)
        if wanted.base_url:
            chat = ChatConfig(model=wanted.model, base_url=wanted.base_url, deadline_seconds=_DEADLINE_SECONDS)
            client = self._stack.enter_context(endpoint(self._run, Recipe(run=str(self._run.path), chat=chat)))
            return ChatAnswers(client, temperature=wanted.temperature, max_new_tokens=tokens, seed=wanted.seed)
        return LocalAnswers(
            model_folder(wanted.model),
            style=None if wanted.style == "auto" else cast(Style, wanted.style),
            stops=suite.stops,
            answer_stops=suite.answer_stops,
            temperature=wanted.temperature,
            max_new_tokens=tokens,
            seed=wanted.seed,
        )


def _nobody() -> Teacher:
    raise AssertionError("every sample was handed in")


def write_result(run: Run, evaluation: str, result: Mapping[str, Any], round: int = 1) -> list[Path]:
    """The result and what other tools read. Files of a later round than the first stand in a folder of their own."""
    stem = f"eval/{evaluation}" if round == 1 else f"eval/round-{round}/{evaluation}"
    written = [run.write_text(f"{stem}.json", json.dumps(result, indent=1, ensure_ascii=False) + "\n")]
    if result["complete"]:
        text = json.dumps(harness_json(result, time.time()), indent=2, ensure_ascii=False) + "\n"
        written.append(run.write_text(f"{stem}.lm-eval.json", text))
    return written
