"""Results and comparisons as a person sees them; programs are hostile."""

from __future__ import annotations

import io
import re
from typing import Any

from rich.console import Console

from iterpref.report.comparison import comparison_page, comparison_view
from iterpref.report.results import result_view

HOSTILE = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>"
RATE = {"value": 0.5, "low": 0.25, "high": 0.75, "count": 4}
TRUTH = {"passed": {"small": 3}, "count": 4, "kinds": {"T/3": "wrong answer"}, "without": 0}


def comparison(**changes: Any) -> dict[str, Any]:
    flip = {
        "task_id": "T/1", "won": True, "before": f"KeyError: {HOSTILE}", "after": "passes",
        "first": f"return a {HOSTILE}", "second": "return b", "first_marks": [[7, 8]], "second_marks": [[7, 8]],
        "feedback": f"first line\nKeyError: {HOSTILE}",
    }  # fmt: skip
    score = {
        "name": "small", "rates": [RATE, {**RATE, "value": 0.75}], "won": ["T/1"], "lost": [], "p_value": 1.0,
        "change": {"value": 0.25, "low": -0.25, "high": 0.5, "count": 4},
    }  # fmt: skip
    return {
        "label": "small", "models": ["one", f"two {HOSTILE}"], "tasks": 4, "notes": ["seed: 0, then 1"],
        "scores": [score], "errors": [("passes", [2, 3]), ("KeyError", [2, 1])], "near": [(1, 2), (0, 1)],
        "tags": {"level": [{"value": "hard", "count": 4, "rates": [RATE, RATE]}]}, "flips": [flip],
        "truth": TRUTH, "answers": [4, 4],
        **changes,
    }  # fmt: skip


