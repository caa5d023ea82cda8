"""Many inputs of one script: none of its runs finds anything of another, nor reaches the process that starts them."""

from __future__ import annotations

import pytest

from iterpref.sandbox import Sandbox
from iterpref.types import Case, Outcome, Tests, Verdict

ANSWER = "print(int(input()) + 1)\n"


def _slow(name: str) -> object:
    return pytest.param(name, marks=pytest.mark.slow)


def judge(box: Sandbox, program: str, inputs: int = 4, cpu_seconds: float = 5.0) -> Verdict:
    """Judge a script that ought to print its input plus one."""
    cases = tuple(Case(f"{i}\n", f"{i + 1}\n") for i in range(inputs))
    return box.judge(program, Tests("stdio", cases=cases, cpu_seconds=cpu_seconds, memory_mb=256))


def test_every_input_is_judged(box: Sandbox) -> None:
    verdict = judge(box, ANSWER, 50)
    assert (verdict.outcome, verdict.tests_passed, verdict.tests_total) == (Outcome.PASS, 50, 50)


def test_later_inputs_are_run_after_a_wrong_answer(box: Sandbox) -> None:
    verdict = judge(box, "n = int(input())\nprint(0 if n == 1 else n + 1)\n")
    assert (verdict.outcome, verdict.tests_passed, verdict.tests_total) == (Outcome.WRONG, 3, 4)
    assert "input\n1\n" in verdict.feedback


@pytest.mark.parametrize(
    ("program", "outcome", "passed"),
    [
        ("n = int(input())\nassert n != 2\nprint(n + 1)\n", Outcome.ERROR, 3),
        ("n = int(input())\nprint(n + 1, flush=True)\nif n == 2: raise SystemExit(3)\n", Outcome.ERROR, 3),
        ("import os\nn = int(input())\nprint(n + 1, flush=True)\nif n == 2: os.abort()\n", Outcome.ERROR, 3),
        ("n = int(input())\nwhile n == 2: pass\nprint(n + 1)\n", Outcome.TIMEOUT, 2),
        ("n = int(input())\nif n == 2: x = bytearray(1 << 30)\nprint(n + 1)\n", Outcome.MEMORY, 2),
        ("n = int(input())\nif n == 2: print('x' * (20 << 20))\nprint(n + 1)\n", Outcome.OUTPUT, 2),
        ("def f(:\n", Outcome.ERROR, 0),
    ],
)
def test_a_run_that_goes_wrong_is_told_as_if_it_were_alone(
    box: Sandbox, program: str, outcome: Outcome, passed: int
) -> None:
    verdict = judge(box, program, cpu_seconds=0.4)
    assert (verdict.outcome, verdict.tests_passed, verdict.tests_total) == (outcome, passed, 4)


def test_each_run_has_its_own_limit_of_time(box: Sandbox) -> None:
    program = "import time\nwhile time.process_time() < 0.25: pass\n" + ANSWER
    assert judge(box, program, 5, cpu_seconds=0.6).passed


def test_large_inputs_and_outputs_come_through(box: Sandbox) -> None:
    texts = [f"{i}" * 500_000 + "\n" for i in range(3)]
    tests = Tests("stdio", cases=tuple(Case(text, text) for text in texts))
    assert box.judge("import sys\nsys.stdout.write(sys.stdin.read())\n", tests).passed


