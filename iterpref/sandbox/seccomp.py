"""Which system calls a program may make: a filter in the kernel's own form (classic BPF), loaded through ctypes.

A layer below the others: what it denies, a program without privileges has no use for, and bugs of the kernel are found
there first. Where namespaces are not to be had it carries more weight (``confined``): one process, no signal to
another one, no socket. Arguments behind pointers cannot be looked at, so clone3 answers "no such call" and the C
library falls back to clone.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from dataclasses import dataclass

from iterpref.sandbox.system import syscall

__all__ = ["NUMBERS", "SUPPORTED", "Filter", "confined", "install", "jailed"]

# Numbers on x86-64 and on arm64; None where the architecture lacks the call.
NUMBERS: dict[str, tuple[int | None, int | None]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "clone": (56, 220),
    "clone3": (435, 435),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "fcntl": (72, 25),
    "finit_module": (313, 273),
    "fork": (57, None),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioctl": (16, 29),
    "ioperm": (173, None),
    "iopl": (172, None),
    "ioprio_set": (251, 30),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "kill": (62, 129),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "migrate_pages": (256, 238),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pivot_root": (155, 41),
    "prctl": (157, 167),
    "prlimit64": (302, 261),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "semget": (64, 190),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "setpriority": (141, 140),
    "settimeofday": (164, 170),
    "shmget": (29, 194),
    "socket": (41, 198),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "tgkill": (234, 131),
    "tkill": (200, 130),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vfork": (58, None),
}
_SECCOMP = (317, 277)
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column above, AUDIT_ARCH_*
_COLUMN, _AUDIT_ARCH = _ARCHITECTURES.get(os.uname().machine, (-1, 0))
SUPPORTED = _COLUMN >= 0

ALLOW, KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
DENY, ABSENT = _ERRNO | errno.EPERM, _ERRNO | errno.ENOSYS
_SET_MODE_FILTER, _SPEC_ALLOW = 1, 4
_X32 = 0x40000000  # system calls of the x32 ABI have this bit
_NR, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_CLONE_NAMESPACES = 0x7E020080
_CLONE_THREAD = 0x00010000
_PR_SET_PDEATHSIG = 1
_OWNERS = (8, 15)  # F_SETOWN, F_SETOWN_EX
_OWNERS_OF_SOCKETS = (0x8901, 0x8902)  # FIOSETOWN, SIOCSPGRP

_NEVER = (
    *("acct", "add_key", "adjtimex", "bpf", "chroot", "clock_adjtime", "clock_settime", "delete_module"),
    *("fanotify_init", "finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "init_module", "io_uring_enter"),
    *("io_uring_register", "io_uring_setup", "ioperm", "iopl", "kcmp", "kexec_file_load", "kexec_load", "keyctl"),
    *("migrate_pages", "modify_ldt", "mount", "mount_setattr", "move_mount", "move_pages", "name_to_handle_at"),
    *("open_by_handle_at", "open_tree", "perf_event_open", "pidfd_getfd", "pivot_root", "process_madvise"),
    *("process_vm_readv", "process_vm_writev", "ptrace", "quotactl", "reboot", "request_key", "setdomainname"),
    *("sethostname", "setns", "settimeofday", "swapoff", "swapon", "syslog", "umount2", "unshare", "userfaultfd"),
    # Files without a name, in memory that no limit counts.
    *("memfd_create", "memfd_secret"),
    # What these make outlives the program, for the next one to find.
    *("mq_open", "msgget", "semget", "shmget"),
)
# These also act on other processes of the same user, the fork server among them; 0 means the caller itself.
_OWN_ONLY = ("prlimit64", "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler")
_SIGNALS = ("pidfd_open", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "tkill")


@dataclass(frozen=True)
class _Rule:
    """Answer ``action`` where an argument of a system call stands in ``relation`` to one of ``values``."""

    name: str
    action: int
    relation: int = 0  # 0: always
    values: tuple[int, ...] = ()
    negate: bool = False
    argument: int = 0


@dataclass(frozen=True)
class Filter:
    """A filter ready to be loaded; made once, as making it costs more than loading it."""

    code: bytes


def jailed() -> Filter:
    """For a fork server in namespaces, and so for its programs.

    The server itself mounts; programs have no capability to.
    """
    rules = [_Rule(name, DENY) for name in _NEVER if name not in ("mount", "umount2")]
    rules += [_Rule(name, DENY, _EQUAL, (0,), negate=True) for name in _OWN_ONLY]
    rules += [_Rule("setpriority", DENY, _EQUAL, (0,), negate=True, argument=which) for which in (0, 1)]
    rules += [_Rule("ioprio_set", DENY), _Rule("clone3", ABSENT), _Rule("clone", DENY, _ANY_BIT, (_CLONE_NAMESPACES,))]
    return _assemble(rules)


def confined(pid: int) -> Filter:
    """For a program that has no namespaces, in process ``pid``.

    Whoever tries to start a process is killed by SIGSYS: a program that needs processes is to be told from one that
    is wrong. Sockets that were not made by ``socketpair`` are denied.
    """
    rules = [_Rule(name, DENY) for name in (*_NEVER, *_SIGNALS, "ioprio_set", "socket")]
    rules += [_Rule(name, DENY, _EQUAL, (0, pid), negate=True) for name in (*_OWN_ONLY, "kill", "tgkill")]
    rules += [_Rule("setpriority", DENY, _EQUAL, (0,), negate=True)]
    rules += [_Rule("setpriority", DENY, _EQUAL, (0, pid), negate=True, argument=1)]
    # To name who gets the signals of a file is another way to send them.
    rules += [
        _Rule("fcntl", DENY, _EQUAL, _OWNERS, argument=1),
        _Rule("ioctl", DENY, _EQUAL, _OWNERS_OF_SOCKETS, argument=1),
    ]
    rules += [_Rule("clone", KILL, _ANY_BIT, (_CLONE_THREAD,), negate=True), _Rule("fork", KILL), _Rule("vfork", KILL)]
    rules += [_Rule("clone3", ABSENT), _Rule("prctl", DENY, _EQUAL, (_PR_SET_PDEATHSIG,))]
    return _assemble(rules)


def _assemble(rules: list[_Rule]) -> Filter:
    """Straight-line code: one block a rule, which falls through to the next where the rule does not apply."""
    code = [_op(_LOAD, _ARCH), _op(_EQUAL, _AUDIT_ARCH, 1, 0), _op(_RETURN, ABSENT), _op(_LOAD, _NR)]
    code += [_op(_AT_LEAST, _X32, 0, 1), _op(_RETURN, ABSENT)]
    for rule in rules:
        number = NUMBERS[rule.name][_COLUMN]
        if number is None:
            continue
        if rule.relation == 0:
            code += [_op(_EQUAL, number, 0, 1), _op(_RETURN, rule.action)]
            continue
        # A match of value i jumps over the later tests, to the return or to the rule's end.
        tests = [
            _op(rule.relation, value, len(rule.values) - 1 - i + int(rule.negate), 0)
            for i, value in enumerate(rule.values)
        ]
        if not rule.negate:
            tests[-1] = _op(rule.relation, rule.values[-1], 0, 1)
        block = [_op(_LOAD, _ARGUMENTS + 8 * rule.argument), *tests, _op(_RETURN, rule.action), _op(_LOAD, _NR)]
        code += [_op(_EQUAL, number, 0, len(block)), *block]
    code.append(_op(_RETURN, ALLOW))
    return Filter(b"".join(code))


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def install(filter_: Filter) -> None:
    """Filter the calls of this process and its children from now on; needs no_new_privs.

    Raises:
        OSError: the kernel has no filters, or forbids them.
    """
    if not SUPPORTED:
        raise OSError(errno.ENOSYS, f"seccomp: no numbers of system calls for {os.uname().machine}")
    program = _Program(len(filter_.code) // 8, filter_.code)
    # Without the flag older kernels slow the whole process down against Spectre.
    syscall("seccomp", _SECCOMP[_COLUMN], _SET_MODE_FILTER, _SPEC_ALLOW, ctypes.byref(program))
