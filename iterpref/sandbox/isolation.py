"""Which protections hold on this machine, found by trying, and what to do about those that do not."""

from __future__ import annotations

import os
import secrets
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from iterpref.types import Outcome, Tests

if TYPE_CHECKING:
    from iterpref.sandbox.box import Sandbox

__all__ = ["Isolation", "canaries", "remedy"]


@dataclass(frozen=True)
class Isolation:
    """What the start-up canaries found.

    ``mode`` is "full" (namespaces), "restricted" (Landlock and a filter of system calls: programs that start processes
    are unsupported) or "unsafe" (nothing: programs run only with ``allow_unsafe_exec``). ``absent`` maps each missing
    protection to a sentence that says what to do; ``remedy`` is one on how to come to mode "full".
    """

    mode: str
    held: tuple[str, ...] = ()
    absent: Mapping[str, str] = field(default_factory=dict)
    remedy: str = ""


def remedy(fault: str) -> str:
    """One sentence for a machine whose kernel refused to isolate with ``fault``."""
    consent = "or pass --allow-unsafe-exec (allow_unsafe_exec=True) to run them with your own rights"
    return f"Programs cannot be isolated on this machine ({fault}): {way_out(fault)}, {consent}."


def way_out(fault: str) -> str:
    """What to change so that namespaces can be had."""
    if not sys.platform.startswith("linux"):
        return "run iterpref in a Linux container or virtual machine"
    if _setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1":
        return "allow user namespaces with `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0` (AppArmor)"
    if _setting("/proc/sys/kernel/unprivileged_userns_clone") == "0":
        return "allow user namespaces with `sudo sysctl -w kernel.unprivileged_userns_clone=1`"
    if _setting("/proc/sys/user/max_user_namespaces") == "0":
        return "allow user namespaces with `sudo sysctl -w user.max_user_namespaces=10000`"
    if "mount_setattr" in fault:
        return "use Linux 5.14 or newer"
    if "ended" in fault:
        return f"check that an unprivileged user can read the interpreter {sys.executable}"
    options = "--security-opt seccomp=unconfined --security-opt apparmor=unconfined"
    return f"if this is a container, start it with `{options}`"


def _setting(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def canaries(box: Sandbox, mode: str, faults: str) -> Isolation:
    """Run programs that try to break out of ``box``, one for each protection; ``faults``: of the stronger modes."""
    trials: dict[str, Callable[[Sandbox], bool]] = {
        "files": _files_hidden,
        "network": _network_closed,
        "processes": _processes_hidden,
        "memory": _memory_limited,
        "kill": _daemons_killed,
        "syscalls": _calls_filtered,
    }
    held = tuple(name for name, trial in trials.items() if trial(box))
    absent = {name: _ABSENT[name] for name in trials if name not in held}
    way = f"No namespaces ({faults}), so programs that start processes are unsupported: {way_out(faults)}."
    return Isolation(mode, held, absent, "" if mode == "full" else way)


_ABSENT = {
    "files": "Programs can read your files: run iterpref as a user who has none worth reading.",
    "network": "Programs can reach the network: run iterpref where there is none, e.g. `unshare -n`.",
    "processes": "Programs can see and signal your processes: run iterpref as a user of its own.",
    "memory": "Programs can fill the memory: set a limit around iterpref, e.g. `systemd-run -p MemoryMax=8G`.",
    "kill": "Programs can leave processes behind: run iterpref in a container that is thrown away.",
    "syscalls": "Programs can make every system call: use x86-64 or arm64 and a kernel with seccomp filters.",
}


def _holds(box: Sandbox, program: str, *expected: Outcome) -> bool:
    tests = Tests(kind="asserts", code="assert isolated()", entry_point="isolated", memory_mb=256)
    return box.judge(program, tests).outcome in (expected or (Outcome.PASS,))


def _files_hidden(box: Sandbox) -> bool:
    with tempfile.NamedTemporaryFile() as file:
        os.chmod(file.name, 0o644)
        program = f"""
def isolated():
    try:
        open({file.name!r})
    except OSError:
        return True
"""
        return _holds(box, program)


def _network_closed(box: Sandbox) -> bool:
    with socket.create_server(("127.0.0.1", 0)) as server:
        program = f"""
import socket
def isolated():
    try:
        socket.create_connection({server.getsockname()!r}, 1)
    except OSError:
        return True
"""
        return _holds(box, program)


def _processes_hidden(box: Sandbox) -> bool:
    program = f"""
import os
def isolated():
    try:
        os.kill({os.getpid()}, 0)
    except (ProcessLookupError, PermissionError):
        return True
"""
    return _holds(box, program)


def _memory_limited(box: Sandbox) -> bool:
    return _holds(box, "def isolated(): return bytearray(1 << 30)", Outcome.MEMORY)


def _daemons_killed(box: Sandbox) -> bool:
    name = f"it{secrets.token_hex(5)}"
    program = f"""
import os, time
def isolated():
    ready, told = os.pipe()
    if os.fork() == 0:
        os.setsid()
        with open("/proc/self/comm", "w") as file:
            file.write({name!r})
        os.write(told, b".")
        time.sleep(20)
        os._exit(0)
    return os.read(ready, 1) == b"."
"""
    return _holds(box, program, Outcome.PASS, Outcome.UNSUPPORTED) and name not in _process_names()


def _calls_filtered(box: Sandbox) -> bool:
    return _holds(box, "import ctypes\ndef isolated(): return ctypes.CDLL(None).prctl(21, 0, 0, 0, 0) == 2")


def _process_names() -> set[str]:
    return {_setting(f"/proc/{entry}/comm") for entry in os.listdir("/proc") if entry.isdigit()}