# What one run may try for the next to find. Each prints its answer only where it finds nothing.
TRACES = {
    "a file in its folder": "import os\nassert os.listdir('.') == []\nopen('left', 'w').write('x')\n",
    "a file beside its folder": "import os\nassert not os.path.exists('../left')\nopen('../left', 'w').write('x')\n",
    "a folder that cannot be read": "import os\nos.makedirs('a/b')\nos.chmod('a', 0)\n",
    "its folder removed": "import os\nassert os.listdir('.') == []\nos.rmdir(os.getcwd())\n",
    "its folder forbidden": "import os\nos.chmod('/tmp', 0)\n",
    "its folder exchanged for a link": "import os\nos.rmdir('/tmp/work')\nos.symlink('/usr', '/tmp/work')\n",
    "a global": "import builtins\nassert not hasattr(builtins, 'left')\nbuiltins.left = 1\n",
    "a variable of the environment": "import os\nassert 'LEFT' not in os.environ\nos.environ['LEFT'] = 'x'\n",
    "a process": (
        "import os, time\n"
        "names = {open(f'/proc/{p}/comm').read() for p in os.listdir('/proc') if p.isdigit()}\n"
        "assert 'left\\n' not in names\n"
        "if os.fork() == 0:\n    os.setsid()\n    open('/proc/self/comm', 'w').write('left')\n    time.sleep(60)\n"
    ),
    "processes without number": (
        "import os, time\nfor _ in range(100):\n    if os.fork() == 0:\n        os.setsid()\n        time.sleep(60)\n"
    ),
    "a file system full": (
        "import os\nfor i in range(3):\n    with open(f'/tmp/{i}', 'wb') as file: file.write(bytes(20 << 20))\n"
    ),
}


@pytest.mark.parametrize("name", TRACES)
def test_a_run_leaves_nothing_to_the_next(box: Sandbox, name: str) -> None:
    verdict = judge(box, TRACES[name] + ANSWER)
    assert verdict.passed, verdict.feedback


# A program that prints wrong answers, and goes for the process that starts its runs: it must not come to pass.
REACHES = {
    "kills it": "os.kill(os.getppid(), 9)",
    "kills all": "os.kill(-1, 9)",
    "stops it": "os.kill(os.getppid(), signal.SIGSTOP)",
    "opens its files": "for fd in range(10): open(f'/proc/{os.getppid()}/fd/{fd}', 'r+b')",
    "writes its memory": "open(f'/proc/{os.getppid()}/mem', 'r+b')",
    "traces it": "assert ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == 0",
    "writes what it might tell": 'os.write(3, b\'{"value": [0, "", 0, 0, "1", ""]}\\n\' * 9)',
    "writes to every file": "for fd in range(256):\n    try: os.write(fd, b'1\\n')\n    except OSError: pass",
    "leaves a process that writes": "if os.fork() == 0:\n    time.sleep(0.1)\n    print(input())",
    "changes its limits": "import resource\nresource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))",
}


@pytest.mark.parametrize("name", [_slow(name) if name == "stops it" else name for name in REACHES])
def test_the_process_that_starts_the_runs_is_out_of_reach(box: Sandbox, name: str) -> None:
    program = "import ctypes, os, signal, sys, time\nn = int(input())\nif n == 1:\n    print(0, flush=True)\n"
    body = "\n".join(f"    {line}" for line in REACHES[name].splitlines())
    verdict = judge(box, f"{program}{body}\nelse:\n    print(n + 1)\n", cpu_seconds=0.3)
    assert verdict.failed or verdict.outcome is Outcome.TAMPER, verdict
    assert verdict.tests_passed < 4
    assert judge(box, ANSWER).passed


@pytest.mark.parametrize("name", ["kills it", "kills all", _slow("stops it")])
def test_a_right_program_that_signals_others_reaches_only_itself(box: Sandbox, name: str) -> None:
    program = f"import os, signal\ntry: {REACHES[name]}\nexcept ProcessLookupError: pass\n{ANSWER}"
    assert judge(box, program, 2, cpu_seconds=0.1).passed


def test_the_next_inputs_cannot_be_changed(box: Sandbox) -> None:
    """Standard input of a run is a copy of its own."""
    program = "import os\nn = int(input())\nos.lseek(0, 0, 0)\nos.write(0, b'7\\n7\\n7\\n7\\n7\\n')\nprint(n + 1)\n"
    assert judge(box, program).passed


