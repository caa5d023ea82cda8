"""What holds where namespaces are forbidden, and where nothing is to be had. Both are forced on a machine that has all.

In a user namespace that allows no other below it the kernel refuses, as on a locked-down machine. A filter of system
calls that answers "no such call" stands for a kernel without Landlock.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import iterpref

pytestmark = pytest.mark.skipif(not shutil.which("unshare"), reason="unshare is not installed")

SOURCE = str(Path(iterpref.__file__).parent.parent)
NO_NAMESPACES = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$0" "$@"'

JUDGE = """
import json, struct, sys
sys.path.insert(0, sys.argv[1])
from iterpref.errors import InputError
from iterpref.sandbox import Sandbox, probe, seccomp, system
from iterpref.types import Tests
programs, landlock, unsafe = json.loads(sys.argv[2])
if not landlock:
    system.no_new_privileges()
    code = [(0x20, 0, 0, 0), (0x15, 0, 1, 444), (0x06, 0, 0, 0x50000 | 38), (0x06, 0, 0, 0x7FFF0000)]
    seccomp.install(seccomp.Filter(b"".join(struct.pack("=HBBI", *operation) for operation in code)))
found = probe()
told = {"mode": found.mode, "held": found.held, "absent": dict(found.absent), "remedy": found.remedy}
try:
    with Sandbox(workers=1, allow_unsafe_exec=unsafe) as box:
        tests = Tests("asserts", "assert f(1) == 2", cpu_seconds=0.2, memory_mb=256)
        verdicts = [box.judge(program, tests) for program in programs]
    told["verdicts"] = [(v.outcome.value, v.error_type, v.protections) for v in verdicts]
except InputError as error:
    told["error"] = str(error)
