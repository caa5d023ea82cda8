"""Many searches at once: each question is run once, in whatever order, and the results come in the order given."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator

from iterpref.focus import Question
from iterpref.pairs.running import Job, Runner, searched
from iterpref.types import Outcome, Tests, Verdict

TESTS = Tests("asserts", code="assert True")


class Judge:
    """Programs that contain ``ok`` pass; what contains ``broken`` breaks the machine."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.tests: list[Tests] = []

    def __call__(self, jobs: Iterable[tuple[str, Tests]]) -> Iterator[tuple[int, Verdict]]:
        jobs = list(jobs)
        self.batches.append([program for program, _ in jobs])
        self.tests += [tests for _, tests in jobs]
        for index, (program, _) in reversed(list(enumerate(jobs))):
            outcome = Outcome.INFRA if "broken" in program else Outcome.PASS if "ok" in program else Outcome.WRONG
            yield index, Verdict(outcome)


def asking(*programs: str) -> Generator[Question, bool, str | bool]:
    """Asks one after the other; the result is how many pass."""
    passed = 0
    for program in programs:
        passed += yield Question(program)
    return f"{passed} of {len(programs)}"


def test_results_come_in_order_and_waves_are_shared() -> None:
    judge = Judge()
    items = [("slow", Job(asking("a", "b ok", "c"), TESTS)), ("none", None), ("fast", Job(asking("d ok"), TESTS))]
    assert list(searched(items, Runner(judge))) == [("slow", "1 of 3"), ("none", None), ("fast", "1 of 1")]
    assert judge.batches == [["a", "d ok"], ["b ok"], ["c"]]


def test_a_program_is_run_once_for_the_same_tests() -> None:
    judge = Judge()
    runner = Runner(judge)
    other = Tests("asserts", code="assert 1")
    items = [(n, Job(asking("x", "y"), tests)) for n, tests in enumerate([TESTS, TESTS, other])]
    assert [result for _, result in searched(items, runner)] == ["0 of 2"] * 3
    assert judge.batches == [["x", "x"], ["y", "y"]]
    assert runner.runs == 4


def test_repetitions_are_runs_of_their_own() -> None:
    judge = Judge()

    def twice() -> Generator[Question, bool, bool]:
        yield Question("x")
        yield Question("x", again=1)
        return True

    assert list(searched([(0, Job(twice(), TESTS))], Runner(judge))) == [(0, True)]
    assert judge.batches == [["x"], ["x"]]


def test_what_is_remembered_is_not_run_again() -> None:
    memory: dict[str, bool] = {}
    first, second = Judge(), Judge()
    for judge in (first, second):
        runner = Runner(judge, memory.get, memory.update)
        assert list(searched([(0, Job(asking("a", "b ok"), TESTS))], runner)) == [(0, "1 of 2")]
    assert (len(first.batches), second.batches) == (2, [])


def test_a_fault_of_the_machine_is_no_answer() -> None:
    memory: dict[str, bool] = {}
    items = [("bad", Job(asking("broken"), TESTS)), ("good", Job(asking("ok", "ok 2"), TESTS))]
    found = list(searched(items, Runner(Judge(), memory.get, memory.update)))
    assert found == [("bad", None), ("good", "2 of 2")]
    assert len(memory) == 2


def test_long_streams_are_read_as_the_work_goes_on() -> None:
    read = 0

    def stream() -> Iterator[tuple[int, Job | None]]:
        nonlocal read
        for read in range(10_000):
            yield read, None

    results = searched(stream(), Runner(Judge()))
    assert next(results) == (0, None)
    assert read < 1000


def test_runs_are_given_less_time_where_the_job_says_so() -> None:
    judge = Judge()
    jobs = [Job(asking("a"), TESTS, 1.5), Job(asking("b"), TESTS, 99.0), Job(asking("c"), TESTS)]
    list(searched(enumerate(jobs), Runner(judge)))
    assert [tests.cpu_seconds for tests in judge.tests] == [1.5, TESTS.cpu_seconds, TESTS.cpu_seconds]
