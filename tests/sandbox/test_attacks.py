"""What hostile and broken programs get: one attack a test, numbered as in docs/threat-model.md."""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from iterpref.sandbox import Sandbox
from iterpref.types import Case, Outcome, Tests, Verdict
from tests.sandbox.forgeries import FORGERIES, FORMS, GREEDY

OTHER_USER = """
import pickle, sys
from iterpref.sandbox import Sandbox
from tests.sandbox.restrict import forbid_namespaces
if sys.argv[1] == "restricted":
    forbid_namespaces()
with Sandbox(workers=1) as box:
    assert box.isolation.mode == sys.argv[1]
    while True:
        try:
            program, tests = pickle.load(sys.stdin.buffer)
        except EOFError:
            break
        pickle.dump(box.judge(program, tests), sys.stdout.buffer)
        sys.stdout.buffer.flush()
"""


class Elsewhere:
    """A sandbox in a process of another user or in another mode, with the system's interpreter."""

    def __init__(self, uid: int, mode: str) -> None:
        self.mode = mode
        user = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
        self.process = subprocess.Popen(
            [*user, "/usr/bin/python3", "-B", "-c", OTHER_USER, mode],
            cwd=Path(__file__).parent.parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def judge(self, program: str, tests: Tests) -> Verdict:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        pickle.dump((program, tests), self.process.stdin)
        self.process.stdin.flush()
        verdict = pickle.load(self.process.stdout)
        assert isinstance(verdict, Verdict)
        return verdict


Box = Sandbox | Elsewhere
NOBODY = 65534
ELSEWHERE = {
    "other user": (NOBODY, "full"),
    "restricted": (0, "restricted"),
    "restricted, other user": (NOBODY, "restricted"),
}


@pytest.fixture(
    scope="module", params=["own user", *(pytest.param(name, marks=pytest.mark.slow) for name in ELSEWHERE)]
)
def box(request: pytest.FixtureRequest, box: Sandbox) -> Iterator[Box]:
    """The sandbox as the present user, who is root in CI, and as an ordinary one; with namespaces and without."""
    if request.param == "own user":
        yield box
        return
    if os.geteuid() != 0 or not shutil.which("setpriv") or not os.path.exists("/usr/bin/python3"):
        pytest.skip("only root, with setpriv and an interpreter that all can read, can become somebody else")
    other = Elsewhere(*ELSEWHERE[request.param])
    yield other
    assert other.process.stdin is not None
    other.process.stdin.close()
    assert other.process.wait(60) == 0


def restricted(box: Box) -> bool:
    return (box.mode if isinstance(box, Elsewhere) else box.isolation.mode) == "restricted"


def denied(box: Box) -> str:
    """The error of a program that opens what it must not: it is not there, or it is forbidden."""
    return "PermissionError" if restricted(box) else "FileNotFoundError"


def assert_passed(box: Box, verdict: Verdict) -> None:
    """By a program that starts processes, which are not to be had without namespaces."""
    assert verdict.outcome is (Outcome.UNSUPPORTED if restricted(box) else Outcome.PASS), verdict


def judge(box: Box, program: str, cpu_seconds: float = 5.0, memory_mb: int = 256) -> Verdict:
    """Judge a program whose f(1) ought to be 2, and f(2) ought to be 3."""
    code = "assert f(1) == 2\nassert f(2) == 3"
    return box.judge(program, Tests("asserts", code, entry_point="f", cpu_seconds=cpu_seconds, memory_mb=memory_mb))


def function(*lines: str) -> str:
    """A function f with this body, which answers rightly if it gets to its end."""
    return "\n    ".join(["def f(x):", *lines, "return x + 1"]) + "\n"


def assert_error(verdict: Verdict, error_type: str) -> None:
    assert (verdict.outcome, verdict.error_type) == (Outcome.ERROR, error_type), verdict


def test_01_exit_at_import(box: Box) -> None:
    assert_error(judge(box, "import sys\nsys.exit(0)\n"), "SystemExit")


def test_02_system_exit_in_the_function(box: Box) -> None:
    assert_error(judge(box, function("raise SystemExit(0)")), "SystemExit")


def test_03_os_exit(box: Box) -> None:
    assert_error(judge(box, function("import os; os._exit(0)")), "SystemExit")


def test_04_exit_function_after_a_failure(box: Box) -> None:
    program = "import atexit, os\natexit.register(os._exit, 0)\ndef f(x):\n    return x\n"
    assert judge(box, program).outcome is Outcome.WRONG


def test_05_object_equal_to_anything(box: Box) -> None:
    assert judge(box, GREEDY + "def f(x):\n    return Greedy()\n").outcome is Outcome.TAMPER


def test_05_object_equal_to_anything_that_is_compared_outside(box: Box) -> None:
    tests = Tests("calls", cases=(Case((1,), 2),), entry_point="f")
    assert box.judge(GREEDY + "def f(x):\n    return Greedy()\n", tests).outcome is Outcome.TAMPER


@pytest.mark.parametrize("base", ["int", "list", "str"])
def test_06_plain_value_equal_to_anything(box: Box, base: str) -> None:
    program = GREEDY.replace("Greedy:", f"Greedy({base}):") + "def f(x):\n    return Greedy()\n"
    assert judge(box, program).outcome is Outcome.TAMPER


def test_07_expected_values_are_absent(box: Box) -> None:
    lines = [
        "import gc, sys",
        "frame = sys._getframe()",
        "seen = []",
        "while frame:",
        "    seen += [*frame.f_locals.values(), *frame.f_code.co_consts]",
        "    frame = frame.f_back",
        "seen = repr(seen + [o for o in gc.get_objects() if type(o) in (dict, list, tuple)])",
        "return ''.join(['expected', ' value']) in seen",
    ]
    code = "assert f(1) == 'expected value'\nassert f(2) is False"
    verdict = box.judge(function(*lines), Tests("asserts", code, entry_point="f"))
    assert (verdict.outcome, verdict.tests_passed) == (Outcome.WRONG, 1)


def test_08_frame_walk_writes_the_result_and_exits(box: Box) -> None:
    assert judge(box, FORGERIES["08 frame walk writes the result"]).outcome is Outcome.TAMPER


@pytest.mark.parametrize(
    "written",
    [
        '{"value": 2},{"value": 3}\\n',  # two records on a line
        '{"value":\\n2}\\n{"value":\\n3}\\n',  # two records on four
        '{"value": 2}\\n{"value": 3}\\n{"nonce": "0", "passed": 2, "total": 2}\\n',
        '{"value": 2}],[{"value": 3}\\n',
        '],"x"\\n',
    ],
)
@pytest.mark.parametrize("end", ["os._exit(0)", "return 0"])
def test_08_records_written_by_hand(box: Box, written: str, end: str) -> None:
    verdict = judge(box, function("import os", f"os.write(3, b'{written}')", end))
    assert verdict.failed or verdict.outcome is Outcome.TAMPER


@pytest.mark.parametrize("word", ["invalid", "unsupported"])
@pytest.mark.parametrize("form", ["asserts", "loop", "unittest", "calls"])
@pytest.mark.parametrize("end", ["os._exit(0)", "pass"])
def test_08_tests_said_to_be_at_fault(box: Box, word: str, form: str, end: str) -> None:
    """What a program says of its tests is no verdict that spares it."""
    program = f'import os\nos.write(3, b\'{{"{word}": "x"}}\\n\')\n{end}\ndef f(x):\n    return -7\n'
    verdict = box.judge(program, FORMS[form])
    assert verdict.failed or verdict.outcome is Outcome.TAMPER, verdict


@pytest.mark.parametrize("inputs", [1, 2])
@pytest.mark.parametrize("word", ["invalid", "unsupported"])
def test_08_inputs_said_to_be_at_fault(box: Box, word: str, inputs: int) -> None:
    program = f'import os\nos.write(3, b\'{{"{word}": "x"}}\\n\')\n'
    tests = Tests("stdio", cases=(Case("1\n", "2"),) * inputs)
    assert box.judge(program, tests).outcome is Outcome.TAMPER


@pytest.mark.parametrize("copies", [1, 2])
def test_08_small_record_of_many_parts(box: Box, copies: int) -> None:
    """It would fill the memory of the process that reads it."""
    program = (
        "import base64, os, zlib\n"
        "text = b'{\"value\": [[]' + b',[]' * (5 << 20) + b']}'\n"
        "line = b'{\"packed\": \"' + base64.b64encode(zlib.compress(text)) + b'\"}\\n'\n"
        f"for _ in range({copies}): os.write(3, line)\nos._exit(0)\n"
    )
    verdict = box.judge(program, FORMS["calls"])
    assert (verdict.outcome, verdict.tests_passed) == (Outcome.WRONG, 0)
    assert "cannot be read" in verdict.feedback


def test_08_brackets_in_a_text_are_no_parts(box: Box) -> None:
    tests = Tests("asserts", "assert len(f(1)) == 3000000", entry_point="f")
    assert box.judge("def f(x):\n    return '[' * 3000000\n", tests).passed


def test_08_records_without_end(box: Box) -> None:
    program = "import os\nfor _ in range(600): os.write(3, b'{\"value\":[]}\\n' * 4000)\nos._exit(0)\n"
    assert box.judge(program, FORMS["calls"]).outcome is Outcome.TAMPER


def test_09_printed_result(box: Box) -> None:
    program = 'print(\'{"nonce": "0", "passed": 2, "total": 2}\\n+\\n+\')\ndef f(x):\n    return x\n'
    assert judge(box, program).outcome is Outcome.WRONG


def test_10_bytes_written_to_every_descriptor(box: Box) -> None:
    writes = "for fd in range(3, 256):\n    try: os.write(fd, b'{\"passed\": 2}\\n')\n    except OSError: pass\n"
    assert judge(box, f"import os\n{writes}def f(x):\n    return x\n").outcome is Outcome.TAMPER


def test_11_patched_assertions(box: Box) -> None:
    verdict = box.judge(FORGERIES["11 patched assertEqual"], FORMS["unittest"])
    assert verdict.outcome is Outcome.TAMPER


def test_12_skipped_test(box: Box) -> None:
    verdict = box.judge(FORGERIES["12 SkipTest"], FORMS["unittest"])
    assert (verdict.outcome, verdict.tests_passed, verdict.tests_total) == (Outcome.ERROR, 0, 2)


def test_13_zero_tests(box: Box) -> None:
    assert box.judge("x = 1", Tests("asserts", "")).outcome is Outcome.INVALID


def test_14_replaced_test_cases(box: Box) -> None:
    assert box.judge(FORGERIES["14 replaces the tests' names"], FORMS["unittest"]).outcome is Outcome.TAMPER


def test_14_replaced_check(box: Box) -> None:
    program = """
import sys
def f(x):
    frame = sys._getframe(1)
    while frame:
        if "check" in frame.f_globals:
            frame.f_globals["check"] = None
        frame = frame.f_back
    return -7
"""
    assert box.judge(program, FORMS["check"]).outcome is Outcome.TAMPER


def test_15_poisoned_builtins(box: Box) -> None:
    assert judge(box, FORGERIES["15 poisoned builtins"]).outcome is Outcome.TAMPER


def test_15_poisoned_modules(box: Box) -> None:
    assert box.judge(FORGERIES["15 poisoned modules"], FORMS["unittest"]).outcome is Outcome.TAMPER


def test_06_set_that_is_asked_only_for_its_length(box: Box) -> None:
    program = (
        "import collections.abc\n"
        "class Sly(collections.abc.Set, collections.UserList):\n"
        "    def __len__(self): return 3\n    def __iter__(self): return iter(())\n"
        "def f(x):\n    return Sly()\n"
    )
    tests = Tests("asserts", "assert f(1) == {5, 6, 7}\nassert f(2) == {1, 2, 3}", entry_point="f")
    assert box.judge(program, tests).outcome is Outcome.TAMPER


@pytest.mark.parametrize("name", ["METADATA", "ValueError"])
def test_06_class_named_as_the_tests_name_something_else(box: Box, name: str) -> None:
    """It does not answer for its own equality, as a class that is tested does."""
    code = (
        "METADATA = {'author': 'x'}\n"
        "def check(candidate):\n    for x in (1, 2):\n        assert candidate(x) == x + 1\n"
        "    try: candidate(-1)\n    except ValueError: pass\n"
    )
    program = "class Sly:\n    def __eq__(self, other): return other < 1000\n"
    program += f"Sly.__name__ = {name!r}\ndef f(x):\n    return Sly()\n"
    assert box.judge(program, Tests("check", code, entry_point="f")).outcome is Outcome.TAMPER


def test_16_inputs_are_copies(box: Box) -> None:
    code = "def check(candidate):\n    assert candidate([2, 1]) == 1\n    assert candidate([2, 1]) == 1\n"
    program = "def f(x):\n    x.sort()\n    return x.pop(0)\n"
    assert box.judge(program, Tests("check", code, entry_point="f")).passed


def test_17_infinite_loop(box: Box) -> None:
    verdict = judge(box, function("while True: pass"), cpu_seconds=0.3)
    assert verdict.outcome is Outcome.TIMEOUT
    assert verdict.tests_total == 2


def test_18_loop_that_swallows_every_exception(box: Box) -> None:
    lines = ["while True:", "    try:", "        while True: pass", "    except BaseException: pass"]
    assert judge(box, function(*lines), cpu_seconds=0.3).outcome is Outcome.TIMEOUT


def test_19_signals_ignored(box: Box) -> None:
    lines = [
        "import signal",
        "for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:",
        "    signal.signal(number, signal.SIG_IGN)",
        "while True: pass",
    ]
    assert judge(box, function(*lines), cpu_seconds=0.3).outcome is Outcome.TIMEOUT


def test_20_regex_blow_up(box: Box) -> None:
    lines = ["import re", "re.match('(a+)+$', 'a' * 40 + 'b')"]
    assert judge(box, function(*lines), cpu_seconds=0.3).outcome is Outcome.TIMEOUT


def test_21_deadlock(box: Box) -> None:
    lines = ["import threading", "lock = threading.Lock()", "lock.acquire()", "lock.acquire()"]
    verdict = judge(box, function(*lines), cpu_seconds=0.05)
    assert verdict.outcome is Outcome.TIMEOUT
    assert verdict.cpu_seconds < 0.05


def test_22_endless_thread_after_a_correct_answer(box: Box) -> None:
    program = "import threading\ndef work():\n    while True: pass\nthreading.Thread(target=work).start()\n"
    verdict = judge(box, program + function())
    assert verdict.passed
    assert verdict.cpu_seconds < 4


def test_23_recursion_with_a_raised_limit(box: Box) -> None:
    program = (
        "import sys\nsys.setrecursionlimit(10 ** 9)\nclass A:\n    def __repr__(self):\n        return repr(self)\n"
    )
    verdict = judge(box, program + function("repr(A())"))
    assert verdict.outcome is Outcome.ERROR
    assert verdict.error_type in ("SIGSEGV", "RecursionError")  # up to Python 3.11, from 3.12


def test_24_segmentation_fault(box: Box) -> None:
    assert_error(judge(box, function("import ctypes; ctypes.string_at(0)")), "SIGSEGV")


def test_24_self_kill(box: Box) -> None:
    assert_error(judge(box, function("import os; os.kill(os.getpid(), 9)")), "SIGKILL")


def test_24_abort(box: Box) -> None:
    assert_error(judge(box, function("import os; os.abort()")), "SIGABRT")


def test_25_memory_bomb(box: Box) -> None:
    lines = ["hoard = []", "while True: hoard.append(bytes(1000000))"]
    assert judge(box, function(*lines)).outcome is Outcome.MEMORY


def test_26_memory_over_children(box: Box) -> None:
    lines = [
        "import os, time",
        "for _ in range(8):",
        "    if os.fork() == 0:",
        "        hoard = b'x' * (60 << 20)",
        "        break",
        "time.sleep(60)",
    ]
    verdict = judge(box, function(*lines))
    assert verdict.outcome is (Outcome.UNSUPPORTED if restricted(box) else Outcome.MEMORY)
    assert restricted(box) or "together" in verdict.feedback


def test_26_memory_shared_among_children(box: Box) -> None:
    lines = [
        "import mmap, os, time",
        "for _ in range(4):",
        "    memory = mmap.mmap(-1, 100 << 20)",
        "    if os.fork() == 0:",
        "        for _ in range(100): memory.write(b'x' * (1 << 20))",
        "        time.sleep(60)",
        "    memory.close()",
        "time.sleep(60)",
    ]
    assert judge(box, function(*lines)).outcome is (Outcome.UNSUPPORTED if restricted(box) else Outcome.MEMORY)


def test_26_memory_in_files_without_a_name(box: Box) -> None:
    assert_error(judge(box, function("import os", "os.memfd_create('hoard')")), "PermissionError")


def test_27_fork_bomb(box: Box) -> None:
    verdict = judge(box, function("import os", "while True: os.fork()"))
    if restricted(box):
        assert verdict.outcome is Outcome.UNSUPPORTED
    else:
        assert_error(verdict, "BlockingIOError")


def test_28_daemon_is_dead_at_the_verdict(box: Box) -> None:
    name = f"daemon{os.getpid()}"
    lines = [
        "import os, time",
        "read, write = os.pipe()",
        "if os.fork() == 0:",
        "    os.setsid()",
        "    if os.fork(): os._exit(0)",
        f"    open('/proc/self/comm', 'w').write('{name}')",
        "    os.write(write, b'.')",
        "    time.sleep(60)",
        "os.read(read, 1)",
    ]
    assert_passed(box, judge(box, function(*lines)))
    assert name not in process_names()


def process_names() -> set[str]:
    names = set()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):  # it may have ended
            names.add((entry / "comm").read_text().strip())
    return names