def test_no_run_sees_an_expected_output(box: Sandbox) -> None:
    program = (
        "import gc, sys\nn = int(input())\nframe, seen = sys._getframe(), []\n"
        "while frame:\n    seen += [*frame.f_locals.values()]\n    frame = frame.f_back\n"
        "text = repr(seen) + repr([o for o in gc.get_objects() if type(o) in (dict, list, tuple)])\n"
        "print('seen' if 'expected ' + f'answer {n}' in text else f'expected answer {n}')\n"
    )
    cases = tuple(Case(f"{i}\n", f"expected answer {i}\n") for i in range(3))
    assert box.judge(program, Tests("stdio", cases=cases)).passed


@pytest.mark.parametrize("inputs", [1, 3])
def test_what_is_written_in_packets_is_read_to_its_end(box: Sandbox, inputs: int) -> None:
    program = (
        "import fcntl, os\nfcntl.fcntl(1, fcntl.F_SETFL, fcntl.fcntl(1, fcntl.F_GETFL) | os.O_DIRECT)\n"
        "os.write(1, b'%d\\n' % (int(input()) + 1))\nos.write(1, b'no answer\\n')\n"
    )
    verdict = judge(box, program, inputs)
    assert verdict.outcome is Outcome.WRONG
    assert "no answer" in verdict.feedback


def test_files_of_the_task_are_made_anew(box: Sandbox) -> None:
    program = "with open('data/n') as file: text = file.read()\nopen('data/n', 'w').write('9')\nprint(text)\n"
    tests = Tests("stdio", cases=(Case("", "7"), Case("", "7"), Case("", "7")), files={"data/n": "7"})
    assert box.judge(program, tests).passed


ENDINGS = {
    "output closed": "import sys\nprint(int(input()) + 1)\nsys.stdout.close()\n",
    "output in a with": "import sys\nwith sys.stdout as out:\n    out.write(str(int(input()) + 1))\n",
    "no output any more": "import sys\nprint(int(input()) + 1, flush=True)\nsys.stdout = None\n",
    "a file of its own": "out = open(1, 'w')\nout.write(str(int(input()) + 1))\n",
    "output wrapped": (
        "import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding='utf-8')\nprint(int(input()) + 1)\n"
    ),
    "bytes": "import sys\nsys.stdout.buffer.write(b'%d' % (int(sys.stdin.buffer.readline()) + 1))\n",
    "a mark at its start": "\ufeffprint(int(input()) + 1)\n",
    "os._exit": "import os, sys\nprint(int(input()) + 1)\nsys.stdout.flush()\nos._exit(0)\n",
    "exit function": "import atexit\natexit.register(lambda: print(int(input()) + 1))\n",
    "thread that is not joined": (
        "import threading, time\ndef work():\n    time.sleep(0.05)\n    print(int(input()) + 1)\n"
        "threading.Thread(target=work).start()\n"
    ),
    "thread with a large stack": (
        "import sys, threading\nsys.setrecursionlimit(10 ** 6)\nthreading.stack_size(1 << 26)\n"
        "def deep(n): return 0 if n == 0 else deep(n - 1)\ndef work(): print(int(input()) + 1 + deep(20000))\n"
        "thread = threading.Thread(target=work)\nthread.start()\nthread.join()\n"
    ),
    "pool": (
        "from multiprocessing import Pool\ndef g(x): return x + 1\nif __name__ == '__main__':\n"
        "    with Pool(2) as pool: print(pool.map(g, [int(input())])[0])\n"
    ),
    "memory map": "import mmap\nprint(int(mmap.mmap(0, 0, access=mmap.ACCESS_READ).read()) + 1)\n",
}


@pytest.mark.parametrize("inputs", [1, 2])
@pytest.mark.parametrize("name", ENDINGS)
def test_a_right_program_is_right_however_it_reads_prints_and_ends(box: Sandbox, name: str, inputs: int) -> None:
    verdict = judge(box, ENDINGS[name], inputs)
    assert verdict.passed, verdict.feedback
