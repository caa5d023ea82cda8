"""The chat teacher, against a small server of our own and against a real one."""

from __future__ import annotations

import gc
import time
import traceback
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai")

from iterpref.errors import InputError
from iterpref.teachers.base import Reply, Request, Settings
from iterpref.teachers.chat import ChatTeacher, fenced_blocks, strip_reasoning
from iterpref.teachers.client import Client
from iterpref.types import Attempt, Outcome, Task, Verdict
from tests.teachers.server import completion, free_port, serve

KEY = "sk-very-secret"
TASKS = [Task(f"t{number}", f"Write program number {number}.") for number in range(12)]
FAILED = Attempt(0, "def f():\n    return 1\n", Verdict(Outcome.WRONG, feedback="expected: 2"))


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def one(url: str, request: Request, model: str = "m") -> Reply:
    ((_, reply),) = ChatTeacher(Client(model, url)).write([request])
    return reply


def says(text: str, finish_reason: str = "stop") -> Any:
    return lambda body: (200, completion(text, finish_reason))


def test_the_program_is_taken_out_of_the_answer_and_the_tokens_are_counted() -> None:
    text = "Here:\n```python\nx = 1\n```\nand better:\n```python\nx = 2\n```\nRun it:\n```sh\npython x.py\n```\n"
    with serve(says(text)) as server:
        reply = one(server.url, Request(TASKS[0]))
    assert reply.code == "x = 2"
    assert reply.message == text
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (11, 7)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("```\nx = 1\n```", "x = 1"),
        ("x = 1\nprint(x)\n", "x = 1\nprint(x)\n"),
        ("I cannot do that.", None),
        ("", None),
    ],
)
def test_an_answer_without_a_python_block(text: str, code: str | None) -> None:
    with serve(says(text)) as server:
        assert one(server.url, Request(TASKS[0])).code == code


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<think>x = 1?</think>\n\nx = 2", "x = 2"),
        ("it may be 1\n</think>\nx = 2", "x = 2"),  # the mark that opens it stood in the prompt
        ("<think>I never ended", ""),
        ("```python\ns = '</think>'\n```", "```python\ns = '</think>'\n```"),
        ("x = 2", "x = 2"),
    ],
)
def test_what_the_model_thought_aloud_is_no_part_of_the_answer(text: str, left: str) -> None:
    assert strip_reasoning(text) == left


def test_tests_beside_the_program_are_told_apart_from_it() -> None:
    text = "```python\ndef f(x):\n    return x\n```\n```python\nfrom m import f\nassert f(1) == 1\n```"
    with serve(says(text)) as server:
        reply = one(server.url, Request(TASKS[0], (FAILED,)))
    assert reply.code == "def f(x):\n    return x"
    assert reply.tests == "from m import f\nassert f(1) == 1"


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("```python\nx = 1\n```\nand\n```\ny\n```", [("python", "x = 1"), ("", "y")]),
        ("```python\nx = 1\n", [("python", "x = 1")]),  # the server ate the closing fence: a stop sequence
        ("````python\nx = '''\n```\n'''\n````\n", [("python", "x = '''\n```\n'''")]),
        ("use ``` for code", []),
        ("  ```Py title=a\nx\n  ```  \n", [("py", "x")]),
    ],
)
def test_blocks_end_where_markdown_says(text: str, blocks: list[tuple[str, str]]) -> None:
    assert fenced_blocks(text) == blocks


def test_an_answer_that_was_cut_off_is_no_program() -> None:
    with serve(says("```python\nx = 1\n```", "length")) as server:
        reply = one(server.url, Request(TASKS[0]))
    assert reply.code is None
    assert "cut off" in reply.message
    assert reply.usage.completion_tokens == 7


def test_a_repair_tells_the_last_version_and_what_happened() -> None:
    with serve(says("```python\nx\n```")) as server:
        one(server.url, Request(TASKS[3], (FAILED,)))
    (sent,) = server.requests
    assert sent["model"] == "m"
    for part in (TASKS[3].prompt, FAILED.code, FAILED.verdict.feedback):
        assert part in sent["messages"][0]["content"]


