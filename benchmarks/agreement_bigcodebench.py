"""BigCodeBench: do our verdicts on real samples agree with the official ones?

    ITERPREF_TEST_DATA=... python benchmarks/agreement_bigcodebench.py [--workers 2] [--harness FILE] [--full]

Judges the 148 samples of Qwen2.5-Coder-1.5B on BigCodeBench-Hard (complete), whose official verdicts are recorded, and
the reference solutions of the 148 tasks, or with --full of all 1,140. Prints every disagreement and every reference
that fails, each with its cause. Run it with an interpreter that has the libraries of BigCodeBench's requirements
(docs/evaluation-libraries.md) and this repository on PYTHONPATH. Results: results/agreement_bigcodebench.txt.

    python benchmarks/agreement_bigcodebench.py --run-harness samples|references >> FILE

runs bigcodebench's own judge on the same texts, one JSON line each, which --harness then compares as well. It runs the
programs without a sandbox, some of them end processes: only in a throw-away container.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.metadata
import json
import os
import platform
import re
from collections import Counter
from pathlib import Path
from typing import Any

from iterpref.sandbox import Sandbox
from iterpref.suites.base import Item, Suite, load_suite
from iterpref.suites.bigcodebench import calibrated
from iterpref.suites.bigcodebench_official import read_eval_results
from iterpref.types import Outcome, Verdict

SAMPLES = "samples_qwen2.5-coder-1.5b/bigcodebench_hard/completion-sanitized-calibrated"
NETWORK = re.compile(
    r"URLError|gaierror|NameResolutionError|name resolution|Network is unreachable|ConnectionError|"
    r"Resource .{0,12}(punkt|stopwords|wordnet|vader_lexicon|averaged_perceptron)",
    re.DOTALL,
)
# What was found by hand where the message does not tell; used only where the verdicts do differ.
FOUND = {
    "BigCodeBench/417": "library: TensorFlow hung where the official verdicts were made; bigcodebench's own judge with "
    "the libraries of this machine passes it",
    "BigCodeBench/418": "library: as 417",
    "BigCodeBench/461": "load: the test wants the CPU time of a script of 50 ms to show in the process table",
    "BigCodeBench/1006": "network: the test downloads an archive",
    "BigCodeBench/1012": "network: the test downloads an archive",
    "BigCodeBench/1040": "network: the test connects to the program's server on localhost, which the sandbox forbids",
}
LIBRARIES = (
    *("numpy", "pandas", "scipy", "matplotlib", "scikit-learn", "seaborn", "statsmodels", "nltk", "requests", "flask"),
    *("beautifulsoup4", "lxml", "cryptography", "opencv-python-headless", "librosa", "geopandas", "gensim", "keras"),
    *("tensorflow-cpu", "Pillow", "openpyxl", "psutil", "wordcloud", "shapely", "pycryptodome", "python-docx"),
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--harness", type=Path)
    parser.add_argument("--run-harness", choices=("samples", "references"))
    parser.add_argument("--full", action="store_true", help="the references of all 1,140 tasks, v0.1.0")
    wanted = parser.parse_args()
    data = Path(os.environ["ITERPREF_TEST_DATA"])
    hard = load_suite("bigcodebench", str(data / "bigcodebench/bigcodebench_hard.json.gz"))
    recorded = official(data, hard)
    if wanted.run_harness:
        run_harness(hard, recorded, wanted.run_harness)
        return
    print(header(wanted.workers))
    with Sandbox(workers=wanted.workers) as box:
        print(f"sandbox: mode {box.isolation.mode}; {', '.join(box.protections)}\n")
        if wanted.full:
            full = load_suite("bigcodebench", str(data / "bigcodebench/BigCodeBench-v0.1.0.jsonl.gz"))
            references(box, full, {})
            return
        harness = read_harness(wanted.harness)
        references(box, hard, harness.get("references", {}))
        samples(box, hard, recorded, harness.get("samples", {}))


def official(data: Path, suite: Suite) -> dict[str, tuple[str, str]]:
    """By task, the recorded program (not calibrated) and its official status."""
    path = data / f"{SAMPLES}_hard_eval_results.json.gz"
    return {id: (program, parts["tests"]) for id, _, program, parts in read_eval_results(path, suite)}


def references(box: Sandbox, suite: Suite, harness: dict[str, str]) -> None:
    items = {item.task.id: item for item in suite.items}
    verdicts = judge(box, {id: (item, item.task.solution or "") for id, item in items.items()})
    passed = sum(verdict.passed for verdict in verdicts.values())
    print(
        f"reference solutions of BigCodeBench-{suite.options['subset'].capitalize()} {suite.version}: {passed} of "
        f"{len(verdicts)} pass on this machine ({100 * passed / len(verdicts):.1f} %)"
    )
    if harness:
        agreed = sum(verdicts[id].passed == (status == "pass") for id, status in harness.items())
        also = sum(status == "pass" for status in harness.values())
        print(f"bigcodebench's own judge, same libraries, no network: {also} pass; {agreed} of {len(harness)} agree")
    for id, verdict in verdicts.items():
        if not verdict.passed:
            beside = f"  (bigcodebench here: {harness[id]})" if id in harness else ""
            print(f"  {id}  {told(verdict)}: {cause(id, verdict)}{beside}")
        elif harness.get(id, "pass") != "pass":
            print(f"  {id}  passes  (bigcodebench here: {harness[id]})")
    print()


def samples(box: Sandbox, suite: Suite, recorded: dict[str, tuple[str, str]], harness: dict[str, str]) -> None:
    items = {item.task.id: item for item in suite.items}
    verdicts = judge(box, {id: (items[id], program) for id, (program, _) in recorded.items()})
    total = len(verdicts)
    counts = Counter(status for _, status in recorded.values())
    passed = sum(verdict.passed for verdict in verdicts.values())
    print(f"samples of Qwen2.5-Coder-1.5B on BigCodeBench-Hard, complete: {total}")
    print(f"  official  {dict(counts)}: pass@1 {100 * counts['pass'] / total:.2f}")
    print(f"  ours      {dict(Counter(v.outcome.value for v in verdicts.values()))}: pass@1 {100 * passed / total:.2f}")
    differ = [id for id, (_, status) in recorded.items() if (status == "pass") != verdicts[id].passed]
    print(f"  {total - len(differ)} of {total} agree on pass or not; {len(differ)} do not:")
    for id in differ:
        print(f"    {id}  official {recorded[id][1]}, ours {told(verdicts[id])}: {cause(id, verdicts[id])}")
    print("  what became of the official timeouts:")
    for id, (_, status) in recorded.items():
        if status == "timeout":
            print(f"    {id}  {told(verdicts[id])}: {cause(id, verdicts[id])}")
    if harness:
        same = sum((status == "pass") == verdicts[id].passed for id, status in harness.items())
        own = sum((status == "pass") == (recorded[id][1] == "pass") for id, status in harness.items())
        print(
            f"  bigcodebench's own judge, same libraries, no network: {same} of {len(harness)} agree with ours, {own} "
            "with the recorded verdicts"
        )
        for id, status in harness.items():
            if (status == "pass") != verdicts[id].passed:
                print(f"    {id}  bigcodebench here {status}, ours {told(verdicts[id])}: {cause(id, verdicts[id])}")
    slowest = sorted(verdicts.items(), key=lambda each: -each[1].cpu_seconds)[:3]
    print("  most CPU time: " + ", ".join(f"{id} {verdict.cpu_seconds:.1f} s" for id, verdict in slowest))


def judge(box: Sandbox, jobs: dict[str, tuple[Item, str]]) -> dict[str, Verdict]:
    ids = list(jobs)
    found = dict(box.map((program, item.parts["tests"]) for item, program in jobs.values()))
    return {id: found[number] for number, id in enumerate(ids)}


def told(verdict: Verdict) -> str:
    return f"{verdict.outcome.value} {verdict.error_type}".strip()


def cause(id: str, verdict: Verdict) -> str:
    if NETWORK.search(verdict.feedback):
        return "network"
    if id in FOUND:
        return FOUND[id]
    last = verdict.feedback.strip().rpartition("\n")[2]
    if verdict.outcome is Outcome.ERROR and verdict.error_type.startswith("SIG"):
        return "the program ends its own process, which the official harness takes for a timeout"
    return f"UNEXPLAINED: {last[:200]}"


def header(workers: int) -> str:
    versions = []
    for name in LIBRARIES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"no {name}")
    machine = f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, {workers} workers"
    return f"{machine}\n{'; '.join(versions)}"


def run_harness(suite: Suite, recorded: dict[str, tuple[str, str]], which: str) -> None:
    """bigcodebench's judge with its own limits (30 GiB, 240 s); one line a task."""
    from bigcodebench.eval import untrusted_check

    print(json.dumps({"of": which}), flush=True)
    for item in suite.items:
        text = calibrated(item, recorded[item.task.id][0]) if which == "samples" else item.task.solution
        code = item.parts["tests"].code
        status, _ = untrusted_check(text, code, item.task.entry_point, 30 * 1024, 30 * 1024, 10, 1, 20)
        print(json.dumps([item.task.id, status]), flush=True)


def read_harness(path: Path | None) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    current: dict[str, Any] = {}
    opened = gzip.open if path and path.suffix == ".gz" else open
    if path:
        with opened(path, "rt") as file:
            for line in file:
                if line.startswith('{"of"'):
                    current = found.setdefault(json.loads(line)["of"], {})
                elif line.startswith('["BigCodeBench/'):
                    id, status, *_ = json.loads(line)
                    current[id] = status
    return found


if __name__ == "__main__":
    main()
