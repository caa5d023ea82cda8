"""How many fork servers there are, and which one takes the next program."""

from __future__ import annotations

import threading
import time

import pytest

from iterpref.sandbox.pool import Pool
from iterpref.sandbox.worker import Worker, WorkerLost


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Profiles of the servers that a pool has started; they are no processes here."""
    profiles: list[str] = []

    def start(self: Worker, mode: str, profile: str = "plain") -> None:
        profiles.append(profile)
        self.profile = profile

    monkeypatch.setattr(Worker, "__init__", start)
    monkeypatch.setattr(Worker, "close", lambda self: None)
    return profiles


def use(pool: Pool, times: int, profile: str = "plain") -> list[Worker]:
    used = []
    for _ in range(times):
        with pool.server(profile) as server:
            used.append(server)
    return used


def test_a_server_is_used_again(started: list[str]) -> None:
    assert len(set(use(Pool("full", 2, Worker("full")), 5))) == 1
    assert len(started) == 1


def test_a_server_is_started_for_each_program_at_once(started: list[str]) -> None:
    pool = Pool("full", 2, Worker("full"))
    with pool.server("plain") as first, pool.server("plain") as second:
        assert first is not second
    assert len(started) == 2


def test_servers_with_other_libraries_make_room(started: list[str]) -> None:
    pool = Pool("full", 1, Worker("full"))
    for profile in ("numpy", "pandas", "science", "plain"):
        use(pool, 1, profile)
    assert started == ["plain", "numpy", "pandas", "science", "plain"]
    assert len(pool.servers) == 3


def test_a_server_that_failed_is_not_used_again(started: list[str]) -> None:
    pool = Pool("full", 1, Worker("full"))
    with pytest.raises(WorkerLost), pool.server("plain") as failed:
        raise WorkerLost("gone")
    assert use(pool, 1) != [failed]
    assert failed not in pool.servers


def test_a_closed_pool_starts_none(started: list[str]) -> None:
    pool = Pool("full", 1, Worker("full"))
    pool.close()
    with pytest.raises(WorkerLost), pool.server("plain"):
        pass
    assert not pool.servers


def test_no_other_program_runs_beside_one_that_has_the_machine_alone(started: list[str]) -> None:
    pool = Pool("full", 2, Worker("full"))
    running, beside = 0, []
    lock = threading.Lock()

    def work(number: int) -> None:
        nonlocal running
        alone = number % 5 == 0
        with pool.server("plain", alone):
            with lock:
                running += 1
                if alone:
                    beside.append(running - 1)
            time.sleep(0.002)
            with lock:
                if alone:
                    beside.append(running - 1)
                running -= 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert beside == [0] * 12
    assert not pool._running
    assert not pool._one_alone


def test_a_program_alone_that_fails_lets_others_go_on(started: list[str]) -> None:
    pool = Pool("full", 2, Worker("full"))
    with pytest.raises(WorkerLost), pool.server("plain", alone=True):
        raise WorkerLost("gone")
    assert use(pool, 2)