def test_samples_differ_in_their_seed_only() -> None:
    with serve(says("```python\nx\n```")) as server:
        teacher = ChatTeacher.from_settings(Settings(model="m", base_url=server.url, seed=5, max_new_tokens=9))
        list(teacher.write([Request(TASKS[0], sample=sample) for sample in range(3)]))
    assert sorted(sent.pop("seed") for sent in server.requests) == [5, 6, 7]
    assert all(sent == server.requests[0] for sent in server.requests)
    assert server.requests[0]["max_tokens"] == 9


def test_answers_come_as_they_arrive_and_no_more_requests_are_under_way_than_allowed() -> None:
    def answer(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        text = body["messages"][0]["content"]
        time.sleep(0.3 if "number 0." in text else 0.02)
        return 200, completion(f"```python\n{text.splitlines()[0]!r}\n```")

    with serve(answer) as server:
        found = list(ChatTeacher(Client("m", server.url, concurrency=3)).write([Request(task) for task in TASKS]))
    assert found[0][0] != 0
    assert sorted(index for index, _ in found) == list(range(len(TASKS)))
    assert all(reply.code == repr(TASKS[index].prompt) for index, reply in found)
    assert server.most_at_once == 3


def test_a_caller_that_stops_early_stops_the_requests() -> None:
    with serve(says("```python\nx\n```")) as server:
        requests = [Request(TASKS[0], sample=sample) for sample in range(2000)]
        answers = ChatTeacher(Client("m", server.url, concurrency=1)).write(requests)
        next(answers)
        answers.close()  # type: ignore[attr-defined]
        asked = len(server.requests)
        time.sleep(0.1)
        assert len(server.requests) == asked < 2000


def test_a_fault_that_passes_is_retried() -> None:
    faults = iter([500, 429])

    def answer(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        status = next(faults, 200)
        return status, completion("```python\nx\n```") if status == 200 else {"error": {"message": "later"}}

    with serve(answer) as server:
        assert one(server.url, Request(TASKS[0])).code == "x"


def refused(url: str, model: str = "m") -> str:
    """The sentence of the refusal; the key is nowhere in it, nor in the traceback."""
    with pytest.raises(InputError) as caught:
        one(url, Request(TASKS[0]), model)
    told = "".join(traceback.format_exception(caught.type, caught.value, caught.tb))
    assert KEY not in told
    return str(caught.value)


def test_a_server_that_is_not_there() -> None:
    port = free_port()
    assert refused(f"http://127.0.0.1:{port}/v1") == (
        f"http://127.0.0.1:{port}/v1 cannot be reached; start it or correct chat.base_url, then run again."
    )


def test_a_model_that_the_server_does_not_know_is_refused_before_any_request() -> None:
    with serve(says("x"), models=("big", "small")) as server:
        assert "does not know the model 'm'; set chat.model to one of its 2, such as big, small" in refused(server.url)
    assert server.requests == []


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(401, "refuses the key"), (404, "does not know the model 'm'"), (400, "answered with status 400")],
)
def test_a_request_that_the_server_refuses(status: int, sentence: str) -> None:
    with serve(lambda body: (status, {"error": {"message": f"bad key {KEY}"}}), models_status=500) as server:
        assert sentence in refused(server.url)


