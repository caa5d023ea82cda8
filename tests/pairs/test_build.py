"""Every version of every trajectory is accounted for: y+, pair, anchor, or dropped with its reason."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from iterpref.config import PairsConfig
from iterpref.errors import InputError
from iterpref.pairs import Runner, build_pairs, choose_negatives
from iterpref.sandbox import Sandbox
from iterpref.store import Drop
from iterpref.types import Attempt, Outcome, Pair, Task, Tests, Trajectory, Verdict

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


def test_hardest_passes_most_tests() -> None:
    verdicts = [Verdict(W, tests_passed=passed, tests_total=4) for passed in (1, 3, 3, 0)]
    failures = tuple(Attempt(i, str(i), verdict) for i, verdict in enumerate(verdicts))
    assert choose_negatives(failures, "hardest", "") == (failures[2],)


def test_rewrites_weigh_less_the_more_of_y_minus_they_are() -> None:
    whole = reason("def f(y):\n    return y\n", "def f(x):\n    return x + 1\n", rewrites="weight", max_share=0.25)
    assert isinstance(whole, Pair)
    assert [span.weight for span in whole.rejected_spans] == [0.25]
    part = reason(FIRST, RIGHT, rewrites="weight")  # "returnx" is 7 of 15 characters
    assert isinstance(part, Pair)
    assert [span.weight for span in part.rejected_spans] == [1.0]


def test_the_style_is_applied_last() -> None:
    pair = reason(FIRST, RIGHT, style="augmented-1")
    assert isinstance(pair, Pair)
    assert [(span.start, span.end, span.reason) for span in pair.rejected_spans] == [
        (0, len(FIRST), "context"),
        (10, len(FIRST), "changed"),
    ]


def test_a_minimal_y_plus_needs_running() -> None:
    with pytest.raises(InputError, match=r"pairs\.preferred"):
        made((FIRST, W), (RIGHT, P), config=PairsConfig(preferred="minimal"))


def test_samples_are_paired_by_their_first_drafts() -> None:
    task = Task("t", "add one")

    def session(*versions: tuple[str, Outcome]) -> Trajectory:
        return Trajectory(task, tuple(Attempt(i, code, Verdict(outcome)) for i, (code, outcome) in enumerate(versions)))

    source = [
        ("t#0", session((FIRST, W), (RIGHT + "# repaired\n", P))),
        ("t#1", session((RIGHT, P))),
        ("t#2", session((SECOND, W))),
        ("t#3", session((RIGHT + "# too\n", P))),
    ]
    found = dict(build_pairs(source, PairsConfig(source="samples")))
    pairs = {id: pair for id, pair in found.items() if isinstance(pair, Pair)}
    assert {id: (pair.chosen, pair.rejected) for id, pair in pairs.items()} == {
        "t#0/0": (RIGHT, FIRST),
        "t#1/0": (RIGHT, None),
        "t#2/0": (RIGHT, SECOND),
        "t#3/0": (RIGHT + "# too\n", None),
    }
    nobody = dict(build_pairs([source[2]], PairsConfig(source="samples")))
    assert nobody == {"t#2/0": Drop("pairs", "no version of the task passes")}


TESTS = Tests("asserts", code="assert f(1) == 2\nassert f(-1) == 0")
LATER = "def f(y):\n    # add one\n    return y + 1\n"
EARLIER = "def f(x):\n    print(x)\n    return x\n"


def run(
    sandbox: Sandbox, *versions: tuple[str, Outcome], tests: Tests | None = TESTS, **config: object
) -> dict[str, Pair | str]:
    attempts = tuple(Attempt(i, code, Verdict(outcome)) for i, (code, outcome) in enumerate(versions))
    trajectory = Trajectory(Task("t", "add one", tests), attempts, "someone")
    settings = PairsConfig(focus="verified", **config)  # type: ignore[arg-type]
    built = build_pairs([("s", trajectory)], settings, runner=Runner(sandbox.map))
    return {id: item.reason if isinstance(item, Drop) else item for id, item in built}


def test_running_proves_which_line_was_wrong(sandbox: Sandbox) -> None:
    pair = run(sandbox, (EARLIER, W), (LATER, P))["s/0"]
    assert isinstance(pair, Pair)
    assert pair.chosen == LATER
    by_reason = {span.reason: EARLIER[span.start : span.end] for span in pair.rejected_spans}
    assert by_reason == {"renamed": "x", "irrelevant": "    print(x)\n", "changed": "    return x\n"}
    assert [span.reason for span in pair.rejected_spans if span.weight] == ["changed"]
    assert pair.provenance["focus"] == "verified"
    assert pair.provenance["focus_complete"] is True


def test_the_minimal_y_plus_is_preferred_if_asked_for(sandbox: Sandbox) -> None:
    pair = run(sandbox, (EARLIER, W), (LATER, P), preferred="minimal")["s/0"]
    assert isinstance(pair, Pair)
    assert pair.chosen == "def f(x):\n    print(x)\n    return x + 1\n"
    (minus,), (plus,) = pair.rejected_spans, pair.chosen_spans
    assert (EARLIER[minus.start : minus.end], pair.chosen[plus.start : plus.end]) == (
        "    return x\n",
        "    return x + 1\n",
    )


def test_verdicts_that_do_not_stand_drop_the_pair(sandbox: Sandbox) -> None:
    assert run(sandbox, (LATER.replace("y", "z"), W), (RIGHT + "#\n", P))["s/0"] == (
        "y- and y+ differ only in names, comments and layout"
    )
    assert run(sandbox, ("f = lambda x: x + 1\n", W), (RIGHT, P))["s/0"] == "y- passes when it is run again"
    assert run(sandbox, (FIRST, W), (SECOND, P))["s/0"] == "y+ fails when it is run again"
    assert run(sandbox, (FIRST, W), (SECOND, P), reruns=1)["s/0"] == "y+ fails when it is run again"


def test_reruns_alone_leave_the_focus_to_the_differ(sandbox: Sandbox) -> None:
    attempts = (Attempt(0, EARLIER, Verdict(W)), Attempt(1, LATER, Verdict(P)))
    source = [("s", Trajectory(Task("t", "add one", TESTS), attempts))]
    plain = list(build_pairs(source, PairsConfig()))
    assert list(build_pairs(source, PairsConfig(reruns=2), runner=Runner(sandbox.map))) == plain


def test_without_tests_the_differ_decides(sandbox: Sandbox) -> None:
    assert run(sandbox, (EARLIER, W), (LATER, P), tests=None) == made((EARLIER, W), (LATER, P))


def test_a_long_difference_may_have_a_short_focus(sandbox: Sandbox) -> None:
    long = "def f(x):\n" + "".join(f"    print({n})\n" for n in range(30)) + "    return x\n"
    assert made((long, W), (RIGHT, P))["s/0"] == "D- has over 20 lines"
    pair = run(sandbox, (long, W), (RIGHT, P))["s/0"]
    assert isinstance(pair, Pair)
    assert [long[span.start : span.end] for span in pair.rejected_spans if span.weight] == ["    return x\n"]


def test_the_language_model_drops_what_it_calls_cosmetic_and_nothing_else() -> None:
    answers = {FIRST: 'verdict = "cosmetic"', SECOND: "no idea"}
    asked: list[str] = []

    def ask_many(questions: Sequence[str]) -> list[str | None]:
        asked.extend(questions)
        return [next(answer for code, answer in answers.items() if code in question) for question in questions]

    attempts = (Attempt(0, FIRST, Verdict(W)), Attempt(1, SECOND, Verdict(W)), Attempt(2, RIGHT, Verdict(P)))
    source = [("s", Trajectory(Task("t", "add one"), attempts))]
    found = dict(build_pairs(source, PairsConfig(), ask_many=ask_many))
    assert found["s/0"] == Drop("pairs", "the language model calls the difference cosmetic")
    kept = found["s/1"]
    assert isinstance(kept, Pair)
    assert kept.provenance["judge"] == "no answer"
    assert len(asked) == 2