def printed(view: Any, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(view)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def test_the_tables_hold_every_figure() -> None:
    text = printed(comparison_view(comparison()))
    assert re.search(r"small +50\.0 +\[25\.0, 75\.0\] +75\.0 +\[25\.0, 75\.0\]", text)
    assert re.search(r"small +\+25\.0 +\[-25\.0, \+50\.0\] +1 +0 +1\n", text)
    assert re.search(r"KeyError +2 +1", text)
    assert re.search(r"hard +4 +50\.0 +50\.0", text)
    assert "won: 1, first fails with\n  T/1  KeyError" in text
    assert "\x1b" not in text  # no terminal, no colours


def test_one_task_is_one_task() -> None:
    one = comparison(tasks=1, answers=[1, 1])
    assert "small, 1 task\n" in printed(comparison_view(one))
    assert "On 1 task small goes from" in comparison_page([one])
    assert "1 task won and 0 lost" in comparison_page([one])


def test_bars_are_shares_of_all_answers() -> None:
    page = comparison_page([comparison(answers=[4, 40], errors=[("KeyError", [2, 10]), ("TypeError", [0, 40])])])
    assert re.findall(r"--w: ([\d.]+)%", page)[:3] == ["50.0", "25.0", "100.0"]  # of none there is no bar


def test_what_won_means_is_said() -> None:
    assert "won: solved in the second only" in printed(comparison_view(comparison()))
    assert "won: at least one sample passes in the second only" in printed(
        comparison_view(comparison(answers=[4, 20])), 200
    )
    assert "at least one sample passes in the second only" in comparison_page([comparison(answers=[4, 20])])


def test_of_many_values_of_a_tag_those_not_shown_are_counted_and_stand_on_the_page() -> None:
    rows = [{"value": f"lib{n:02}", "count": 1 + (n > 2), "rates": [RATE, RATE]} for n in range(15)]
    many = comparison(tags={"libs": rows})
    text = printed(comparison_view(many))
    assert [name in text for name in ("lib02", "lib03", "lib14")] == [False, True, True]
    assert "and 3 more, on the page" in text
    page = comparison_page([many])
    assert "<summary>3 more</summary>" in page
    assert page.index("lib14") < page.index("<summary>3 more</summary>") < page.index("lib02")


def test_many_kinds_and_flips_are_summed_up() -> None:
    flips = [{**comparison()["flips"][0], "task_id": f"T/{n}"} for n in range(20)]
    errors = [("passes", [1, 1]), *((f"Error{n}", [1, 0]) for n in range(20))]
    text = printed(comparison_view(comparison(flips=flips, errors=errors)))
    assert "and 8 other tasks" in text
    assert re.search(r"9 other kinds +9 +0", text)


def test_the_page_holds_figures_and_programs_and_runs_nothing() -> None:
    page = comparison_page([comparison()])
    assert "On 4 tasks small goes from 50.0 % to 75.0 %: +25.0 points" in page
    assert "script" not in re.sub(r"&lt;.*?&gt;", "", page).replace("there is no script", "")
    assert "<img" not in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert '<mark class="pen">a</mark>' in page
    assert '<mark class="pref">b</mark>' in page
    assert '<pre class="feedback">first line\nKeyError: &lt;/pre&gt;' in page
    assert "3 of 4 of the benchmark's own solutions pass small" in page.replace("&#39;", "'")
    assert not re.search(r'(src|href)="(?!#|data:,)', page)


def test_a_hyphen_in_a_name_is_no_minus() -> None:
    (score,) = comparison()["scores"]
    page = comparison_page([comparison(scores=[{**score, "name": "big-hard", "change": {**RATE, "value": -0.25}}])])
    assert "On 4 tasks big-hard goes from 50.0 % to 75.0 %: \u221225.0 points" in page


def test_several_benchmarks_share_a_page() -> None:
    page = comparison_page([comparison(), comparison(label="other", flips=[], tags={}, notes=[], truth=None)])
    assert 'href="#b2">other' in page
    assert page.count("<section") == 2


def result(**changes: Any) -> dict[str, Any]:
    return {
        "complete": True, "unanswered": 0, "without_verdict": 0, "open": {},
        "tampered": {"answers": 0, "pass@1_if_believed": {}}, "model": "m", "style": "complete", "temperature": 0.0,
        "samples": 1, "answers": "", "cut_off": 0, "max_new_tokens": 768, "ground_truth": TRUTH,
        "benchmark": {
            "name": "small", "version": "v1", "sha256": "ab" * 32, "tasks": 4, "tasks_in_file": 8,
        },
        "scores": {"small": {"pass@1": RATE, "interval": "Wilson"}}, "kinds": {"passes": 2, "KeyError": 2}, "tasks": [],
        "tags": {"level": {"hard": RATE}},
        **changes,
    }  # fmt: skip


def test_a_result_says_what_was_asked_and_what_is_known_of_the_machine() -> None:
    text = printed(result_view(result(cut_off=2, tampered={"answers": 1, "pass@1_if_believed": {"small": 0.75}})))
    assert "small: m, complete, greedy, the first 4 of 8 tasks" in text
    assert re.search(r"small +pass@1 +50\.0 +\[25\.0, 75\.0\] +3/4", text)
    assert re.search(r"hard +4 +50\.0 +\[25\.0, 75\.0\]", text)
    assert "the benchmark's own solution of T/3 fails here: wrong answer" in text
    assert "if all of them were believed, pass@1 would be small 75.0" in " ".join(text.split())
    many = {**TRUTH, "kinds": {"T/1": "invalid: no numpy", "T/2": "timeout", "T/3": "invalid: no numpy"}}
    text = printed(result_view(result(ground_truth=many, cut_off=2)))
    assert text.index("2 tasks, such as T/1, fail here: invalid: no numpy") < text.index("T/2 fails here: timeout")
    assert "cut off at 768 tokens: 2 answers" in text


def test_of_many_kinds_of_task_those_that_are_not_shown_are_counted() -> None:
    values = {f"lib{n:02}": {**RATE, "count": 20 - n} for n in range(15)}
    text = printed(result_view(result(tags={"libs": values})))
    assert "lib11" in text
    assert "lib12" not in text
    assert "and 3 more" in text


def test_an_unfinished_result_shows_no_score() -> None:
    text = printed(
        result_view(result(complete=False, unanswered=3, scores={}, tags={}, open={"no room": 3}, tampered=None))
    )
    assert "3 times: no room" in text
    assert "unfinished: 3 questions without an answer, 0 answers without a verdict" in text
    assert "pass@1" not in text
