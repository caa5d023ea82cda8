"""The local teacher, with the shipped micro-world model and with a small random chat model."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from iterpref.errors import InputError
from iterpref.micro import base_path, tasks
from iterpref.suites.rendering import Renderer
from iterpref.teachers.base import Reply, Request, Settings
from iterpref.teachers.local import LocalTeacher
from iterpref.types import Attempt, Outcome, Task, Verdict

TASKS = tasks("test", 12)
torch.set_num_threads(1)  # tiny matrices; idle threads only spin
FAILED = Attempt(0, "def f():\n    return 1\n", Verdict(Outcome.WRONG, feedback="expected: 2"))


def replies(teacher: LocalTeacher, requests: list[Request]) -> list[Reply]:
    found = dict(teacher.write(requests))
    assert sorted(found) == list(range(len(requests)))
    return [found[index] for index in range(len(requests))]


@pytest.fixture(scope="module")
def greedy() -> LocalTeacher:
    return LocalTeacher(str(base_path()), max_new_tokens=120, batch_size=5)


@pytest.fixture(scope="module")
def chat_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped model with a chat template, as an instruct model would come."""
    folder = tmp_path_factory.mktemp("chat")
    tokenizer = AutoTokenizer.from_pretrained(base_path())
    tokenizer.chat_template = (
        "{% for message in messages %}{{ message.content + '\n' }}{% if message.role == 'assistant' %}"
        "{{ eos_token }}{% endif %}{% endfor %}"
    )
    tokenizer.save_pretrained(folder)
    AutoModelForCausalLM.from_pretrained(base_path()).save_pretrained(folder)
    return folder


def test_greedy_answers_are_those_of_the_bare_model_token_by_token(greedy: LocalTeacher) -> None:
    tokenizer = AutoTokenizer.from_pretrained(base_path())
    model = AutoModelForCausalLM.from_pretrained(base_path(), dtype=torch.float32).eval()
    renderer = Renderer(tokenizer)
    for task, reply in zip(TASKS[:2], replies(greedy, [Request(task) for task in TASKS[:2]]), strict=True):
        ids = renderer.prompt_ids(task.prompt)
        prompt = len(ids)
        with torch.inference_mode():
            while (token := int(model(torch.tensor([ids])).logits[0, -1].argmax())) != renderer.end_token_id:
                ids.append(token)
        assert reply.code == tokenizer.decode(ids[prompt:])
        assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (prompt, len(ids) - prompt)


def test_sampled_answers_depend_on_the_request_not_on_its_neighbours() -> None:
    teacher = LocalTeacher(str(base_path()), temperature=0.8, max_new_tokens=120, batch_size=4)
    requests = [Request(task, sample=sample) for task in TASKS for sample in (0, 1)]
    first = replies(teacher, requests)
    again = replies(teacher, requests[::-1][:7])
    assert [reply.code for reply in again] == [reply.code for reply in first[::-1][:7]]
    assert any(first[2 * n].code != first[2 * n + 1].code for n in range(len(TASKS)))


def test_another_seed_gives_other_samples() -> None:
    def codes(seed: int) -> list[str | None]:
        settings = Settings(model=str(base_path()), temperature=1.0, max_new_tokens=60, seed=seed)
        return [reply.code for reply in replies(LocalTeacher.from_settings(settings), [Request(t) for t in TASKS[:6]])]

    assert codes(0) != codes(1)


def test_samples_follow_the_models_distribution() -> None:
    teacher = LocalTeacher(str(base_path()), temperature=1.5, max_new_tokens=1, batch_size=200)
    count = 800
    drawn = replies(teacher, [Request(TASKS[0], sample=sample) for sample in range(count)])
    tokenizer = AutoTokenizer.from_pretrained(base_path())
    model = AutoModelForCausalLM.from_pretrained(base_path(), dtype=torch.float32).eval()
    ids = Renderer(tokenizer).prompt_ids(TASKS[0].prompt)
    with torch.inference_mode():
        share = torch.softmax(model(torch.tensor([ids])).logits[0, -1] / 1.5, -1)
    likeliest = int(share.argmax())
    expected = float(share[likeliest])
    seen = sum(reply.code == tokenizer.decode([likeliest]) for reply in drawn) / count
    assert abs(seen - expected) < 4 * (expected * (1 - expected) / count) ** 0.5 + 1e-3


def test_an_answer_that_does_not_end_says_so(greedy: LocalTeacher) -> None:
    teacher = LocalTeacher(str(base_path()), max_new_tokens=5)
    cut, whole = replies(teacher, [Request(TASKS[0])])[0], replies(greedy, [Request(TASKS[0])])[0]
    assert cut.message == "cut off after 5 tokens"
    assert whole.message == ""
    assert cut.usage.completion_tokens == 5


def test_a_chat_model_is_told_the_failing_version_and_what_happened(chat_model: Path) -> None:
    teacher = LocalTeacher(str(chat_model), max_new_tokens=8)
    draft, repair = replies(teacher, [Request(TASKS[0]), Request(TASKS[0], (FAILED,))])
    tokenizer = AutoTokenizer.from_pretrained(chat_model)
    added = repair.usage.prompt_tokens - draft.usage.prompt_tokens
    assert added > len(tokenizer(FAILED.code + FAILED.verdict.feedback)["input_ids"])


def test_a_model_without_a_chat_template_cannot_repair(greedy: LocalTeacher) -> None:
    with pytest.raises(InputError, match="without a chat template cannot be asked for a repair"):
        list(greedy.write([Request(TASKS[0], (FAILED,))]))


def test_a_prompt_that_leaves_no_room_is_refused(greedy: LocalTeacher) -> None:
    with pytest.raises(InputError, match=r"prompt of task 'long' has \d+ tokens, .* exceeds the model's context of"):
        list(greedy.write([Request(Task("long", "word " * 2000))]))


@pytest.mark.parametrize("where", ["", "no/such/folder", "."])
def test_a_place_without_a_model_is_refused(where: str, tmp_path: Path) -> None:
    source = str(tmp_path) if where == "." else where
    with pytest.raises(InputError, match=r"no model was named|no such model folder|no model in that folder"):
        LocalTeacher(source)
