"""Focus on real debugging: 767 recorded sessions of language models, under every policy.

    ITERPREF_TEST_DATA=... python benchmarks/focus_real.py RUN

Collects the sessions of examples/real_trajectories.yaml into the run folder RUN (every attempt is run again; a second
start reads what is there), then makes the pairs in memory under each policy and prints: the funnel, how many tokens
carry the penalty under each tokenizer, what share of the line focus running proves irrelevant, and how the two sets
that running gives compare: the differences that suffice (needed) and those that cannot be undone (necessary).
Programs that are run are remembered in RUN/ran.json. Results: docs/focus.md.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median
from typing import Any

from iterpref import pipeline
from iterpref.config import PairsConfig, Recipe, load_recipe
from iterpref.focus import token_weights
from iterpref.models import load_tokenizer
from iterpref.pairs import Runner, build_pairs
from iterpref.records import trajectories
from iterpref.report.numbers import funnel
from iterpref.sandbox import Sandbox
from iterpref.store import Drop, Run
from iterpref.types import Pair

RECIPE = Path(__file__).parent.parent / "examples" / "real_trajectories.yaml"
POLICIES: dict[str, dict[str, Any]] = {
    "lines, deletions keep (published)": {"deletions": "keep"},
    "lines, deletions junction": {},
    "lexemes": {"differ": "lexemes"},
    "tree": {"differ": "tree"},
    "verified": {"focus": "verified"},
    "verified, deletions keep": {"focus": "verified", "deletions": "keep"},
    "verified, deletions drop": {"focus": "verified", "deletions": "drop"},
    "verified, rewrites drop": {"focus": "verified", "rewrites": "drop"},
    "verified, rewrites weight": {"focus": "verified", "rewrites": "weight"},
    "verified, minimal y+": {"focus": "verified", "preferred": "minimal"},
}
Made = dict[str, Pair | Drop]


class Memory:
    """What was run, in a file of the run folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.answers: dict[str, bool] = json.loads(path.read_text()) if path.exists() else {}

    def remember(self, answers: Mapping[str, bool]) -> None:
        self.answers |= answers

    def save(self, run: Run) -> None:
        run.write_text(self._path.name, json.dumps(self.answers))


def made(run: Run, config: PairsConfig, tokenizers: Mapping[str, Any], runner: Runner) -> Made:
    first = next(iter(tokenizers.values()))
    return dict(
        build_pairs(
            trajectories(run),
            config,
            count_tokens=lambda text: len(first.encode(text, add_special_tokens=False).ids),
            runner=runner,
        )
    )


def pairs_of(records: Made) -> dict[str, Pair]:
    return {id: pair for id, pair in records.items() if isinstance(pair, Pair) and pair.rejected is not None}


def weights_of(pair: Pair, tokenizer: Any) -> list[float]:
    assert pair.rejected is not None
    offsets = tokenizer.encode(pair.rejected, add_special_tokens=False).offsets
    return token_weights(pair.rejected, offsets, pair.rejected_spans)


def tell_funnel(run: Run) -> None:
    found = funnel(run)
    print(f"\n## Collected\n\n{found.sources} sessions, {found.attempts} versions run, {found.solved} sessions solved")
    print("verdicts: " + ", ".join(f"{name} {count}" for name, count in found.outcomes.most_common()))


def tell_policies(all_made: Mapping[str, Made], tokenizers: Mapping[str, Any]) -> None:
    print("\n## Tokens of y- that carry the penalty (share of all tokens of y- with the end token; summed weight)\n")
    names = list(tokenizers)
    print(f"| policy | pairs | none | all | {' | '.join(names)} |\n|{' --- |' * (4 + len(names))}")
    for policy, records in all_made.items():
        pairs = pairs_of(records)
        cells, empty, whole = [], 0, 0
        for number, tokenizer in enumerate(tokenizers.values()):
            weights = [weights_of(pair, tokenizer) for pair in pairs.values()]
            total = sum(map(len, weights))
            on = sum(weight > 0 for each in weights for weight in each)
            mass = sum(map(sum, weights))
            cells.append(f"{on:,} ({on / total:.1%}{f'; weight {mass / total:.1%}' if round(mass) != on else ''})")
            if number == 0:
                empty = sum(not any(each) for each in weights)
                whole = sum(all(each[:-1]) for each in weights)
        print(f"| {policy} | {len(pairs)} | {empty} | {whole} | {' | '.join(cells)} |")


