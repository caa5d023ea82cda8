"""The token rule on the real Qwen2, DeepSeek-Coder, StarCoder and Llama-SPM tokenizers.

They differ in what they merge: a newline with the indentation after it, several newlines, a tab with a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from iterpref.focus import diff_lines, focus_spans
from iterpref.focus.masks import token_weights
from iterpref.tasks import read_recorded
from iterpref.types import Span

TOKENIZERS = ["qwen2", "deepseek-coder", "starcoder", "llama-spm"]


@cache
def real_tokenizer(path: Path) -> Any:
    return pytest.importorskip("transformers").AutoTokenizer.from_pretrained(path)


def focused(data: Path, name: str, text: str, part: str) -> str:
    """The tokens of ``text`` that a span over ``part`` puts in focus, joined by ``|``."""
    # a newline before the text, as in a prompt, so that no tokenizer puts a blank before its first word
    tokenizer = real_tokenizer(data / "tokenizers" / name)
    encoding = tokenizer("\n" + text, add_special_tokens=False, return_offsets_mapping=True)
    offsets = [(start - 1, end - 1) for start, end in encoding["offset_mapping"][1:]]
    start = text.index(part)
    weights = token_weights(text, offsets, [Span(start, start + len(part))])
    return "|".join(text[a:b] for (a, b), weight in zip(offsets, weights, strict=False) if weight)


@pytest.mark.parametrize("name", TOKENIZERS)
def test_wrong_indentation_is_penalised_on_its_own_line(data: Path, name: str) -> None:
    text = "def f(x):\n  y = 1\n    return y\n"
    first = "\n   " if name == "starcoder" else "   "

    assert focused(data, name, text, "    return y\n") == f"{first}| return| y|\n"


@pytest.mark.parametrize(
    ("name", "line_before"),
    [
        ("qwen2", "a| =| b|\n\n\n"),
        ("deepseek-coder", "a| =| b|\n"),
        ("starcoder", "a| =| b"),
        ("llama-spm", "a| =| b|\n"),
    ],
)
def test_blank_lines_end_the_line_before_them(data: Path, name: str, line_before: str) -> None:
    text = "a = b\n\n\n    c\nd\n"
    first = "\n\n\n   " if name == "starcoder" else "   "

    assert focused(data, name, text, "a = b\n") == line_before
    assert focused(data, name, text, "    c\n") == f"{first}| c|\n"


@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        ("qwen2", "\tb| =| x|\r\n"),
        ("deepseek-coder", "\t|b| =| x|\r|\n"),
        ("starcoder", "\t|b| =| x|\r|\n"),
        ("llama-spm", "\t|b| =| x|\r|\n"),
    ],
)
def test_tabs_and_crlf(data: Path, name: str, tokens: str) -> None:
    assert focused(data, name, "a = x\r\n\tb = x\r\nc = x\r\n", "\tb = x\r\n") == tokens


@pytest.mark.parametrize(("name", "parts"), [("qwen2", 1), ("deepseek-coder", 3), ("starcoder", 2), ("llama-spm", 4)])
def test_all_bytes_of_a_character_are_penalised(data: Path, name: str, parts: int) -> None:
    assert focused(data, name, "s = '√😀'\nt = 'ü'\n", "😀") == "|".join(["😀"] * parts)


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_sub_line_span_penalises_its_token_alone(data: Path, name: str) -> None:
    assert focused(data, name, "x = (a + b)\n", "+") == " +"


@pytest.mark.parametrize("name", TOKENIZERS)
def test_missing_lines_penalise_what_stands_there_instead(data: Path, name: str) -> None:
    tokenizer = real_tokenizer(data / "tokenizers" / name)
    text = "if x:\n    a = y\n    c = z\n"
    encoding = tokenizer("\n" + text, add_special_tokens=False, return_offsets_mapping=True)
    offsets = [(start - 1, end - 1) for start, end in encoding["offset_mapping"][1:]]
    place = text.index("    c")

    weights = token_weights(text, offsets, [Span(place, place)])

    first = "\n   " if name == "starcoder" else "   "
    assert [text[a:b] for (a, b), weight in zip(offsets, weights, strict=False) if weight] == [first, " c"]


@cache
def recorded_pairs(data: Path) -> list[tuple[str, str]]:
    """Every (failing version, final version) of 767 recorded debugging sessions, each once."""
    found: dict[tuple[str, str], None] = {}
    for _, session in read_recorded(str(data / "trajectories" / "llm_debugging.jsonl.gz")):
        if session.final is not None:
            found |= dict.fromkeys((attempt.code, session.final.code) for attempt in session.failures)
    return list(found)


def line_of(text: str, start: int, end: int) -> int:
    """The design's rule, word for word: the line of the first character that is no newline, else the line it ends."""
    first = next((place for place in range(start, end) if text[place] not in "\r\n"), start)
    return text.count("\n", 0, first)


