"""How many fork servers there are, and which one takes the next program."""

from __future__ import annotations

import itertools

import pytest

from iterpref.sandbox.pool import Pool
from iterpref.sandbox.worker import Worker, WorkerLost

STEADY = 50


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


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iterpref.sandbox.pool.cores", lambda: 2)


def use(pool: Pool, times: int, profile: str = "plain") -> list[Worker]:
    used = []
    for _ in range(times):
        with pool.server(profile) as server:
            used.append(server)
    return used


def test_in_steady_use_two_servers_take_turns(started: list[str], two_cores: None) -> None:
    pool = Pool("full", 1, Worker("full"))
    assert len(set(use(pool, STEADY - 1))) == 1
    assert len(started) == 1
    used = use(pool, 10 * STEADY)
    assert len(started) == 2
    assert all(one is not other for one, other in itertools.pairwise(used))


def test_no_spare_without_a_core_for_it(started: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iterpref.sandbox.pool.cores", lambda: 1)
    use(Pool("full", 1, Worker("full")), 5 * STEADY)
    assert len(started) == 1


def test_no_spare_takes_the_place_of_a_server_with_other_libraries(started: list[str], two_cores: None) -> None:
    pool = Pool("full", 1, Worker("full"))
    for _ in range(5 * STEADY):
        for profile in ("plain", "numpy"):
            use(pool, 1, profile)
    assert sorted(started) in (["numpy", "numpy", "plain"], ["numpy", "plain", "plain"])


def test_a_spare_that_cannot_be_started_is_done_without(
    started: list[str], two_cores: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = Pool("full", 1, Worker("full"))

    def lost(self: Worker, mode: str, profile: str = "plain") -> None:
        raise WorkerLost("no memory")

    monkeypatch.setattr(Worker, "__init__", lost)
    assert len(set(use(pool, 3 * STEADY))) == 1


def test_a_server_that_failed_is_not_used_again(started: list[str], two_cores: None) -> None:
    pool = Pool("full", 1, Worker("full"))
    with pytest.raises(WorkerLost), pool.server("plain") as failed:
        raise WorkerLost("gone")
    assert use(pool, 1) != [failed]
    assert failed not in pool.servers


def test_a_closed_pool_starts_none(started: list[str], two_cores: None) -> None:
    pool = Pool("full", 1, Worker("full"))
    pool.close()
    with pytest.raises(WorkerLost), pool.server("plain"):
        pass
    assert not pool.servers
