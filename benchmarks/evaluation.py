"""What it costs to judge real completions on the whole of HumanEval+ and MBPP+, here and with evalplus.

    python benchmarks/evaluation.py DATA [--rounds 3] > benchmarks/results/evaluation.txt

DATA is a folder with HumanEval+ and MBPP+ (humanevalplus/, mbppplus/) and completions (samples_*/humaneval, mbpp). Each
contender is the command that a user gives, `iterpref eval` and `evalplus.evaluate`, with two workers, from its start
to the written results; both judge the same completions in turns (A B A B ...). The ground truth is established in a
round of its own before. A figure is the median over the rounds, a ratio the median of the rounds' ratios. CPU time is
that of the whole process tree. evalplus is taken from this interpreter's environment: install evalplus==0.3.1 and
iterpref in one of its own and run this script there.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.metadata
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from iterpref.suites.official import read_eval_results, read_samples

WORKERS = 2
SETS = {
    "humaneval+": ("humanevalplus/HumanEvalPlus.jsonl.gz", "humaneval", "HUMANEVAL_OVERRIDE_PATH"),
    "mbpp+": ("mbppplus/MbppPlus.jsonl.gz", "mbpp", "MBPP_OVERRIDE_PATH"),
}


@dataclass(frozen=True)
class Cost:
    cpu: float
    wall: float


def measure(command: Sequence[str], environment: dict[str, str]) -> Cost:
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - wall
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    return Cost(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall)


def verdicts(path: Path) -> dict[tuple[str, int], tuple[bool, bool]]:
    """Base, and base with plus: what counts."""
    return {
        (task, sample): (parts["base"] == "pass", parts["base"] == parts.get("plus", "pass") == "pass")
        for task, sample, _, parts in read_eval_results(path)
    }


def compare(name: str, data: Path, folder: Path, kept: Path | None, rounds: int) -> None:
    benchmark, dataset, variable = SETS[name]
    (source,) = data.glob(f"samples_*/{dataset}/generated.jsonl.gz")
    samples = folder / f"{dataset}.jsonl"
    samples.write_bytes(gzip.decompress(source.read_bytes()))
    run = folder / "run"
    written = {
        "iterpref": run / "eval" / f"{name}.samples_eval_results.json",
        "evalplus": folder / f"{dataset}_eval_results.json",
    }
    path = str(data / benchmark)
    commands = {
        "iterpref": [
            *(sys.executable, "-m", "iterpref", "eval", "--benchmark", name, "--path", path),
            *("--answers", str(samples), "--run", str(run), "--workers", str(WORKERS)),
        ],
        "evalplus": [
            *(sys.executable, "-m", "evalplus.evaluate", "--dataset", dataset),
            *("--samples", str(samples), "--parallel", str(WORKERS)),
        ],
    }
    environment = {**os.environ, variable: path, "XDG_CACHE_HOME": str(kept or folder / "cache")}
    print(f"\n{name}: {sum(1 for _ in read_samples(samples))} completions, {WORKERS} workers")
    costs: dict[str, list[Cost]] = {contender: [] for contender in commands}
    for number in range(1 if kept else 0, rounds + 1):
        for contender, command in commands.items():
            if contender == "iterpref":
                shutil.rmtree(run, ignore_errors=True)
            written[contender].unlink(missing_ok=True)
            cost = measure(command, environment)
            if number:
                costs[contender].append(cost)
            else:
                print(f"  {contender}: {cost.wall:.1f} s wall in the first round, which establishes the ground truth")
                sys.stdout.flush()
    for contender, measured in costs.items():
        cpu, wall = (statistics.median(getattr(cost, what) for cost in measured) for what in ("cpu", "wall"))
        print(f"  {contender:9s} {cpu:7.1f} s CPU {wall:7.1f} s wall")
    ratios = [
        statistics.median(
            getattr(theirs, what) / getattr(mine, what)
            for theirs, mine in zip(costs["evalplus"], costs["iterpref"], strict=True)
        )
        for what in ("cpu", "wall")
    ]
    print(f"  iterpref is {ratios[0]:.2f}x cheaper in CPU time, {ratios[1]:.2f}x faster")
    mine, theirs = verdicts(written["iterpref"]), verdicts(written["evalplus"])
    apart = sorted(key for key in mine if mine[key] != theirs[key])
    print(f"  samples judged {len(mine)}, with another verdict {len(apart)}")
    for task, sample in apart:
        print(f"    {task} ({sample}): base, plus here {mine[task, sample]}, evalplus {theirs[task, sample]}")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cache", type=Path, help="where the ground truths of an earlier run are (default: made anew)")
    parser.add_argument("--only", choices=SETS, default=None)
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    print(f"Python {platform.python_version()}, {cores} cores, evalplus {importlib.metadata.version('evalplus')}")
    print("load at the start: " + json.dumps([round(load, 1) for load in os.getloadavg()]))
    with tempfile.TemporaryDirectory() as folder:
        for name in [options.only] if options.only else SETS:
            compare(name, options.data.resolve(), Path(folder), options.cache, options.rounds)


if __name__ == "__main__":
    main()
