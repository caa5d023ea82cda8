"""The client against a server that fails on demand: what is tried again, what is given up, what stops everything."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai")

from iterpref.errors import InputError
from iterpref.teachers import client as client_module
from iterpref.teachers.client import Client, OutOfBudget, Unanswered
from iterpref.teachers.ledger import Answer, Ledger
from iterpref.teachers.prices import Price
from tests.teachers.server import ERROR, FAULTS, Faults, completion, free_port, serve


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr(client_module, "_FIRST_PAUSE", 0.02)
    monkeypatch.setattr(client_module, "_LONGEST_PAUSE", 0.05)


def ask_all(client: Client, texts: Sequence[str]) -> list[Answer | BaseException]:
    async def work() -> list[Answer | BaseException]:
        async with client:
            return await asyncio.gather(*(client.ask(question(client, text)) for text in texts), return_exceptions=True)

    return asyncio.run(work())


def question(client: Client, text: str) -> dict[str, Any]:
    return client.body([{"role": "user", "content": text}], temperature=0.5, max_tokens=100, seed=1)


def echo(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return 200, completion(f"you said {body['messages'][-1]['content']}")


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_that_passes_costs_one_more_try(kind: str) -> None:
    with serve(echo, faults=Faults(rate=1.0, kinds=(kind,), times=2)) as server:
        client = Client("m", server.url, deadline=1.0)
        (answer,) = ask_all(client, ["hi"])
    assert isinstance(answer, Answer)
    assert answer.text == "you said hi"
    answered_all_the_same = kind in ("other model", "drip")
    assert sum(server.asked.values()) == (1 if answered_all_the_same else 3)
    assert sum(client.ledger.faults().values()) == (0 if answered_all_the_same else 2)
    assert client.ledger.lost() == 0
    assert list(client.ledger.answered_by()) == ["another" if kind == "other model" else "m"]


def test_an_answer_that_drips_beyond_the_deadline_is_given_up() -> None:
    with serve(echo, faults=Faults(rate=1.0, kinds=("drip",), times=1)) as server:
        client = Client("m", server.url, deadline=0.1)
        (answer,) = ask_all(client, ["hi"])
    assert isinstance(answer, Answer)
    assert client.ledger.faults() == {"no answer in time": 1}


def test_what_is_in_the_ledger_is_never_asked_again(tmp_path: Path) -> None:
    texts = [f"question {number}" for number in range(20)]
    with serve(echo) as server:
        with Ledger(tmp_path) as ledger:
            first = ask_all(Client("m", server.url, ledger=ledger), texts)
        with Ledger(tmp_path) as ledger:
            again = ask_all(Client("m", server.url, ledger=ledger), texts)
    assert first == again
    assert set(server.asked.values()) == {1}


def test_the_body_holds_the_system_prompt_and_the_fields_of_ones_own() -> None:
    with serve(echo) as server:
        client = Client("m", server.url, system="Be brief.", request={"top_k": 5, "seed": None, "max_tokens": 7})
        ask_all(client, ["hi"])
    (sent,) = server.requests
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (sent["top_k"], sent["max_tokens"], "seed" in sent) == (5, 7, False)


def test_a_question_the_server_refuses_is_given_up_and_the_others_go_on() -> None:
    def answer(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if "bad" in body["messages"][0]["content"]:
            time.sleep(0.2)  # so that something has been answered by then
            return 400, {"error": {"message": "too long by 7 tokens"}}
        return echo(body)

    with serve(answer) as server:
        good, bad, *_ = ask_all(Client("m", server.url), ["good", "bad", "good too"])
    assert isinstance(good, Answer)
    assert isinstance(bad, Unanswered)
    assert bad.final
    assert "answered with status 400 (too long by 7 tokens)" in str(bad)


def test_a_question_that_always_stumbles_is_left_for_another_run() -> None:
    def answer(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return (500, ERROR) if "bad" in body["messages"][0]["content"] else echo(body)

    with serve(answer) as server:
        good, bad = ask_all(Client("m", server.url), ["good", "bad"])
    assert isinstance(good, Answer)
    assert isinstance(bad, Unanswered)
    assert not bad.final
    assert "gave no answer in 6 tries, at last: status 500" in str(bad)


def test_a_server_that_answers_nothing_but_faults_stops_everything() -> None:
    with serve(lambda body: (500, ERROR)) as server:
        ends = ask_all(Client("m", server.url), ["a", "b", "c"])
    assert {type(end) for end in ends} == {InputError}
    assert "gave no answer in 6 tries, at last: status 500 for 'm'; look at its log" in str(ends[0])


def test_a_quota_that_is_used_up_is_one_sentence() -> None:
    spent = {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}
    with serve(lambda body: (429, spent)) as server:
        (end,) = ask_all(Client("m", server.url), ["a"])
    assert "the account has no quota left" in str(end)


def test_a_server_that_says_later_without_saying_when_is_not_stormed() -> None:
    begun = time.monotonic()

    def answer(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return (429, ERROR) if time.monotonic() - begun < 2.0 else echo(body)

    with serve(answer) as server:
        ends = ask_all(Client("m", server.url, concurrency=64), [f"question {number}" for number in range(100)])
    assert all(isinstance(end, Answer) for end in ends)
    # 8, 4, 2, 1 at once, then one after pauses of 0.02, 0.04, then 0.05 seconds
    assert sum(server.asked.values()) < 100 + 80


def test_text_that_is_no_utf_8_is_asked_all_the_same() -> None:
    with serve(echo) as server:
        (end,) = ask_all(Client("m", server.url), ["half \ud800"])
    assert isinstance(end, Answer)
    assert end.text == "you said half ?"


def test_a_slow_server_is_not_taken_for_a_dead_one() -> None:
    def answer(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        time.sleep(1.5)
        return echo(body)

    with serve(answer) as server:
        (end,) = ask_all(Client("m", server.url, silence=0.2), ["a"])
    assert isinstance(end, Answer)


def drop(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """The connection is closed without a word."""
    raise ConnectionAbortedError


def test_a_server_that_lists_its_models_and_drops_every_question_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_module, "_LONGEST_PAUSE", 8.0)
    texts = [f"question {number}" for number in range(20)]
    with serve(drop) as server:
        ends = ask_all(Client("m", server.url, silence=0.4), texts)
    assert {type(end) for end in ends} == {InputError}
    assert "gave no answer in 6 tries, at last: connection lost for 'm'; look at its log" in str(ends[0])
    # six tries wait 0.02, 0.04 ... 0.32 seconds, by a half more or less; by then the watch has looked
    assert max(server.asked.values()) <= 8


def test_a_question_whose_connection_is_always_dropped_is_left_and_the_others_are_answered() -> None:
    def answer(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return drop(body) if "bad" in body["messages"][0]["content"] else echo(body)

    with serve(answer) as server:
        good, bad = ask_all(Client("m", server.url, silence=0.3), ["good", "bad"])
    assert isinstance(good, Answer)
    assert isinstance(bad, Unanswered)
    assert not bad.final


def test_a_server_that_dies_on_the_way_is_one_sentence_and_the_rest_is_asked_later(tmp_path: Path) -> None:
    texts = [f"question {number}" for number in range(200)]
    port = free_port()
    ends: list[Answer | BaseException] = []
    slow = lambda body: (time.sleep(0.02), echo(body))[1]  # noqa: E731
    with Ledger(tmp_path) as ledger:
        client = Client("m", f"http://127.0.0.1:{port}/v1", ledger=ledger, silence=0.5, concurrency=8)
        with serve(slow, port=port) as first:
            thread = threading.Thread(target=lambda: ends.extend(ask_all(client, texts)))
            thread.start()
            while sum(first.asked.values()) < 40:
                time.sleep(0.01)
            first.kill()
        thread.join(timeout=30)
        assert not thread.is_alive()
    sentences = {str(end) for end in ends if isinstance(end, InputError)}
    assert sentences == {
        f"http://127.0.0.1:{port}/v1 has stopped answering; everything it answered is kept: start it again, then run "
        "the same command."
    }
    with Ledger(tmp_path) as ledger:
        kept = sum(each.answers for each in ledger.spent())
        assert 0 < kept < 200
        with serve(echo) as second:
            ends = ask_all(Client("m", second.url, ledger=ledger), texts)
        assert all(isinstance(end, Answer) for end in ends)
        assert sum(second.asked.values()) == 200 - kept


def test_a_budget_is_never_exceeded_and_is_known_after_a_restart(tmp_path: Path) -> None:
    prices = {"m": Price(input=1000.0, output=10_000.0)}  # an answer costs 11 * 0.001 + 7 * 0.01 = 0.081 USD
    texts = [f"question {number}" for number in range(50)]

    def spend(budget: float) -> tuple[list[Any], float]:
        with Ledger(tmp_path) as ledger:
            client = Client("m", server.url, ledger=ledger, budget_usd=budget, prices=prices)
            ends = ask_all(client, texts)
            return ends, 0.081 * sum(each.answers for each in ledger.spent())

    with serve(echo) as server:
        ends, cost = spend(3.0)
        assert 1.5 < cost <= 3.0  # the worst case of a request, 1.03 USD, is set aside for each
        assert {type(end) for end in ends} == {Answer, OutOfBudget}
        again, same = spend(3.0)
        assert same == cost
        assert sum(isinstance(end, Answer) for end in again) == sum(isinstance(end, Answer) for end in ends)
        ends, cost = spend(10.0)
        assert all(isinstance(end, Answer) for end in ends)
        assert set(server.asked.values()) == {1}


def test_an_address_without_a_chat_endpoint_is_told_with_the_keys_to_correct() -> None:
    with serve(lambda _: (404, {"detail": "Not Found"}), models_status=404) as server:
        (end,) = ask_all(Client("m", server.url), ["a"])
    assert isinstance(end, InputError)
    assert "answered with status 404 (Not Found): it does not know the model 'm'" in str(end)
    assert str(end).endswith("check chat.model and chat.base_url, which ends in /v1 for most servers.")


def test_a_budget_needs_a_price() -> None:
    with pytest.raises(InputError, match=r"chat\.budget_usd needs a price for 'm'"):
        Client("m", "http://127.0.0.1:1/v1", budget_usd=1.0)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "no such field"}},
        {"message": "no such field"},
        {"detail": "no such field"},
        {"detail": [{"loc": ["body"], "msg": "no such field"}]},
        {"error": "no such field"},
    ],
)
def test_what_a_server_says_of_a_request_is_told_with_the_keys_to_correct(body: dict[str, Any]) -> None:
    with serve(lambda _: (400, body)) as server:
        (end,) = ask_all(Client("m", server.url), ["a"])
    assert isinstance(end, InputError)
    assert "answered with status 400 (" in str(end)
    assert "no such field" in str(end)
    assert str(end).endswith("for 'm'; correct chat.model or chat.request, then run again.")


def test_the_key_is_not_in_what_the_server_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with serve(lambda body: (400, {"error": {"message": "bad sk-secret"}})) as server:
        (end,) = ask_all(Client("m", server.url), ["a"])
    assert "bad ***" in str(end)
