"""Every version of every trajectory is accounted for: y+, pair, anchor, or dropped with its reason."""

from __future__ import annotations

from iterpref.config import PairsConfig
from iterpref.pairs import build_pairs, choose_negatives
from iterpref.store import Drop
from iterpref.types import Attempt, Outcome, Pair, Task, Trajectory, Verdict

RIGHT = "def f(x):\n    return x + 1\n"
FIRST = "def f(x):\n    return x\n"
SECOND = "def f(x):\n    return x - 1\n"
P, W, E, T = Outcome.PASS, Outcome.WRONG, Outcome.ERROR, Outcome.TAMPER


def made(*versions: tuple[str, Outcome], config: PairsConfig | None = None, tokens: int = 0) -> dict[str, Pair | str]:
    attempts = tuple(Attempt(i, code, Verdict(outcome)) for i, (code, outcome) in enumerate(versions))
    trajectory = Trajectory(Task("t", "add one"), attempts, "someone")
    count = (lambda text: tokens) if tokens else None
    built = build_pairs([("s", trajectory)], config or PairsConfig(), count_tokens=count)
    return {id: item.reason if isinstance(item, Drop) else item for id, item in built}


def test_the_final_version_against_each_earlier_one() -> None:
    found = made((FIRST, W), (SECOND, E), (RIGHT, P))
    assert {id: (pair.chosen, pair.rejected) for id, pair in found.items() if isinstance(pair, Pair)} == {
        "s/0": (RIGHT, FIRST),
        "s/1": (RIGHT, SECOND),
    }


def test_spans_index_the_changed_line_of_both_texts() -> None:
    pair = made((FIRST, W), (RIGHT, P))["s/0"]
    assert isinstance(pair, Pair)
    assert pair.rejected is not None
    (minus,), (plus,) = pair.rejected_spans, pair.chosen_spans
    assert pair.rejected[minus.start : minus.end] == "    return x\n"
    assert pair.chosen[plus.start : plus.end] == "    return x + 1\n"


def test_regressions_repeats_and_earlier_passes_are_told_apart() -> None:
    found = made(
        (FIRST, W), (FIRST, W), (RIGHT, P), (SECOND, W), (RIGHT + "# again\n", P), (SECOND + "#", W), (FIRST, T)
    )
    assert {id: item for id, item in found.items() if isinstance(item, str)} == {
        "s/1": "repeats an earlier version word for word",
        "s/2": "passes, but is not the last version that does",
        "s/5": "regression: fails after the version that passes",
        "s/6": "verdict tamper: says nothing that can be learnt",
    }
    assert {id for id, item in found.items() if isinstance(item, Pair)} == {"s/0", "s/3"}


def test_an_unsolved_session_gives_nothing_but_reasons() -> None:
    assert set(made((FIRST, W), (SECOND, W)).values()) == {"no version of the task passes"}


def test_a_program_that_passes_at_once_is_an_anchor() -> None:
    anchor = made((RIGHT, P))["s/0"]
    assert isinstance(anchor, Pair)
    assert anchor.rejected is None
    off = made((RIGHT, P), config=PairsConfig(anchors=False))
    assert off == {"s/0": "no failing version before it (anchors are off)"}


def reason(rejected: str, chosen: str = RIGHT, **config: object) -> object:
    return made((rejected, W), (chosen, P), config=PairsConfig(**config))["s/0"]  # type: ignore[arg-type]


def test_paper_filter_only_comments() -> None:
    assert reason("# one\n" + RIGHT) == "D- is only comments"
    assert isinstance(reason("# one\n" + FIRST), Pair)


def test_paper_filter_too_many_lines() -> None:
    long = "def f(x):\n" + "    x = x\n" * 21 + "    return x\n"
    assert reason(long) == "D- has over 20 lines"
    assert isinstance(reason(long, max_lines=22), Pair)


def test_paper_filter_too_many_tokens() -> None:
    assert made((FIRST, W), (RIGHT, P), tokens=2049)["s/0"] == "y+ or y- has over 2048 tokens"
    assert isinstance(made((FIRST, W), (RIGHT, P), tokens=2048)["s/0"], Pair)


def test_paper_filter_same_ast() -> None:
    assert reason("def f(x):\n    return (x + 1)\n") == "y- and y+ have the same AST"


def test_programs_that_do_not_parse_have_no_ast_in_common() -> None:
    assert isinstance(reason("def f(x:\n    return x + 1\n"), Pair)


def test_pure_deletions_follow_the_policy() -> None:
    lacking, full = "def f(x):\n    return x\n", "def f(x):\n    x += 1\n    return x\n"
    kept = reason(lacking, full)
    assert isinstance(kept, Pair)
    assert [(span.start, span.end, span.weight) for span in kept.rejected_spans] == [(10, 10, 1.0)]
    unpenalised = reason(lacking, full, deletions="keep")
    assert isinstance(unpenalised, Pair)
    assert [span.weight for span in unpenalised.rejected_spans] == [0.0]
    assert reason(lacking, full, deletions="drop") == "y- only lacks code"


def test_the_same_pair_from_two_sessions_counts_once() -> None:
    attempts = (Attempt(0, FIRST, Verdict(W)), Attempt(1, RIGHT, Verdict(P)))
    both = [(name, Trajectory(Task("t", "add one"), attempts)) for name in ("a", "b")]
    found = [(id, type(item).__name__) for id, item in build_pairs(both, PairsConfig())]
    assert found == [("a/0", "Pair"), ("b/0", "Drop")]


def test_choice_of_negatives() -> None:
    failures = tuple(Attempt(i, str(i), Verdict(W)) for i in range(5))
    assert choose_negatives(failures, "first", "") == failures[:1]
    assert choose_negatives(failures, "last", "") == failures[-1:]
    drawn = {choose_negatives(failures, "random", str(seed))[0].index for seed in range(50)}
    assert drawn == {0, 1, 2, 3, 4}
    assert choose_negatives(failures, "random", "7") == choose_negatives(failures, "random", "7")
    left = made((FIRST, W), (SECOND, W), (RIGHT, P), config=PairsConfig(negatives="last"))
    assert left["s/0"] == "not chosen as the last failing version"
