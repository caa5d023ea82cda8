"""The ledger: an answer is kept for good, and what it cost with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iterpref.errors import InputError
from iterpref.teachers.ledger import Answer, Ledger, Malformed, read_answer, request_key
from tests.teachers.server import completion

BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "seed": 3}


def put(ledger: Ledger, key: str, text: str = "x", model: str = "m") -> None:
    body = json.dumps(completion(text))
    ledger.sending(key)
    ledger.commit(key, body, read_answer(body, 0.5), model=model, purpose="draft", subject="t", sample=0)


def test_an_answer_comes_back_as_it_was(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        put(ledger, "k", "grüße")
        assert ledger.answer("other") is None
    with Ledger(tmp_path) as ledger:
        assert ledger.answer("k") == Answer("grüße", "stop", "m", 11, None, 7, 0.5)


def test_the_first_answer_to_a_question_stays(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        put(ledger, "k", "first")
        put(ledger, "k", "second")
        answer = ledger.answer("k")
        assert answer is not None
        assert answer.text == "first"


@given(
    st.dictionaries(st.text(max_size=5), st.one_of(st.integers(), st.text(max_size=5)), max_size=4), st.integers(0, 9)
)
def test_a_key_follows_from_every_field_and_the_sample_whatever_their_order(
    body: dict[str, object], sample: int
) -> None:
    key = request_key(body, sample)
    assert request_key(dict(reversed(body.items())), sample) == key
    assert request_key(body, sample + 1) != key
    assert request_key({**body, "another": 1}, sample) != key


def test_what_was_sent_and_what_failed_is_counted(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        put(ledger, "a")
        put(ledger, "b", model="other")
        for _ in range(2):
            ledger.sending("c")
            ledger.fault("c", "status 500")
        ledger.sending("d")
        assert ledger.faults() == {"status 500": 2}
        assert ledger.lost() == 1
        assert [(each.model, each.answers, each.prompt_tokens, each.completion_tokens) for each in ledger.spent()] == [
            ("m", 1, 11, 7),
            ("other", 1, 11, 7),
        ]


def test_what_was_committed_survives_kill_9(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys, pathlib\n"
        "from iterpref.teachers.ledger import Ledger, read_answer\n"
        "ledger = Ledger(pathlib.Path(sys.argv[1]))\n"
        'body = \'{"choices": [{"message": {"content": "x"}}]}\'\n'
        "for key in 'abc':\n"
        "    ledger.sending(key)\n"
        "    ledger.commit(key, body, read_answer(body), model='m')\n"
        "ledger.sending('d')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], env=dict(os.environ))
    assert done.returncode == -signal.SIGKILL
    with Ledger(tmp_path) as ledger:
        assert [key for key, _ in ledger.answers()] == ["a", "b", "c"]
        assert ledger.lost() == 1


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ('{"choices": [', "malformed answer"),
        ("[]", "malformed answer"),
        ('{"choices": []}', "empty choices"),
        ('{"choices": [{"message": null}]}', "malformed answer"),
        ('{"choices": [{"message": {"content": 3}}]}', "malformed answer"),
        ('{"choices": [{"message": {"content": ["x"]}}]}', "malformed answer"),
        ("[" * 100_000, "malformed answer"),
    ],
)
def test_a_body_that_holds_no_answer(body: str, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        read_answer(body)


def test_an_answer_in_parts_is_its_text_without_thoughts() -> None:
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "so"}]
    assert read_answer(json.dumps({"choices": [{"message": {"content": parts}}]})).text == "so"


def test_half_a_surrogate_pair_becomes_a_question_mark() -> None:
    assert read_answer('{"choices": [{"message": {"content": "a\\ud800b"}}]}').text == "a?b"


def test_token_counts_that_are_missing_are_none_not_nothing(tmp_path: Path) -> None:
    answer = read_answer('{"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": null}}')
    assert (answer.prompt_tokens, answer.completion_tokens) == (None, None)
    with Ledger(tmp_path) as ledger:
        ledger.commit("k", "{}", answer, model="m")
        assert ledger.spent()[0].uncounted == 1


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    (tmp_path / "calls.db").write_text("something else, and long enough to be a header" * 30)
    with pytest.raises(InputError, match=r"calls\.db is not a readable ledger"):
        Ledger(tmp_path)
