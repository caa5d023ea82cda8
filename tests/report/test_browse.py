"""Which sessions a page holds, and what it says of each."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iterpref.focus import diff_lines
from iterpref.report import browse
from iterpref.report.browse import session_data, survey
from iterpref.report.numbers import solved_by_version
from iterpref.store import Run
from iterpref.types import Pair, Span
from tests.report.conftest import add_sessions, small_sessions
from tests.report.large import fill


@pytest.fixture(scope="module")
def thousands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("thousands") / "run"
    fill(path, 2006)
    return path


def test_everything_is_counted_whatever_is_shown(thousands: Path) -> None:
    with Run(thousands, read_only=True) as run:
        seen = survey(run, 50)
        assert seen.solved_by_version(1) == solved_by_version(run)
    assert seen.sessions == 2006
    assert seen.first[1]["passes"] == 201  # every tenth, from 0 on
    assert seen.last[1]["passes"] == 2006 - 201  # all but 1, 11, 21, ...
    assert seen.first[1]["timeout"] == 3  # 5, 1005, 2005
    assert len(seen.chosen) == 50


def test_rare_kinds_are_kept_and_the_choice_is_the_same_every_time(thousands: Path) -> None:
    with Run(thousands, read_only=True) as run:
        seen = survey(run, 50)
        assert survey(run, 50).chosen == seen.chosen
        data = list(session_data(run, seen.chosen, diff_lines, None))
    kinds = Counter(each["versions"][0]["kind"] for each in data)
    assert kinds["timeout"] == 3  # all there are
    assert min(kinds["ValueError"], kinds["TypeError"], kinds["passes"]) >= 5


def test_all_are_shown_in_order_where_they_fit(thousands: Path) -> None:
    with Run(thousands, read_only=True) as run:
        assert survey(run, 2006).chosen == [(1, id) for id in run.ids("end")]


@given(st.lists(st.integers(1, 60), max_size=8), st.integers(0, 100))
def test_strata_share_equally(sizes: list[int], limit: int) -> None:
    strata = [[(-rank, 1, 1000 * index + rank, f"{index}") for rank in range(size)] for index, size in enumerate(sizes)]
    shown = Counter(id for _, id in browse._share_out(strata, limit))
    assert sum(shown.values()) == min(limit, sum(sizes))
    # Where a stratum is not shown in full, no other one has more than one member more.
    cut = [shown[str(index)] for index, size in enumerate(sizes) if shown[str(index)] < size]
    assert all(count <= min(cut) + 1 for count in shown.values()) if cut else True


@pytest.fixture
def sessions(tmp_path: Path, tokenizer: Any) -> dict[str, dict[str, Any]]:
    with Run(tmp_path / "run") as run:
        add_sessions(run, small_sessions())
        found = session_data(run, survey(run, 100).chosen, diff_lines, tokenizer)
        return {each["id"]: each for each in found}


def test_a_pair_brings_its_spans(sessions: dict[str, dict[str, Any]]) -> None:
    first = sessions["world/largest"]["versions"][0]
    start, end, weight, reason = first["minus"][0]
    assert first["code"][start:end] == "    return sorted(xs)[:n]\n"
    assert (weight, reason) == (1.0, "changed")
    final = sessions["world/largest"]["versions"][3]
    start, end, *_ = first["plus"][0]
    assert final["code"][start:end] == "    return sorted(xs, reverse=True)[:n]\n"
    assert sessions["world/largest"]["final"] == 3


def test_a_version_that_is_not_paired_differs_without_penalty(sessions: dict[str, dict[str, Any]]) -> None:
    repeated = sessions["world/largest"]["versions"][2]
    assert repeated["drop"] == "repeats an earlier version word for word"
    assert [version.get("mark") for version in sessions["world/largest"]["versions"]] == [None, None, "repeat", None]
    assert [span[2] for span in repeated["minus"]] == [0.0]
    assert repeated["tokens"]["penalised"] == 0


def test_missing_code_is_a_place_with_its_weight(sessions: dict[str, dict[str, Any]]) -> None:
    version = sessions["world/mean"]["versions"][0]
    place = len("def mean(xs):\n")
    assert version["minus"] == [[place, place, 1.0, "missing"]]
    assert version["tokens"]["penalised"] >= 1


def test_irrelevant_places_are_counted_by_reason_and_a_minimal_y_plus_is_shown_as_it_is(tmp_path: Path) -> None:
    session = small_sessions()["world/largest"]
    with Run(tmp_path / "run") as run:
        add_sessions(run, {"world/largest": session})
        pair = run.get("pair", "world/largest/0", Pair)
        assert pair is not None
        spans = (*pair.rejected_spans, Span(0, 3, 0.0, "renamed"), Span(4, 5, 0.0, "renamed"))
        run.replace(["pair"], [("pair", "world/largest/0", replace(pair, rejected_spans=spans, chosen="minimal\n"))])
        (found,) = session_data(run, [(1, "world/largest")], diff_lines, None)
    first, second = found["versions"][:2]
    assert (first["irrelevant"], first["chosen"]) == ("2 renamed", "minimal\n")
    assert "irrelevant" not in second
    assert "chosen" not in second


def test_anchors_and_unsolved_sessions_compare_with_nothing(sessions: dict[str, dict[str, Any]]) -> None:
    assert sessions["world/never"]["final"] == -1
    assert all("minus" not in version for version in sessions["world/never"]["versions"])
    assert "anchor" in sessions["world/once"]["versions"][0]


def test_pieces_cover_the_program_and_penalised_ones_are_whole_tokens(
    sessions: dict[str, dict[str, Any]], tokenizer: Any
) -> None:
    for session in sessions.values():
        for version in session["versions"]:
            assert sum(map(abs, version["tokens"]["pieces"])) == len(version["code"])
    version = sessions["world/largest"]["versions"][0]
    pieces, on = version["tokens"]["pieces"], version["tokens"]["on"]
    text = "".join(version["code"][sum(pieces[:i]) : sum(pieces[: i + 1])] for i in on)
    assert text == "\n    return sorted(xs)[:n]\n"  # the tokenizer merges the newline before with the indentation
    assert version["tokens"]["count"] == len(tokenizer.encode(version["code"]).ids)


def test_tokens_that_share_a_character_are_one_piece_but_counted_each(tokenizer: Any) -> None:
    code = "𒀀x"  # four bytes that no merge joins
    found = browse._tokens(code, [Span(0, 1)], tokenizer)
    assert found["pieces"] == [1, 1]
    assert found["on"] == [0]
    assert (found["count"], found["penalised"], found["end"]) == (5, 4, False)


def test_a_very_long_program_is_cut_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browse, "MAX_CODE", 20)
    with Run(tmp_path / "run") as run:
        add_sessions(run, {"world/mean": small_sessions()["world/mean"]})
        (data,) = session_data(run, [(1, "world/mean")], diff_lines, None)
    version = data["versions"][0]
    assert len(version["code"]) == 20
    assert version["cut"] > 20
    assert all(end <= 20 for _, end, *_ in version.get("plus", []))