def tell_drops(all_made: Mapping[str, Made]) -> None:
    print("\n## What is left out, with the reason\n")
    for policy, records in all_made.items():
        dropped = Counter(item.reason for item in records.values() if isinstance(item, Drop))
        print(f"**{policy}**: " + "; ".join(f"{reason} {count}" for reason, count in dropped.most_common()))


def tell_irrelevant(lines: Made, verified: Made, tokenizers: Mapping[str, Any]) -> None:
    """Of what differs by lines, how much does running prove to be beside the point?"""
    of_lines, of_verified = pairs_of(lines), pairs_of(verified)
    both = [id for id in of_lines if id in of_verified]
    print(f"\n## Irrelevant by proof ({len(both)} pairs that the line focus and the verified one both keep)\n")
    for name, tokenizer in tokenizers.items():
        freed = focus = 0
        shares = []
        for id in both:
            before, after = (weights_of(pairs[id], tokenizer) for pairs in (of_lines, of_verified))
            on = sum(weight > 0 for weight in before)
            off = sum(a > 0 and not b > 0 for a, b in zip(before, after, strict=True))
            focus, freed = focus + on, freed + off
            shares += [off / on] if on else []
        some = sum(share > 0 for share in shares)
        print(
            f"{name}: {freed:,} of {focus:,} tokens ({freed / focus:.1%}); mean over pairs {fmean(shares):.1%}; "
            f"{some} pairs lose some"
        )
    runs = [int(pair.provenance["focus_runs"]) for pair in of_verified.values() if "focus_runs" in pair.provenance]
    complete = sum(bool(pair.provenance.get("focus_complete")) for pair in of_verified.values())
    print(f"runs a pair: median {median(runs):.0f}, mean {fmean(runs):.1f}, most {max(runs)}")
    print(f"searches that were complete: {complete} of {len(of_verified)}")
    reasons = Counter(span.reason for pair in of_verified.values() for span in pair.rejected_spans)
    print("spans of y-: " + ", ".join(f"{reason} {count}" for reason, count in reasons.most_common()))


def tell_converse(verified: Made) -> None:
    """The needed set (suffices for y-) against the necessary one (cannot be undone in y+)."""
    kinds: Counter[str] = Counter()
    for pair in pairs_of(verified).values():
        if "focus_necessary" not in pair.provenance:
            continue
        needed = {(s.start, s.end) for s in pair.rejected_spans if s.reason in ("changed", "missing")}
        necessary = {(start, end) for start, end in pair.provenance["focus_necessary"]}
        if needed == necessary:
            kinds["the same"] += 1
        elif not necessary:
            kinds["nothing is necessary alone"] += 1
        elif necessary < needed:
            kinds["necessary is part of needed"] += 1
        elif needed < necessary:
            kinds["needed is part of necessary"] += 1
        else:
            kinds["they cross"] += 1
    total = sum(kinds.values())
    print(f"\n## Needed and necessary differences ({total} pairs)\n")
    for kind, count in kinds.most_common():
        print(f"{kind}: {count} ({count / total:.1%})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("run", help="the run folder")
    recipe: Recipe = load_recipe(str(RECIPE), [f"run={parser.parse_args().run}"])
    tokenizers = {Path(name).name: load_tokenizer(name) for name in recipe.pairs.tokenizers}
    with pipeline.open_run(recipe) as run:
        pipeline.collect_stage(run, recipe)
        tell_funnel(run)
        all_made: dict[str, Made] = {}
        memory = Memory(run.path / "ran.json")
        with Sandbox() as box:
            for policy, settings in POLICIES.items():
                began = time.perf_counter()
                runner = Runner(box.map, memory.answers.get, memory.remember)
                all_made[policy] = made(run, replace(recipe.pairs, **settings), tokenizers, runner)
                memory.save(run)
                print(f"{policy}: {runner.runs} runs, {time.perf_counter() - began:.1f} s")
    tell_drops(all_made)
    tell_policies(all_made, tokenizers)
    tell_irrelevant(all_made["lines, deletions junction"], all_made["verified"], tokenizers)
    tell_converse(all_made["verified"])


if __name__ == "__main__":
    main()
