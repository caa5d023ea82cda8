"""Two results as one document, and what cannot be compared."""

from __future__ import annotations

from typing import Any

import pytest

from iterpref.errors import InputError
from iterpref.evaluate.compare import compare_results


def result(letters: dict[str, str], **changes: Any) -> dict[str, Any]:
    """+ passes, anything else is the error's name; the program is ``return <letters>``."""
    tasks = [
        {
            "task_id": id,
            "tags": {"level": ["hard" if id > "b" else "easy"]},
            "samples": [
                {
                    "kind": "passes" if kind == "+" else kind,
                    "passed": ["base"] if kind == "+" else [],
                    "feedback": "",
                    "program": f"return {kind}",
                }
            ],
        }
        for id, kind in letters.items()
    ]
    return {
        "complete": True, "model": "m", "weights": "", "style": "complete", "prefill": "", "temperature": 0.0,
        "max_new_tokens": 8, "samples": 1, "answers": "", "stops": [], "versions": {"torch": "1"}, "environment": "e",
        "benchmark": {"name": "small", "sha256": "a", "scores": {"base": "small"}, "options": {}}, "tasks": tasks,
        "ground_truth": {"passed": {"small": 1}, "count": 1, "kinds": {}, "without": 0}, **changes,
    }  # fmt: skip


def test_a_comparison_by_hand() -> None:
    first = result({"a": "KeyError", "b": "+", "c": "KeyError", "d": "+"}, model="one")
    second = result({"a": "+", "b": "+", "c": "NameError", "d": "NameError"}, model="two/")
    found = compare_results("small", first, second)
    (score,) = found["scores"]
    assert found["models"] == ["one", "two"]
    assert [rate["value"] for rate in score["rates"]] == [0.5, 0.5]
    assert (score["won"], score["lost"], score["change"]["value"], score["p_value"]) == (["a"], ["d"], 0.0, 1.0)
    assert found["errors"] == [("passes", [2, 2]), ("KeyError", [2, 0]), ("NameError", [0, 2])]
    assert found["near"] == [(0, 2), (0, 2)]
    easy, hard = found["tags"]["level"]
    assert (easy["value"], easy["count"], [rate["value"] for rate in easy["rates"]]) == ("easy", 2, [0.5, 1.0])
    assert [rate["value"] for rate in hard["rates"]] == [0.5, 0.0]
    won = found["flips"][0]
    assert (won["task_id"], won["before"], won["after"]) == ("a", "KeyError", "passes")
    assert [won["first"][start:end] for start, end in won["first_marks"]] == ["KeyError"]
    assert [won["second"][start:end] for start, end in won["second_marks"]] == ["+"]
    assert found["notes"] == []
    assert found["answers"] == [4, 4]
    assert found["truth"] == first["ground_truth"]


def test_with_several_samples_a_breakdown_is_of_the_same_pass_at_1_as_the_score() -> None:
    first, second = result({"a": "+", "b": "KeyError"}), result({"a": "+", "b": "+"}, samples=4)
    for task, passes in zip(second["tasks"], (1, 3), strict=True):  # of 4
        passing, failing = task["samples"][0], {**task["samples"][0], "passed": [], "kind": "KeyError"}
        task["samples"] = [passing] * passes + [failing] * (4 - passes)
    found = compare_results("small", first, second)
    (easy,) = found["tags"]["level"]
    assert [rate["value"] for rate in easy["rates"]] == [0.5, 0.5]  # (1/4 + 3/4) / 2: not 1, as any pass would give
    assert [rate["value"] for rate in found["scores"][0]["rates"]] == [0.5, 0.5]
    assert found["answers"] == [2, 8]


def test_every_value_of_a_tag_is_there() -> None:
    one = result({f"t{n:02}": "+" for n in range(40)})
    for number, task in enumerate(one["tasks"]):
        task["tags"] = {"libs": [f"lib{number:02}"]}
    found = compare_results("small", one, one)
    assert [row["value"] for row in found["tags"]["libs"]] == [f"lib{n:02}" for n in range(40)]


def test_only_common_tasks_count_and_other_settings_are_noted() -> None:
    first = result({"a": "+", "b": "KeyError", "c": "+"})
    second = result({"b": "KeyError", "a": "+"}, temperature=0.8, versions={"torch": "2"}, environment="f", weights="w")
    found = compare_results("small", first, second)
    assert found["tasks"] == 2
    assert found["errors"] == [("passes", [1, 1]), ("KeyError", [1, 1])]
    assert found["truth"] is None  # it is of more tasks
    assert found["models"] == ["m, temperature 0.0, weights ", "m, temperature 0.8, weights w"]
    assert found["notes"] == [
        "temperature: 0.0, then 0.8",
        "versions differ: torch",
        "judged in different environments (Python, what is installed, or the sandbox)",
        "of the 3 tasks of the first result 2 are in both",
    ]


def test_two_forms_of_one_benchmark_are_told_apart() -> None:
    forms = [
        {"name": "big", "sha256": "a", "scores": {"base": f"big-{form}"}, "options": {"split": form}}
        for form in ("complete", "instruct")
    ]
    first, second = (result({"a": "+"}, benchmark=form) for form in forms)
    found = compare_results("big", first, second)
    assert found["scores"][0]["name"] == "big-complete, then big-instruct"
    assert found["notes"] == ["the benchmark's split: complete, then instruct"]
    window = {**second, "benchmark": {**forms[1], "options": {"split": "instruct", "start": "2024-08-01"}}}
    assert compare_results("big", second, window)["notes"] == ["the benchmark's start: not given, then 2024-08-01"]


def test_of_answers_that_were_handed_in_nothing_is_said_that_is_not_known() -> None:
    first, second = result({"a": "+"}, answers="0ab1", max_new_tokens=0), result({"a": "+"}, temperature=0.8)
    assert compare_results("small", first, second)["notes"] == [
        "the answers of the first were handed in: how they were made is not known"
    ]
    assert compare_results("small", first, {**first, "answers": "77"})["notes"] == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"complete": False}, "small of m is unfinished"),
        ({"benchmark": {"name": "small", "sha256": "b", "scores": {"base": "small"}}}, "are of different files"),
        ({"benchmark": {"name": "big", "sha256": "b", "scores": {}}}, "one result is for small, the other for big"),
        ({"tasks": []}, "have no task in common"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        compare_results("small", result({"a": "+"}), result({"a": "+"}, **change))