def test_29_kill_all(box: Box) -> None:
    lines = ["import os", "try: os.kill(-1, 9)", "except (ProcessLookupError, PermissionError): pass"]
    assert judge(box, function(*lines)).passed


def test_29_kill_parent(box: Box) -> None:
    lines = ["import os", "try: os.kill(os.getppid(), 9)", "except PermissionError: pass"]
    assert judge(box, function(*lines)).passed
    assert judge(box, function()).passed


@pytest.mark.parametrize("whose", ["os.PRIO_PROCESS, 1", "os.PRIO_PROCESS, os.getppid()", "os.PRIO_USER, 0"])
def test_29_priority_of_others(box: Box, whose: str) -> None:
    """The next program would be as slow."""
    assert_error(judge(box, function("import os", f"os.setpriority({whose}, 7)")), "PermissionError")
    assert judge(
        box, function("import os", f"assert os.getpriority(os.PRIO_PROCESS, 0) == {os.getpriority(os.PRIO_PROCESS, 0)}")
    ).passed


def test_29_kill_parent_by_the_signal_of_a_file(box: Box) -> None:
    lines = [
        "import fcntl, os, socket",
        "ours, theirs = socket.socketpair()",
        "try: fcntl.fcntl(ours, fcntl.F_SETOWN, os.getppid())",
        "except PermissionError: pass",
        "fcntl.fcntl(ours, 10, 9)",  # F_SETSIG
        "fcntl.fcntl(ours, fcntl.F_SETFL, os.O_ASYNC)",
        "theirs.send(b'x')",
    ]
    assert judge(box, function(*lines)).passed
    assert judge(box, function()).passed