def test_of_requests_that_fail_at_once_one_is_told_and_none_left_over(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(ChatTeacher):
        async def ask(self, request: Request) -> Reply:
            raise InputError(f"{request.task.id} is refused.")

    with serve(says("x")) as server, pytest.raises(InputError, match="is refused"):
        list(Failing(Client("m", server.url, concurrency=4)).write([Request(task) for task in TASKS]))
    gc.collect()  # what asyncio says of faults that nobody looked at
    assert "never retrieved" not in caplog.text


def test_a_server_elsewhere_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(InputError, match=r"no key for https://api\.example\.org/v1; set the environment variable"):
        Client("m", "https://me:pass@api.example.org/v1?token=1")


def test_a_server_on_this_machine_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with serve(says("```python\nx\n```")) as server:
        assert one(server.url, Request(TASKS[0])).code == "x"
    assert server.keys == {"Bearer EMPTY"}


def test_neither_key_nor_password_is_shown() -> None:
    shown = repr(ChatTeacher(Client("m", f"https://me:{KEY}@api.example.org/v1")))
    assert shown == "ChatTeacher(Client('m', 'https://api.example.org/v1'))"


def test_a_model_must_be_named() -> None:
    with pytest.raises(InputError, match="given no model"):
        Client("", "http://127.0.0.1:1/v1")


# -- a real server ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_served_model_writes_what_it_writes_here(transformers_serve: tuple[str, Path]) -> None:
    from iterpref.micro import tasks
    from iterpref.teachers.local import LocalTeacher

    url, folder = transformers_serve
    requests = [Request(task) for task in tasks("test", 6)]
    served = dict(
        ChatTeacher(Client(str(folder), url, concurrency=3), temperature=0.0, max_new_tokens=160).write(requests)
    )
    here = dict(LocalTeacher(str(folder), temperature=0.0, max_new_tokens=160).write(requests))
    assert sorted(served) == list(range(6))
    for index, reply in served.items():
        assert reply.message in (here[index].code, "the answer holds no program")
        assert reply.code in (here[index].code, None)
        assert reply.usage.completion_tokens > 10
    assert sum(reply.code is not None for reply in served.values()) >= 4


@pytest.mark.slow
def test_a_served_model_drafts_a_run_that_search_repairs(transformers_serve: tuple[str, Path], tmp_path: Path) -> None:
    """The whole path with a real server: health check, ledger, sessions, and a second run that asks nothing."""
    from iterpref import outputs, pipeline
    from iterpref.config import ChatConfig, CollectConfig, Recipe
    from iterpref.records import End
    from iterpref.teachers.ledger import Ledger

    url, folder = transformers_serve
    recipe = Recipe(
        run=str(tmp_path / "run"),
        collect=CollectConfig(
            source="micro:train", limit=8, drafter="chat", repairer="search", max_new_tokens=160, temperature=0.7
        ),
        chat=ChatConfig(model=str(folder), base_url=url, concurrency=2),
    )
    for _ in range(2):
        with pipeline.open_run(recipe) as run:
            pipeline.collect_stage(run, recipe)
            ends = dict(run.items("end", End))
            text = outputs.summarise(run, recipe)
        assert len(ends) == 8
        with Ledger(tmp_path / "run", read_only=True) as ledger:
            (spent,) = ledger.spent()
            assert ledger.lost() == 0
        # an answer without a program is asked for again, so there may be more than one a session
        assert spent.answers >= 8
        assert spent.completion_tokens > 80
        assert f"| draft | {folder} | {spent.answers} |" in text
    with pytest.raises(InputError, match="answered with status 400"):  # it lists no model before it has served one
        one(url, Request(TASKS[0]), "another")


@pytest.mark.slow
def test_the_small_model_drafts_here_and_a_served_one_repairs(
    transformers_serve: tuple[str, Path], tmp_path: Path
) -> None:
    from iterpref import pipeline
    from iterpref.config import ChatConfig, CollectConfig, Recipe
    from iterpref.records import trajectories

    url, folder = transformers_serve
    recipe = Recipe(
        run=str(tmp_path / "run"),
        collect=CollectConfig(
            source="micro:train",
            limit=12,
            drafter="local",
            repairer="chat",
            model="micro:base",
            iterations=1,
            max_new_tokens=160,
        ),
        chat=ChatConfig(model=str(folder), base_url=url, concurrency=4),
    )
    with pipeline.open_run(recipe) as run:
        pipeline.collect_stage(run, recipe)
        made = [each for _, each in trajectories(run)]
    assert {each.teacher for each in made} == {"local+chat"}
    repaired = [each for each in made if len(each.attempts) == 2]
    assert repaired
    assert all(not each.attempts[0].verdict.passed for each in repaired)
    assert all(each.attempts[1].usage.completion_tokens > 0 for each in repaired)