def lines_of(text: str, spans: Sequence[Span]) -> set[int]:
    return {text.count("\n", 0, place) for span in spans for place in range(span.start, span.end)}


@pytest.mark.parametrize("name", TOKENIZERS)
def test_on_recorded_pairs_the_tokens_of_lines_that_differ_are_penalised_and_no_others(data: Path, name: str) -> None:
    backend = real_tokenizer(data / "tokenizers" / name).backend_tokenizer
    pairs = recorded_pairs(data)
    merged = wrong = 0
    for rejected, chosen in pairs:
        spans, _ = focus_spans(diff_lines(rejected, chosen), "keep")
        offsets = backend.encode(rejected, add_special_tokens=False).offsets
        lines = lines_of(rejected, spans)
        expected = [float(line_of(rejected, start, end) in lines) for start, end in offsets]
        wrong += token_weights(rejected, offsets, spans) != [*expected, 0.0]
        merged += any("\n" in rejected[start:end].rstrip("\r\n") for start, end in offsets)
    assert wrong == 0
    assert len(pairs) > 800
    # StarCoder's newlines open the next line in most programs; Llama's never do
    assert (merged > 400) is (name == "starcoder")


@pytest.mark.parametrize("name", TOKENIZERS)
def test_on_recorded_pairs_missing_code_ends_on_a_token_that_says_something(data: Path, name: str) -> None:
    backend = real_tokenizer(data / "tokenizers" / name).backend_tokenizer
    seen = 0
    for rejected, chosen in recorded_pairs(data):
        hunks = diff_lines(rejected, chosen)
        if not all(hunk.missing for hunk in hunks):
            continue
        seen += 1
        offsets = backend.encode(rejected, add_special_tokens=False).offsets
        for hunk in hunks:
            weights = token_weights(rejected, offsets, [Span(hunk.rejected_start, hunk.rejected_start)])
            on = [token for token, weight in enumerate(weights) if weight]
            assert on == list(range(on[0], on[-1] + 1))
            # before the first of them all has been said, and only the last is more than blanks
            assert on[0] == 0 or offsets[on[0] - 1][1] <= hunk.rejected_start
            texts = [rejected[max(hunk.rejected_start, a) : b].strip(" \t") for a, b in offsets[on[0] :][: len(on)]]
            assert not any(texts[: len(on) - 1])
            assert on[-1] == len(offsets) or texts[-1]
    assert seen > 20


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize("indent", ["    ", "\t", "  "])
def test_a_line_indented_wrongly_after_blank_lines_is_penalised_with_its_indentation(
    data: Path, name: str, indent: str
) -> None:
    chosen = f"def f(x):\n{indent}if x:\n{indent * 2}y = 1\n\n{indent}return y\n"
    rejected = chosen.replace(f"\n{indent}return", f"\n{indent * 2}return")
    spans, _ = focus_spans(diff_lines(rejected, chosen))
    offsets = real_tokenizer(data / "tokenizers" / name).backend_tokenizer.encode(rejected).offsets

    weights = token_weights(rejected, offsets, spans)

    penalised = [(start, end) for (start, end), weight in zip(offsets, weights, strict=False) if weight]
    text = rejected[penalised[0][0] : penalised[-1][1]]
    assert text.strip("\n") == f"{indent * 2}return y"