print(json.dumps(told))
"""
PROTECTIONS = ["files", "network", "processes", "memory", "kill", "syscalls"]


def judge(*bodies: str, landlock: bool = True, unsafe: bool = False) -> dict[str, Any]:
    """Judge functions f(x) of these bodies, which answer rightly if they get to their end."""
    programs = ["\n    ".join(["def f(x):", *body.splitlines(), "return x + 1"]) for body in bodies]
    arguments = json.dumps([programs, landlock, unsafe])
    command = ["unshare", "--map-root-user", "sh", "-c", NO_NAMESPACES, sys.executable, "-c", JUDGE, SOURCE, arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_restricted_mode_holds_every_protection() -> None:
    told = judge()
    assert (told["mode"], told["held"], told["absent"]) == ("restricted", PROTECTIONS, {})
    assert "sysctl -w user.max_user_namespaces" in told["remedy"]


def test_restricted_mode_judges_as_usual() -> None:
    told = judge(
        "pass",
        "x = 7",
        "while True: pass",
        "import os; os._exit(0)",
        "bytearray(1 << 30)",
        "import threading\nt = threading.Thread(target=print)\nt.start()\nt.join()",
        "import asyncio\nasyncio.run(asyncio.sleep(0))",
        "open('a', 'w').write('1')\nassert open('a').read() == '1'",
    )
    outcomes = [outcome for outcome, _, _ in told["verdicts"]]
    assert outcomes == ["pass", "wrong", "timeout", "error", "memory", "pass", "pass", "pass"]
    assert all(protections == PROTECTIONS for _, _, protections in told["verdicts"])


NEED_PROCESSES = [
    "import os\nif os.fork() == 0: os._exit(0)",
    "import subprocess\nsubprocess.run(['true'])",
    "import os\nos.system('true')",
    "import os\nos.posix_spawn('/bin/true', ['true'], {})",
    "import multiprocessing\nmultiprocessing.Queue()",
    "import multiprocessing\nmultiprocessing.Pool(2)",
    "import multiprocessing\nmultiprocessing.Process(target=print).start()",
    "import multiprocessing\nmultiprocessing.Value('i', x)",
    "from concurrent.futures import ProcessPoolExecutor\nProcessPoolExecutor(1).submit(abs, x).result()",
    "from multiprocessing import shared_memory\nshared_memory.SharedMemory(create=True, size=9)",
    "import asyncio\nasync def run(): await asyncio.create_subprocess_exec('true')\nasyncio.run(run())",
    "import pty\npty.fork()",
]


@pytest.mark.parametrize("caught", [False, True], ids=["raised", "caught"])
def test_program_that_needs_processes_is_unsupported_not_wrong(caught: bool) -> None:
    """Also where it catches what is raised, and then fails."""
    wrapped = ["try:\n " + body.replace("\n", "\n ") + "\nexcept Exception: x = 7" for body in NEED_PROCESSES]
    bodies = wrapped if caught else NEED_PROCESSES
    verdicts = judge(*bodies)["verdicts"]
    told = {body: outcome for body, (outcome, _, _) in zip(bodies, verdicts, strict=True)}
    assert told == dict.fromkeys(bodies, "unsupported")


def test_program_that_could_start_processes_but_does_not_is_judged() -> None:
    told = judge(
        "import multiprocessing\na, b = multiprocessing.Pipe()\na.send(x)\nassert b.recv() == x",
        "import multiprocessing\nmultiprocessing.RawValue('i', x)\nmultiprocessing.cpu_count()",
        "import subprocess, os\nx = 7",
    )
    assert [outcome for outcome, _, _ in told["verdicts"]] == ["pass", "pass", "wrong"]


ATTACKS = {
    "read a file of the caller": (f"open({str(Path(__file__))!r})", "PermissionError"),
    "list a folder of the caller": (f"import os\nos.listdir({str(Path(__file__).parent)!r})", "PermissionError"),
    "write outside its own folder": ("open('/tmp/iterpref-was-here', 'w')", "PermissionError"),
    "signal its parent": ("import os\nos.kill(os.getppid(), 0)", "PermissionError"),
    "signal every process": ("import os\nos.kill(-1, 0)", "PermissionError"),
    "limit its parent": ("import os, resource\nresource.prlimit(os.getppid(), 6, (9, 9))", "PermissionError"),
    "reach the network": ("import socket\nsocket.socket()", "PermissionError"),
    "reach a local socket": ("import socket\nsocket.socket(socket.AF_UNIX)", "PermissionError"),
    "see other processes": ("open('/proc/1/cmdline')", "PermissionError"),
    "outlive its server": ("import ctypes\nif ctypes.CDLL(None).prctl(1, 0): raise KeyError", "KeyError"),
}


def test_attacks_in_restricted_mode() -> None:
    told = judge(*(body for body, _ in ATTACKS.values()))
    for name, (_, expected), (outcome, error_type, _) in zip(ATTACKS, ATTACKS.values(), told["verdicts"], strict=True):
        assert (name, outcome, error_type) == (name, "error", expected)


def test_programs_of_restricted_mode_leave_nothing_to_the_next() -> None:
    told = judge("open('../left', 'w')\nopen('left', 'w')", "import os\nassert os.listdir('..') == ['work']")
    assert [outcome for outcome, _, _ in told["verdicts"]] == ["pass", "pass"]


ABANDONED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from iterpref.sandbox import Sandbox
print(Sandbox(workers=1).isolation.mode, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_caller_leaves_no_folder_in_restricted_mode(tmp_path: Path) -> None:
    command = ["unshare", "--map-root-user", "sh", "-c", NO_NAMESPACES, sys.executable, "-c", ABANDONED, SOURCE]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"TMPDIR": str(tmp_path)})
    assert done.stdout == "restricted\n"
    deadline = time.monotonic() + 30
    while list(tmp_path.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_with_nothing_it_refuses() -> None:
    told = judge("pass", landlock=False)
    assert told["mode"] == "unsafe"
    assert told["held"] == []
    assert "sysctl -w user.max_user_namespaces" in told["error"]
    assert "--allow-unsafe-exec" in told["error"]


def test_with_nothing_and_consent_no_protection_is_claimed() -> None:
    bodies = ("pass", "x = 7", "while True: pass", "import time; time.sleep(60)", "import os; os._exit(0)")
    told = judge(*bodies, landlock=False, unsafe=True)
    outcomes = ("pass", "wrong", "timeout", "timeout", "error")
    assert [(outcome, held) for outcome, _, held in told["verdicts"]] == [(outcome, []) for outcome in outcomes]