def test_30_memory_of_the_parent_process(box: Box) -> None:
    verdict = judge(box, function("import os; open(f'/proc/{os.getppid()}/mem', 'r+b')"))
    assert_error(verdict, denied(box))


def test_31_a_megabyte_of_output(box: Box) -> None:
    assert judge(box, "print('x' * 10 ** 6)\n" + function()).passed


def test_32_output_flood(box: Box) -> None:
    lines = ["import sys", "for _ in range(300): sys.stderr.write('x' * 10 ** 6)"]
    assert judge(box, function(*lines)).outcome is Outcome.OUTPUT


def test_33_standard_descriptors_closed(box: Box) -> None:
    assert judge(box, "import os\nfor fd in range(3): os.close(fd)\n" + function()).passed


def test_34_hostile_message(box: Box) -> None:
    program = "class E(Exception):\n    def __str__(self):\n        raise SystemExit\n    __repr__ = __str__\n"
    assert_error(judge(box, program + function("raise E")), "E")


def test_34_message_of_ten_megabytes(box: Box) -> None:
    verdict = judge(box, function("raise ValueError('x' * 10 ** 7)"))
    assert_error(verdict, "ValueError")
    assert len(verdict.feedback) < 2100


def test_35_input(box: Box) -> None:
    assert_error(judge(box, function("input()")), "EOFError")


