"""Where a server is and with which key it is asked: what is wrong with either is told without the key."""

from __future__ import annotations

import asyncio
import sys

import pytest

pytest.importorskip("openai")

from iterpref.errors import InputError
from iterpref.teachers.endpoint import Endpoint
from tests.teachers.server import completion, serve


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000/v1",
        "not an address",
        "ftp://127.0.0.1/v1",
        "http://127.0.0.1:port/v1",
        "http://127.0.0.1:99999/v1",
        "http://[::1/v1",
        "http:///v1",
        "http://127.0.0.1:8000/ v1",
        "http://127.0.0.1:8000\n/v1",
    ],
)
def test_an_address_that_is_none_is_one_sentence(url: str) -> None:
    with pytest.raises(InputError, match=r"chat\.base_url is no address"):
        Endpoint(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("http://me:word@localhost/v1?token=x", "http://localhost/v1"),
        ("http://[::1]:80/v1", "http://[::1]:80/v1"),
    ],
)
def test_an_address_is_told_without_secrets(url: str, shown: str) -> None:
    assert Endpoint(url).where == shown


@pytest.mark.parametrize("key", ["schlüssel", "two words", "two\nlines", "bell\x07", "\u2026"])
def test_a_key_that_cannot_be_sent_is_told_without_it(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(InputError, match="OPENAI_API_KEY holds what no key can") as told:
        Endpoint("http://127.0.0.1:1/v1")
    assert key not in str(told.value)


def test_blanks_around_a_key_are_no_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret\n")

    async def ask(url: str) -> None:
        opened = Endpoint(url).open(5.0)
        await opened.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
        await opened.close()

    with serve(lambda body: (200, completion("yes"))) as server:
        asyncio.run(ask(server.url))
    assert server.keys == {"Bearer sk-secret"}


def test_the_variable_that_the_client_reads_is_the_address_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    assert Endpoint().where == "http://127.0.0.1:1/v1"
    assert Endpoint("http://127.0.0.1:2/v1").where == "http://127.0.0.1:2/v1"


def test_openais_own_server_needs_a_key() -> None:
    with pytest.raises(InputError, match="there is no key for the OpenAI endpoint"):
        Endpoint()


def test_without_the_extra_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(InputError, match=r"install iterpref\[chat\]"):
        Endpoint("http://127.0.0.1:1/v1")


@pytest.mark.parametrize(("status", "alive"), [(200, True), (404, True), (500, False)])
def test_a_server_that_cannot_list_its_models_is_alive_all_the_same(status: int, alive: bool) -> None:
    async def look(url: str) -> bool:
        endpoint = Endpoint(url)
        async with endpoint.open(5.0) as opened:
            return await endpoint.alive(opened, 5.0)

    with serve(lambda body: (200, completion("")), models_status=status) as server:
        assert asyncio.run(look(server.url)) is alive
