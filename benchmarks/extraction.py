"""How well the program in an answer is found: here, and by the sanitizer of EvalPlus.

    python benchmarks/extraction.py DATA > benchmarks/results/extraction.txt

DATA is a folder with HumanEval+ and MBPP+ (humanevalplus/, mbppplus/) and real completions (samples_*/humaneval, mbpp).
The benchmarks' own solutions are dressed up as models answer, in each of a dozen manners; a program that was found well
still passes its base tests. EvalPlus is taken where it can be imported (evalplus==0.3.1).
"""

from __future__ import annotations

import argparse
import gzip
import importlib.metadata
import json
import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from iterpref.sandbox import Sandbox
from iterpref.sandbox.answers import answers
from iterpref.suites.base import Item, Suite, load_suite
from iterpref.suites.extract import program_in
from iterpref.suites.truth import established

Extract = Callable[[str, str], str]
Manner = Callable[[str, str], str]
SETS = {
    "humaneval+": ("humanevalplus/HumanEvalPlus.jsonl.gz", "samples_*/humaneval/generated.jsonl.gz"),
    "mbpp+": ("mbppplus/MbppPlus.jsonl.gz", "samples_*/mbpp/generated.jsonl.gz"),
}


def fenced(code: str, name: str) -> str:
    return f"Here's a solution that doesn't use any library:\n\n```python\n{code}\n```\n\nIt's `{name}` as you asked."


def unfenced(code: str, name: str) -> str:
    return f"Sure! Here's the function:\n\n{code}\n\nThis function isn't fast, but it's simple.\n"


def unclosed(code: str, name: str) -> str:
    return f"Let's write `{name}`:\n```python\n{code}\n"


def prefilled(code: str, name: str) -> str:
    return f"{code}\n```\n\nThe function doesn't change its arguments.\n"


def in_a_list(code: str, name: str) -> str:
    indented = "\n".join("   " + line if line.strip() else line for line in code.split("\n"))
    return f"1. First, the code:\n\n   ```python\n{indented}\n   ```\n\n2. That's all.\n"


def with_examples(code: str, name: str) -> str:
    return fenced(
        f"{code}\n\n# Examples\nprint({name}.__name__)\nassert {name} is None, 'an example that fails'\n", name
    )


def with_main(code: str, name: str) -> str:
    return fenced(
        f'{code}\n\ndef main():\n    print({name}(input()))\n\nif __name__ == "__main__":\n    main()\n', name
    )


def with_script(code: str, name: str) -> str:
    return fenced(f"{code}\n\nfor line in range(int(input())):\n    print({name}(input()))\n", name)


def decorated(code: str, name: str) -> str:
    return fenced(_before(code, name, "def as_it_is(function):\n    return function\n\n\n@as_it_is\n"), name)


def with_a_table(code: str, name: str) -> str:
    """The function needs a table that a function without ``return`` fills when the program starts."""
    fill = "READY = []\n\n\ndef fill():\n    READY.append(1)\n\n\nfill()\n\n\ndef ready():\n    return READY[0]\n\n\n"
    first = re.compile(rf"(?ms)^(def {name}\b.*?:[^\n]*\n)([ \t]+)")
    called = first.sub(r"\1\2ready()\n\2", code, count=1)
    return fenced(_before(called, name, fill), name)


def in_two_blocks(code: str, name: str) -> str:
    head, tail = _split(code, name)
    return f"First what's needed:\n```python\nimport os\n{head}\n```\nThen the function:\n```python\n{tail}\n```\n"


def with_output(code: str, name: str) -> str:
    return (
        fenced(code, name)
        + f"\n\nRunning it prints:\n```\n{name}: done\n```\nUse it like this:\n```python\n{name}\n```\n"
    )


def run_on(code: str, name: str) -> str:
    return f'{code}\n\n\ndef another(one, two):\n    """Another function that the model began\n    >>> another(1'


def begun_again(code: str, name: str) -> str:
    """A base model that goes on writes the head of the same function once more, and is cut off."""
    return (
        f'{code}\n\n\ndef {name}(*arguments):\n    """Do the same again."""\n\n\nclass Unfinished:\n    def method(self'
    )


MANNERS: tuple[Manner, ...] = (
    *(fenced, unfenced, unclosed, prefilled, in_a_list, with_examples, with_main, with_script, decorated),
    *(with_a_table, in_two_blocks, with_output, run_on, begun_again),
)


def _split(code: str, name: str) -> tuple[str, str]:
    """Before and from the entry point's own line."""
    found = re.search(rf"(?m)^def {name}\b", code)
    assert found, f"{name} is no function of its reference"
    return code[: found.start()], code[found.start() :]


def _before(code: str, name: str, text: str) -> str:
    head, tail = _split(code, name)
    return head + text + tail


def ours(answer: str, name: str) -> str:
    return program_in(answer, name)


def extractors() -> dict[str, Extract]:
    found = {"iterpref": ours}
    try:
        from evalplus.sanitize import sanitize
    except ImportError:
        print("evalplus is not installed")
    else:
        found["evalplus"] = sanitize
        print("evalplus", importlib.metadata.version("evalplus"))
    return found


def passing(box: Sandbox, jobs: list[tuple[Item, str]]) -> set[int]:
    """Which programs pass the base tests, by their place."""
    return {place for place, verdict in box.map((code, item.parts["base"]) for item, code in jobs) if verdict.passed}


def real(box: Sandbox, suite: Suite, path: Path, extract: dict[str, Extract]) -> None:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        texts = {row["task_id"]: row["completion"] for row in map(json.loads, file)}
    items = [item for item in suite.items if item.task.id in texts]
    print(f"\n{suite.name}: {len(items)} real completions; passing programs")
    print(f"  {'as they are':12s} {len(passing(box, [(item, texts[item.task.id]) for item in items])):5d}")
    for name, function in extract.items():
        started = time.process_time()
        programs = [(item, function(texts[item.task.id], item.task.entry_point)) for item in items]
        taken = time.process_time() - started
        print(f"  {name:12s} {len(passing(box, programs)):5d}   ({1000 * taken / len(items):.2f} ms each)")


def dressed(box: Sandbox, suite: Suite, extract: dict[str, Extract], every: int) -> None:
    items = suite.items[::every]
    items = [item for item in items if re.search(rf"(?m)^def {item.task.entry_point}\b", item.task.solution or "")]
    print(f"\n{suite.name}: {len(items)} solutions, dressed up; passing programs")
    print(f"  {'manner':14s}" + "".join(f"{name:>10s}" for name in extract))
    for manner in MANNERS:
        texts = [manner(item.task.solution or "", item.task.entry_point) for item in items]
        counts = []
        for function in extract.values():
            programs = [(item, function(text, item.task.entry_point)) for item, text in zip(items, texts, strict=True)]
            counts.append(len(passing(box, programs)))
        print(f"  {manner.__name__:14s}" + "".join(f"{count:10d}" for count in counts), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--every", type=int, default=4, help="dress up every n-th solution")
    options = parser.parse_args()
    extract = extractors()
    with Sandbox(workers=2) as box:
        for name, (path, samples) in SETS.items():
            suite = established(load_suite(name, str(options.data / path)), partial(answers, box))
            for found in sorted(options.data.glob(samples)):
                real(box, suite, found, extract)
            dressed(box, suite, extract, options.every)


if __name__ == "__main__":
    main()