def test_36_disk_fill(box: Box) -> None:
    if restricted(box):
        pytest.skip("without a file system of its own a program can fill the disk, as is documented")
    lines = ["for i in range(100): open(str(i), 'wb').write(bytes(10 ** 7))"]
    assert_error(judge(box, function(*lines)), "OSError")


def test_36_inode_fill(box: Box) -> None:
    if restricted(box):
        pytest.skip("without a file system of its own a program can fill the disk, as is documented")
    assert_error(judge(box, function("for i in range(10 ** 5): open(str(i), 'w').close()")), "OSError")


def test_37_no_residue_for_the_next_program(box: Box) -> None:
    lines = ["import os", "os.environ['LEFT'] = 'x'", "for path in ('left', '../left'): open(path, 'w').close()"]
    assert judge(box, function(*lines)).passed
    lines = [
        "import os",
        "assert 'LEFT' not in os.environ",
        "import sys",
        "shown = {path.split('/')[2] for path in (sys.prefix, sys.base_prefix) if path.startswith('/tmp/')}",
        "assert set(os.listdir('..')) == {'work'} | shown, os.listdir('..')",  # the interpreter may live there
    ]
    assert judge(box, function(*lines, "assert os.listdir('.') == []")).passed


def test_38_shadow_file(box: Box) -> None:
    assert_error(judge(box, function("open('/etc/shadow')")), denied(box))


