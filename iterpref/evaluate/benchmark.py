"""One model's answers to a benchmark: each kept the moment it is there, then each verdict.

Records (see :mod:`iterpref.records`): ``answer`` under <evaluation>/<task>/<sample>, ``judged`` with the environment
before the task. What is in the run folder is neither generated nor judged again; more samples, or more tasks, go on
where an earlier run ended. Another environment (libraries, sandbox) may come to other verdicts, so there all are judged
again.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from iterpref.store import Run
from iterpref.suites.base import Item, Style, Suite
from iterpref.teachers.answers import Question
from iterpref.teachers.base import Reply, Request, Teacher
from iterpref.types import UNDECIDED, Outcome, Tests, Usage, Verdict

__all__ = [
    "Answer",
    "Judge",
    "Judged",
    "answer_all",
    "answers_of",
    "judge_parts",
    "judged_of",
    "passed_parts",
    "store_answers",
    "undecided",
]

Judge = Callable[[str, Tests], Verdict]
Progress = Callable[[int, int], None]

# Such an answer is judged again, and until then there is no score. One that no machine can decide counts as not passed:
# a program that brings it about must not keep a score from being told.
_NO_VERDICT = frozenset({Outcome.INFRA, Outcome.UNSUPPORTED})


@dataclass(frozen=True)
class Answer:
    """All that a model wrote; ``message`` says how it ended. ``program`` is set where it was handed in ready-made."""

    task_id: str
    sample: int
    text: str
    message: str = ""
    usage: Usage = field(default_factory=Usage)
    program: str | None = None


@dataclass(frozen=True)
class Judged:
    """The program in an answer, and the verdict of every part up to the first that it does not pass."""

    task_id: str
    sample: int
    program: str
    verdicts: Mapping[str, Verdict]

    @property
    def verdict(self) -> Verdict:
        """What decides: the first part that was not passed, else the last."""
        return list(self.verdicts.values())[-1]

    def passed(self, suite: Suite, item: Item) -> list[str]:
        """The parts that count as passed: see :func:`passed_parts`."""
        return passed_parts(suite, item, {part: verdict.passed for part, verdict in self.verdicts.items()})


def passed_parts(suite: Suite, item: Item, passed: Mapping[str, bool]) -> list[str]:
    """The parts of ``suite`` that an answer passes, where ``passed`` says which of the item's own it does.

    Every part before must be passed too. One that an item does not have asks nothing of it.
    """
    found: list[str] = []
    for part in suite.scores:
        if part in item.parts and not passed.get(part, False):
            break
        found.append(part)
    return found


def answers_of(run: Run, evaluation: str, round: int = 1) -> dict[tuple[str, int], Answer]:
    """What was answered, by task and sample."""
    found = run.below("answer", f"{evaluation}/", Answer, round)
    return {(each.task_id, each.sample): each for each in found}


def judged_of(run: Run, evaluation: str, environment: str, round: int = 1) -> dict[tuple[str, int], Judged]:
    """What was judged in an environment (:func:`iterpref.evaluate.truth.environment`), by task and sample."""
    found = run.below("judged", f"{evaluation}/{environment}/", Judged, round)
    return {(each.task_id, each.sample): each for each in found}


def store_answers(run: Run, evaluation: str, answers: Iterable[Answer], round: int = 1) -> None:
    """Keep ready-made answers; those that are there stay as they are."""
    run.put_many([("answer", _id(evaluation, each.task_id, each.sample), each) for each in answers], round)


def judge_parts(program: str, parts: Mapping[str, Tests], judge: Judge) -> dict[str, Verdict]:
    """Verdicts up to the first part that is not passed."""
    verdicts: dict[str, Verdict] = {}
    for name, tests in parts.items():
        verdicts[name] = judge(program, tests)
        if not verdicts[name].passed:
            break
    return verdicts


def undecided(verdicts: Mapping[str, Verdict]) -> str:
    """Why verdicts say nothing of the program: a fault of ours, or a machine that cannot isolate it; else empty."""
    last = list(verdicts.values())[-1]
    again = last.outcome in _NO_VERDICT and last.error_type != UNDECIDED
    return (last.feedback or last.outcome.value) if again else ""


def answer_all(
    run: Run,
    evaluation: str,
    environment: str,
    suite: Suite,
    items: Sequence[Item],
    samples: Mapping[str, int],
    style: Style,
    teacher: Callable[[], Teacher],
    judge: Judge,
    workers: int,
    *,
    round: int = 1,
    progress: Progress = lambda done, total: None,
) -> dict[str, int]:
    """Have ``samples`` of each of ``items`` (by id) answered and judged, as far as they are not in the run folder.

    ``teacher`` is called only if something is left to answer. A question that nobody answered, and an answer without a
    verdict (a fault of ours, or a machine that cannot isolate the program), stay open: run again. Returns how often
    each reason kept one open.
    """
    reasons: Counter[str] = Counter()
    tasks = {item.task.id: item for item in items}
    wanted = [(id, sample) for sample in range(max(samples.values())) for id in tasks if sample < samples[id]]
    answers, judged = answers_of(run, evaluation, round), judged_of(run, evaluation, environment, round)
    count = _Done(progress, sum(key in judged for key in wanted), len(wanted))

    def judge_one(answer: Answer) -> None:
        item = tasks[answer.task_id]
        program = suite.program(item, answer.text, style) if answer.program is None else answer.program
        verdicts = judge_parts(program, item.parts, judge)
        if reason := undecided(verdicts):
            reasons[reason] += 1
        else:
            found = Judged(answer.task_id, answer.sample, program, verdicts)
            run.put("judged", _id(f"{evaluation}/{environment}", answer.task_id, answer.sample), found, round)
            count.up()

    with _pool(workers) as submit:
        waiting = [key for key in wanted if key in answers and key not in judged]
        for key in sorted(waiting, key=lambda key: -tasks[key[0]].seconds):  # so that none begins when all are done
            submit(judge_one, answers[key])
        questions = [_question(tasks[id], sample, style) for id, sample in wanted if (id, sample) not in answers]
        for question, reply in _ask(questions, teacher):
            if reply.code is None:
                reasons[reply.message] += 1
            else:
                answer = Answer(question.task.id, question.sample, reply.code, reply.message, reply.usage)
                run.put("answer", _id(evaluation, answer.task_id, answer.sample), answer, round)
                submit(judge_one, answer)
    return dict(reasons.most_common())


def _ask(questions: Sequence[Question], teacher: Callable[[], Teacher]) -> Iterator[tuple[Question, Reply]]:
    if questions:
        requests: Sequence[Request] = questions
        for index, reply in teacher().write(requests):
            yield questions[index], reply


def _question(item: Item, sample: int, style: Style) -> Question:
    prompt = item.task.prompt if style == "complete" else item.instruction
    return Question(replace(item.task, prompt=prompt), sample=sample, prefill=item.prefill)


def _id(evaluation: str, task: str, sample: int) -> str:
    return f"{evaluation}/{task}/{sample:04d}"


@contextmanager
def _pool(workers: int) -> Iterator[Callable[[Callable[[Answer], None], Answer], None]]:
    """Judge beside the writing of answers; at the end wait for all.

    The first fault, or Ctrl-C, ends it: nothing else is begun, and what is under way is left to the closing of the
    sandbox, as a program may compute for a minute yet.
    """
    under_way: list[Future[None]] = []
    pool = ThreadPoolExecutor(workers, thread_name_prefix="judge")
    try:
        yield lambda work, answer: under_way.append(pool.submit(work, answer))
        for future in as_completed(under_way):
            future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class _Done:
    """Tells ``progress`` how many are done, from any thread."""

    def __init__(self, progress: Progress, done: int, total: int) -> None:
        self._progress, self._done, self._total = progress, done, total
        self._lock = threading.Lock()
        progress(done, total)

    def up(self) -> None:
        with self._lock:
            self._done += 1
            self._progress(self._done, self._total)
