"""How fast focus is: spans for a data set of CodeFlow's size, and masks against the published way to make them.

    ITERPREF_TEST_DATA=... python benchmarks/focus.py [--pairs N] [--rounds N]

*Spans*: pairs as long as CodeFlow's, made from the recorded debugging of language models: a real pair of versions
between functions that stay the same. The released file holds 59,000 pairs in 312.9 MB, 5.3 kB with the prompt
(github.com/JieWu02/Target-DPO, data/dpo_59k.json); the two programs here have 3.9 kB together.
*Masks*: on the recorded pairs themselves, with the Qwen2 tokenizer, against our re-implementation of the algorithm in
the released code (scripts/diff_lib.py, get_line_masks): both sequences are decoded, every prefix that ends at a line is
encoded again, and difflib.ndiff compares the lines. Both sides are measured in turn in one process, by CPU time.
"""

from __future__ import annotations

import argparse
import difflib
import re
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from search_repair import data_folder

from iterpref.focus import diff_lines, focus_spans, token_weights
from iterpref.tasks import read_recorded

CHARACTERS = 1500  # of each program
Pair = tuple[str, str]  # y-, y+
Mask = list[bool]


def recorded_pairs() -> list[Pair]:
    """Every distinct (failing version, final version) of the recorded sessions, by their recorded verdicts."""
    found: dict[Pair, None] = {}
    for _, session in read_recorded(str(data_folder() / "trajectories" / "llm_debugging.jsonl.gz")):
        if session.final is not None:
            found |= dict.fromkeys((attempt.code, session.final.code) for attempt in session.failures)
    return list(found)


def long_pairs(pairs: list[Pair], count: int) -> Iterator[Pair]:
    """``count`` pairs of about CHARACTERS characters a program; D- has at most 20 lines (paper, section 3.1)."""
    rng = Random(0)
    short = [(rejected, chosen) for rejected, chosen in pairs if rejected.count("\n") <= 20]
    for _ in range(count):
        rejected, chosen = rng.choice(short)
        before, after = "", ""
        while len(before) + len(after) + len(rejected) < CHARACTERS:
            other = rng.choice(pairs)[1] + "\n\n"
            before, after = (before + other, after) if rng.random() < 0.5 else (before, after + other)
        yield f"{before}{rejected}\n\n{after}", f"{before}{chosen}\n\n{after}"


def spans_of_all(pairs: list[Pair], count: int) -> None:
    seconds, done, characters, spans = 0.0, 0, 0, 0
    stream = long_pairs(pairs, count)
    peaks = []
    while batch := [pair for _, pair in zip(range(500), stream, strict=False)]:
        began = time.process_time()
        for rejected, chosen in batch:
            of_rejected, _ = focus_spans(diff_lines(rejected, chosen))
            spans += len(of_rejected)
        seconds += time.process_time() - began
        done += len(batch)
        characters += sum(len(rejected) + len(chosen) for rejected, chosen in batch)
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(f"spans: {done:,} pairs, {characters / done:,.0f} characters a pair, {spans / done:.1f} spans a pair:")
    print(f"  {seconds:.1f} s of CPU on one core, {1e6 * seconds / done:.0f} us a pair")
    print(f"  peak memory after a tenth {peaks[len(peaks) // 10]:.0f} MB, at the end {peaks[-1]:.0f} MB")


def released_masks(rejected_ids: list[int], chosen_ids: list[int], tokenizer: Any) -> tuple[Mask, Mask]:
    """The released algorithm, written anew: masks of tokens on lines that differ."""
    end = re.escape(tokenizer.eos_token) + ".*$"
    rejected, chosen = (re.sub(end, "", tokenizer.decode(ids)) for ids in (rejected_ids, chosen_ids))
    masks = [False] * len(rejected_ids), [False] * len(chosen_ids)
    places = _line_places(rejected, tokenizer), _line_places(chosen, tokenizer)
    at = [0, 0]
    for line in difflib.ndiff(chosen.splitlines(), rejected.splitlines()):
        sides = {"  ": (0, 1), "+ ": (0,), "- ": (1,)}.get(line[:2], ())
        for side in sides:
            if len(sides) == 1:
                first, last = places[side][at[side]]
                masks[side][first:last] = [True] * (min(last, len(masks[side])) - first)
            at[side] += 1
    return masks


def _line_places(text: str, tokenizer: Any) -> list[tuple[int, int]]:
    places, end = [], 0
    for line in text.splitlines(keepends=True):
        start, end = end, end + len(line)
        places.append((len(tokenizer.encode(text[:start])), len(tokenizer.encode(text[:end]))))
    return places


def masks_against_released(pairs: list[Pair], rounds: int) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(data_folder() / "tokenizers" / "qwen2")
    texts = [text for pair in pairs for text in pair]

    def tokenize() -> list[Any]:
        return [tokenizer(text, add_special_tokens=False, return_offsets_mapping=True) for text in texts]

    encoded, tokenizing = timed(tokenize)
    ids = [each["input_ids"] for each in encoded]
    offsets = [each["offset_mapping"] for each in encoded]
    spans = [focus_spans(diff_lines(rejected, chosen)) for rejected, chosen in pairs]

    def ours() -> None:
        for number, (rejected, chosen) in enumerate(pairs):
            of_rejected, of_chosen = focus_spans(diff_lines(rejected, chosen))
            token_weights(rejected, offsets[2 * number], of_rejected)
            token_weights(chosen, offsets[2 * number + 1], of_chosen)

    def ours_from_spans() -> None:
        for number, (rejected, chosen) in enumerate(pairs):
            token_weights(rejected, offsets[2 * number], spans[number][0])
            token_weights(chosen, offsets[2 * number + 1], spans[number][1])

    def released() -> None:
        for number in range(len(pairs)):
            released_masks(ids[2 * number], ids[2 * number + 1], tokenizer)

    measured: dict[Callable[[], None], list[float]] = {released: [], ours: [], ours_from_spans: []}
    for _ in range(rounds):
        for run, seconds in measured.items():
            seconds.append(timed(run)[1])
    tokens = sum(map(len, ids)) / len(pairs)
    print(f"masks: {len(pairs):,} recorded pairs, {tokens:.0f} tokens a pair, Qwen2; {rounds} rounds in turn, medians:")
    print(f"  tokenising both programs once, with offsets: {1e6 * tokenizing / len(pairs):,.0f} us a pair")
    for name, run in (
        ("released algorithm (our re-implementation)", released),
        ("ours: difference, spans and both masks", ours),
        ("ours: both masks, spans given", ours_from_spans),
    ):
        ratio = statistics.median(a / b for a, b in zip(measured[released], measured[run], strict=True))
        median = statistics.median(measured[run])
        print(f"  {name}: {1e6 * median / len(pairs):,.0f} us a pair, {ratio:,.0f} x")


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    began = time.process_time()
    result = run()
    return result, time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--pairs", type=int, default=59_000, help="pairs for which spans are made")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions of each way to make masks")
    options = parser.parse_args()
    pairs = recorded_pairs()
    spans_of_all(pairs, options.pairs)
    masks_against_released(pairs, options.rounds)


if __name__ == "__main__":
    main()