def test_38_files_of_the_caller(box: Box, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret")
    assert_error(judge(box, function(f"open({str(tmp_path / 'key')!r})")), denied(box))


def test_38_no_program_or_test_in_the_server_memory(box: Box) -> None:
    """The fork server hands a child nothing of what it ran before."""
    assert judge(box, "MARK = 'before' + 'hand'\n" + function()).passed
    lines = ["import gc", "mark = 'before' + str('hand')", "found = [o for o in gc.get_objects() if type(o) is dict]"]
    assert judge(box, function(*lines, "assert not any(d.get('MARK') == mark for d in found)")).passed


LEFT_IN_TMP = {
    "a file": ["open(f'{home}/left', 'w').write('x')"],
    "a file that nothing shows": ["open(f'{home}/.left', 'w').write('x')"],
    "a file in the program's folder": ["open('left', 'w').write('x')"],
    "a folder": ["os.makedirs(f'{home}/a/b')"],
    "a link": ["os.symlink('/usr', f'{home}/left')"],
    "shared memory": ["open('/dev/shm/left', 'w').write('x')"],
    "a file in place of the program's folder": [
        "os.chdir('/')",
        "os.rmdir(f'{home}/work')",
        "open(f'{home}/work', 'w').close()",
    ],
    "no folder": ["os.chdir('/')", "os.rmdir(f'{home}/work')"],
    "a mode": ["os.chmod(home, 0o1711)"],
    "a time": ["os.utime(home, (1234567890, 1234567890))"],
    "an attribute": ["os.setxattr(home, 'user.left', b'x')"],
    "a flag": ["import fcntl", "fcntl.ioctl(os.open(home, os.O_RDONLY), 0x40086602, (0x40).to_bytes(8, 'little'))"],
    "a lock": ["import fcntl", "fcntl.flock(os.open(home, os.O_RDONLY), fcntl.LOCK_EX)", "os.kill(os.getpid(), 9)"],
}
LOOK = """
status = os.stat(home)
assert os.listdir(home) == ['work'], os.listdir(home)
assert os.listdir('.') == [] and os.getcwd() == home + '/work'
assert status.st_mode & 0o7777 == 0o755, oct(status.st_mode)
assert min(status.st_atime, status.st_mtime) > 1600000000, status
assert os.listxattr(home) == [], os.listxattr(home)
flags = bytearray(8)
try:
    fcntl.ioctl(os.open(home, os.O_RDONLY), 0x80086601, flags)
except OSError:
    pass
assert not flags[0] & 0x40
"""


@pytest.mark.parametrize("left", LEFT_IN_TMP)
def test_38_nothing_of_what_a_program_left_in_tmp(box: Box, left: str) -> None:
    if _interpreter_below_tmp():
        pytest.skip("the interpreter is shown in /tmp, where it lies")
    home = ["import os", "home = os.environ['HOME']"]
    judge(box, function(*home, *LEFT_IN_TMP[left]))
    verdict = judge(box, function(*home, "import fcntl", *LOOK.strip().splitlines()))
    assert verdict.passed, verdict.feedback


def _interpreter_below_tmp() -> bool:
    return any(path.startswith("/tmp/") for path in (sys.prefix, sys.base_prefix))


def test_38_environment_of_the_caller(monkeypatch: pytest.MonkeyPatch, box: Box) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    known = {"PATH", "HOME", "LANG", "TMPDIR", "MPLBACKEND"}
    known |= {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}
    lines = ["import os", f"assert set(os.environ) == {known!r}, os.environ"]
    with Sandbox(workers=1) as fresh:
        assert judge(fresh, function(*lines)).passed


def test_38_no_file_of_the_root_is_writable(box: Box) -> None:
    for path in ("/x", "/usr/x", "/etc/passwd", "/dev/x"):
        error = "PermissionError" if restricted(box) else "OSError"
        assert_error(judge(box, function(f"open({path!r}, 'w')")), error)


def test_38_no_privilege(box: Box) -> None:
    if restricted(box):  # where it cannot read of itself
        lines = ["import os", "assert os.getuid() != 0 and os.getgroups() == [], os.getgroups()", "os.chroot('.')"]
        assert_error(judge(box, function(*lines)), "PermissionError")
        return
    lines = [
        "import os",
        "status = dict(line.split(':', 1) for line in open('/proc/self/status'))",
        "assert os.getuid() != 0 and os.getgroups() == [], os.getgroups()",
        "assert all(int(status[key], 16) == 0 for key in ('CapPrm', 'CapEff', 'CapBnd', 'CapInh', 'CapAmb')), status",
        "assert int(status['NoNewPrivs']) == 1",
    ]
    verdict = judge(box, function(*lines))
    assert verdict.passed, verdict.feedback


def test_38_no_user_namespace_of_its_own(box: Box) -> None:
    lines = ["import ctypes", "assert ctypes.CDLL(None).unshare(0x10000000) == -1"]
    assert judge(box, function(*lines)).passed


def test_39_loopback(box: Box) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        lines = ["import socket", f"socket.create_connection({server.getsockname()!r}, 2)"]
        assert_error(judge(box, function(*lines)), "PermissionError" if restricted(box) else "OSError")


def test_39_names(box: Box) -> None:
    assert_error(judge(box, function("import socket; socket.gethostbyname('example.org')")), "gaierror")


def test_39_abstract_socket(box: Box) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0iterpref{os.getpid()}")
        server.listen()
        lines = ["import socket", f"socket.socket(socket.AF_UNIX).connect({server.getsockname()!r})"]
        error = "PermissionError" if restricted(box) else "ConnectionRefusedError"
        assert_error(judge(box, function(*lines)), error)


@pytest.mark.parametrize("make", ["os.symlink('/etc/passwd', 'out')", "os.mkfifo('out')"])
def test_40_links_and_pipes_among_the_files(box: Box, make: str) -> None:
    """Nothing that a program leaves is read."""
    assert judge(box, function("import os", f"os.path.lexists('out') or {make}")).passed


@pytest.mark.parametrize(
    "value",
    [
        "10 ** 5000",
        "float('nan')",
        "float('inf')",
        "'\\ud800\\0'",
        "b'\\xff'",
        "{2 ** 61 - 1: {1j: frozenset([None])}}",
        "{i * (2 ** 61 - 1) for i in range(3000)}",
        "[1] * 10 ** 6",
        "'x' * 10 ** 7",
    ],
)
def test_41_odd_values_are_wrong_ones(box: Box, value: str) -> None:
    program = f"def f(x):\n    return {value}\n"
    assert judge(box, program).outcome is Outcome.WRONG
    assert box.judge(program, FORMS["calls"]).outcome is Outcome.WRONG
    assert judge(box, function()).passed


@pytest.mark.parametrize("depth", [500, 100_000])
def test_41_deep_value(box: Box, depth: int) -> None:
    program = f"def f(x):\n    y = []\n    for _ in range({depth}):\n        y = [y]\n    return y\n"
    assert judge(box, program, cpu_seconds=2).failed
    assert box.judge(program, FORMS["calls"]).outcome is Outcome.WRONG


def test_41_deep_text_on_the_result_channel(box: Box) -> None:
    lines = ["import os", "os.write(3, b'[' * 10 ** 6 + b'\\n')", "return -7"]
    assert judge(box, function(*lines)).outcome is Outcome.TAMPER


def test_41_null_bytes_in_the_program(box: Box) -> None:
    assert_error(judge(box, "x = 1\0"), "SyntaxError")


def test_41_lone_surrogate_in_the_program(box: Box) -> None:
    assert_error(judge(box, "x = '\ud800'"), "SyntaxError")


def test_41_feedback_can_be_stored(box: Box) -> None:
    verdict = judge(box, function("raise ValueError('\\ud800\\0')"))
    assert verdict.feedback.encode()
    assert "\0" not in verdict.feedback


def test_42_syntax_error(box: Box) -> None:
    verdict = judge(box, "def f(x:\n")
    assert_error(verdict, "SyntaxError")
    assert 'File "program.py", line 1' in verdict.feedback


def test_42_a_hundred_thousand_parentheses(box: Box) -> None:
    verdict = judge(box, "x = " + "(" * 10**5 + ")" * 10**5)
    assert_error(verdict, "SyntaxError")
    assert len(verdict.feedback) < 2100


def test_42_a_hundred_thousand_signs(box: Box) -> None:
    assert judge(box, "x = " + "-" * 10**5 + "1\n").outcome is Outcome.ERROR


def test_43_correct_program_on_a_busy_machine() -> None:
    """Eight at a time on each worker's core: CPU time is what is limited."""
    program = function("import time", "end = time.process_time() + 0.1", "while time.process_time() < end: pass")
    tests = Tests("asserts", "assert f(1) == 2\nassert f(2) == 3", cpu_seconds=0.5)
    with Sandbox(workers=8) as crowded, ThreadPoolExecutor(8) as pool:
        assert all(verdict.passed for verdict in pool.map(lambda _: crowded.judge(program, tests), range(8)))


def test_44_jail_that_fails_to_start_is_no_label(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(workers=1) as fresh:
        for server in list(fresh._pool.servers):
            os.kill(server.pid, 9)
        monkeypatch.setattr("iterpref.sandbox.worker.sys.executable", "/bin/false")
        assert fresh.judge("x = 1", Tests("asserts", "assert x == 1")).outcome is Outcome.INFRA


def test_a_fork_that_runs_on_has_no_say(box: Box) -> None:
    assert_passed(box, judge(box, "import os\nos.fork()\n" + function()))


def test_a_failure_before_a_timeout_decides(box: Box) -> None:
    program = "def f(x):\n    while x == 2: pass\n    return 0\n"
    assert judge(box, program, cpu_seconds=0.3).outcome is Outcome.WRONG


def test_addresses_are_left_out(box: Box) -> None:
    verdict = judge(box, "def f(x):\n    return object()\n")
    assert verdict.outcome is Outcome.WRONG
    assert "0x" not in verdict.feedback


def test_time_is_reported(box: Box) -> None:
    started = time.perf_counter()
    verdict = judge(box, function("sum(range(10 ** 6))"))
    assert verdict.cpu_seconds > 0
    assert verdict.wall_seconds <= time.perf_counter() - started
