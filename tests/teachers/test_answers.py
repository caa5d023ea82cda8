"""Whole answers to a benchmark's prompts, by the shipped small model and by a server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("openai")

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from iterpref.errors import InputError
from iterpref.micro import base_path, tasks
from iterpref.teachers.answers import ChatAnswers, LocalAnswers, Question
from iterpref.teachers.base import Reply
from iterpref.teachers.client import Client
from iterpref.teachers.ledger import Ledger
from iterpref.types import Task
from tests.teachers.server import completion, serve

TASKS = [replace(task, prompt=task.prompt + "\n") for task in tasks("test", 6)]
CHAT = (
    "{% for message in messages %}{{ message.content }}{% if message.role == 'user' %}{{ '\n' }}{% else %}"
    "{{ eos_token }}{% endif %}{% endfor %}"
)
torch.set_num_threads(1)  # tiny matrices; idle threads only spin


def answers(teacher: Any, questions: list[Question]) -> list[Reply]:
    found = dict(teacher.write(questions))
    return [found[index] for index in range(len(questions))]


@pytest.fixture(scope="module")
def plain() -> list[Reply]:
    teacher = LocalAnswers(str(base_path()), max_new_tokens=120)
    assert teacher.style == "complete"
    return answers(teacher, [Question(task) for task in TASKS])


@pytest.fixture(scope="module")
def chat_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The shipped model with a chat template that says no more than its prompt."""
    folder = tmp_path_factory.mktemp("chat")
    tokenizer = AutoTokenizer.from_pretrained(base_path())
    tokenizer.chat_template = CHAT
    tokenizer.save_pretrained(folder)
    AutoModelForCausalLM.from_pretrained(base_path()).save_pretrained(folder)
    return str(folder)


def test_a_base_model_goes_on_with_the_prompt_as_it_is(plain: list[Reply]) -> None:
    assert all((reply.code or "").startswith("def ") and not reply.message for reply in plain)


def test_a_stop_text_ends_an_answer_and_is_no_part_of_it(plain: list[Reply]) -> None:
    stops = ["\n    return", "#"]  # the prompts are comments: what they hold ends nothing
    teacher = LocalAnswers(str(base_path()), stops=stops, max_new_tokens=120)
    for reply, whole in zip(answers(teacher, [Question(task) for task in TASKS]), plain, strict=True):
        assert reply.code == (whole.code or "").partition("\n    return")[0]
        assert not reply.message
        assert reply.usage.completion_tokens < whole.usage.completion_tokens


def test_an_answer_that_has_no_end_says_so() -> None:
    (reply,) = answers(LocalAnswers(str(base_path()), max_new_tokens=5), [Question(TASKS[0])])
    assert (reply.message, reply.usage.completion_tokens) == ("cut off after 5 tokens", 5)


def test_an_instruct_model_goes_on_with_what_its_answer_was_begun_with(chat_model: str, plain: list[Reply]) -> None:
    tokenizer = AutoTokenizer.from_pretrained(base_path())
    begun = []
    for reply in plain:  # a model goes on at the end of a token
        offsets = tokenizer(reply.code, return_offsets_mapping=True)["offset_mapping"]
        begun.append((reply.code or "")[: offsets[2][1]])
    teacher = LocalAnswers(chat_model, answer_stops=["\n    return"], max_new_tokens=120)
    assert teacher.style == "instruct"
    asked = [
        Question(replace(task, prompt=task.prompt.rstrip("\n")), prefill=line)
        for task, line in zip(TASKS, begun, strict=True)
    ]
    for reply, whole, line in zip(answers(teacher, asked), plain, begun, strict=True):
        assert (reply.code or "").startswith(line)
        assert reply.code == (whole.code or "").partition("\n    return")[0]


def test_a_chat_model_may_be_asked_as_a_base_model(chat_model: str, plain: list[Reply]) -> None:
    teacher = LocalAnswers(chat_model, style="complete", max_new_tokens=120)
    assert answers(teacher, [Question(TASKS[0])])[0].code == plain[0].code


def test_a_base_model_cannot_be_asked_as_an_instruct_model() -> None:
    with pytest.raises(InputError, match="has no chat template"):
        LocalAnswers(str(base_path()), style="instruct")


def test_samples_differ_and_each_is_its_own_whatever_the_batch() -> None:
    teacher = LocalAnswers(str(base_path()), temperature=0.8, max_new_tokens=60, seed=3)
    questions = [Question(TASKS[0], sample=sample) for sample in range(6)]
    together = answers(teacher, questions)
    assert len({reply.code for reply in together}) > 1
    assert answers(teacher, questions[4:])[0].code == together[4].code


def test_a_server_is_asked_each_sample_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-key")
    text = "<think>hm</think>\nHere:\n```python\nx = 1\n```\n"
    questions = [Question(Task("t", "Do it."), sample=sample, prefill="Here:\n") for sample in (0, 1)]
    with serve(lambda body: (200, completion(text))) as server:
        for _ in range(2):
            with Ledger(tmp_path) as ledger:
                teacher = ChatAnswers(Client("m", server.url, ledger=ledger), temperature=0.5, max_new_tokens=9, seed=7)
                found = answers(teacher, questions)
    assert [reply.code for reply in found] == ["Here:\n```python\nx = 1\n```\n"] * 2
    assert sorted(body["seed"] for body in server.requests) == [7, 8]
    assert server.requests[0]["messages"] == [{"role": "user", "content": "Do it."}]
    assert (server.requests[0]["max_tokens"], server.requests[0]["temperature"]) == (9, 0.5)


def test_an_answer_that_a_server_cut_off_is_kept_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-key")
    with serve(lambda body: (200, completion("```python\nx =", "length"))) as server:
        (reply,) = answers(ChatAnswers(Client("m", server.url)), [Question(Task("t", "Do it."))])
    assert (reply.code, reply.message) == ("```python\nx =", "cut off by the token limit")
