"""Linux namespaces, mounts and privileges: how the fork server shuts itself and its programs in.

Runs in the fork server and in its children, so only the standard library may be imported. Every function changes the
calling process and raises ``OSError`` naming the step that the kernel refused.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import select
import signal
import sys
from typing import Any

from iterpref.sandbox.system import LIBC, call, die_with_parent, failure, long, no_new_privileges, prctl, syscall

__all__ = [
    "become_nobody",
    "drop_capabilities",
    "enter",
    "knows_nobody",
    "leave_watchman",
    "look_of_tmp",
    "new_tmp",
    "remove",
]

NOBODY = 65534

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NODIRATIME = 1, 2, 4, 8, 2048
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2
PR_SET_DUMPABLE, PR_CAPBSET_DROP = 4, 24
SYS_MOUNT_SETATTR = 442  # the same on every architecture; the C library wraps it only since 2022
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
FS_IOC_GETFLAGS = 0x80086601
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID = 1, 2
CAPABILITY_VERSION_3 = 0x20080522
LAST_CAPABILITY = 63

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store")
_SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/alternatives")
_DEVICES = ("null", "zero", "full", "random", "urandom")
_KEPT = "/kept"  # what lies below the host's /tmp, an environment perhaps, is shown in every new /tmp
_NEW_TMP = (
    *(b"tmp", b"/tmp", b"tmpfs"),
    *(ctypes.c_ulong(MS_NOSUID | MS_NODEV | MS_NODIRATIME), b"mode=0755,size=64m,nr_inodes=8192"),
)


def _mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    encoded = None if kind is None else kind.encode()
    call(
        f"mount {kind or 'bind'} at {target}",
        "mount",
        source.encode(),
        target.encode(),
        encoded,
        ctypes.c_ulong(flags),
        options.encode(),
    )


class _MountAttributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns")]


def _read_only(path: str, recursive: bool) -> None:
    """Make a mount, and with ``recursive`` all below it, read-only and without set-uid (Linux 5.12)."""
    attributes = _MountAttributes(set=MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID)
    syscall(
        f"mount_setattr {path}",
        SYS_MOUNT_SETATTR,
        AT_FDCWD,
        path.encode(),
        AT_RECURSIVE if recursive else 0,
        ctypes.byref(attributes),
        ctypes.sizeof(attributes),
    )


def _unshare(what: str, flags: int) -> None:
    call(f"unshare {what}", "unshare", flags)


def _expose(source: str, path: str) -> None:
    """Show what lies at ``source`` at ``path``, read-only if it is so there."""
    if os.path.lexists(path) or not os.path.lexists(source):
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.islink(source):
        os.symlink(os.readlink(source), path)
        return
    if os.path.isdir(source):
        os.mkdir(path)
    else:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
    _mount(source, path, None, MS_BIND | MS_REC)


def _build_root(readable: list[str]) -> None:
    """Swap the file system for an empty one that holds the system's libraries and ``readable``, read-only."""
    os.umask(0o022)
    _mount("none", "/", None, MS_REC | MS_PRIVATE)
    _mount("root", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m")
    os.chdir("/tmp")
    os.mkdir("old")
    call("pivot_root", "pivot_root", b".", b"old")
    os.chdir("/")
    for path in (*_SYSTEM, *_SYSTEM_FILES, *sorted(readable)):  # at their own places; the host is mounted at /old
        shown = _KEPT + path if path.startswith("/tmp/") else path
        _expose("/old" + path, shown)
        if os.path.ismount(shown):
            _read_only(shown, recursive=True)
    os.makedirs("/dev", exist_ok=True)
    for name in _DEVICES:
        os.close(os.open(f"/dev/{name}", os.O_CREAT | os.O_WRONLY, 0o644))
        _mount(f"/old/dev/{name}", f"/dev/{name}", None, MS_BIND)
    for link, target in (("fd", "/proc/self/fd"), ("shm", "/tmp"), ("stdin", "fd/0"), ("stdout", "fd/1")):
        os.symlink(target, f"/dev/{link}")
    os.makedirs("/etc", exist_ok=True)
    with open("/etc/passwd", "w", encoding="ascii") as passwd:
        passwd.write(f"nobody:x:{NOBODY}:{NOBODY}::/tmp:/bin/sh\n")
    for place in ("/tmp", "/proc"):
        os.makedirs(place, exist_ok=True)
    _mount("/old/proc", "/proc", None, MS_BIND | MS_REC)  # a user namespace may mount proc only where one is visible
    call("umount old root", "umount2", b"/old", MNT_DETACH)
    os.rmdir("/old")
    _read_only("/", recursive=False)


def become_nobody() -> None:
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    # Changing the uid makes /proc/self belong to root again, and the id maps below are written there.
    prctl("prctl dumpable", PR_SET_DUMPABLE, 1)


def knows_nobody() -> bool:
    """Whether this user namespace has a uid for nobody; one made by ``unshare --map-root-user`` has not."""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        ranges = [[int(word) for word in line.split()] for line in file]
    return any(first <= NOBODY < first + count for first, _, count in ranges)


def _new_user_namespace(flags: int) -> None:
    uid, gid = os.getuid(), os.getgid()
    _unshare("user, network and process namespaces", CLONE_NEWUSER | flags)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{NOBODY} {uid} 1"), ("gid_map", f"{NOBODY} {gid} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def _no_further_user_namespaces() -> None:
    """A program must not gain capabilities in a user namespace of its own."""
    with contextlib.suppress(OSError), open("/proc/sys/user/max_user_namespaces", "w", encoding="ascii") as file:
        file.write("0")


def enter(readable: list[str], parent_pid: int) -> None:
    """Shut this process in; returns in the new namespaces' process 1, as an unprivileged uid.

    The calling process stays outside as a watchman: it ends with process 1, and kills it when ``parent_pid`` dies,
    even by SIGKILL (a pidfd, as PR_SET_PDEATHSIG would fire at the end of the thread that started us).

    Raises:
        OSError: a step was refused; the message names it.
    """
    if not sys.platform.startswith("linux"):
        raise OSError("this system is not Linux")
    parent = os.pidfd_open(parent_pid)
    rest = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS
    mounted = False
    if os.geteuid() == 0 and knows_nobody():
        # Mount as root, who can reach an interpreter in a private home; only then give the privileges up. A
        # container's root may not mount, but anyone may in a user namespace.
        with contextlib.suppress(PermissionError):
            _unshare("mount namespace", CLONE_NEWNS)
            mounted = True
        if mounted:
            _build_root(readable)
        become_nobody()
    _new_user_namespace(rest)
    if not mounted:
        _build_root(readable)
    leave_watchman(parent)
    os.setsid()  # a program that signals its process group must not reach the watchman
    die_with_parent()  # the watchman has one thread, so here the signal is safe
    _no_further_user_namespaces()
    _mount_proc()
    for capability in range(LAST_CAPABILITY + 1):  # what nobody may gain by executing a file; we keep what we hold
        if LIBC.prctl(PR_CAPBSET_DROP, *long(capability, 0, 0, 0)) < 0:
            break
    no_new_privileges()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the programs' signals reach process 1 only where it has a handler


def leave_watchman(parent: int, folder: str = "") -> None:
    """Go on in a child; the caller stays behind, waits for its end or that of ``parent`` (a pidfd), and cleans up."""
    pid = os.fork()
    if pid == 0:
        os.close(parent)
        return
    ours = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(parent, select.POLLIN)
    poll.register(ours, select.POLLIN)
    if ours not in [fd for fd, _ in poll.poll()]:
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    if folder:
        remove(folder)
    os._exit(0)


def remove(folder: str) -> None:
    """Remove a folder as far as that is possible."""
    import shutil  # here, as most servers never need it, and each of their forks would copy it

    shutil.rmtree(folder, ignore_errors=True)


def _mount_proc() -> None:
    """Show this process namespace's own /proc; where a container's masked /proc forbids that, an empty one.

    ``hidepid``: a program sees the processes that it may trace, its own, and not the fork server.
    """
    try:
        _mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "hidepid=2")
    except OSError:
        _mount("empty", "/proc", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, "size=0")


def new_tmp(kept: list[str], used: bool) -> None:
    """Put a new file system at /tmp, in place of the last program's if it was ``used``.

    It is empty but for ``kept``, which lie below the host's /tmp.
    """
    if used:
        for path in kept[::-1]:
            if os.path.ismount(path):
                call(f"umount {path}", "umount2", path.encode(), MNT_DETACH)  # the server has libraries of it loaded
        if LIBC.umount2(b"/tmp", 0) < 0:  # not lazily: a process that still held it would be a fault
            raise failure("umount /tmp")
    if LIBC.mount(*_NEW_TMP) < 0:
        raise failure("mount tmpfs at /tmp")
    for path in kept:
        _expose(_KEPT + path, path)


def look_of_tmp() -> tuple[object, ...]:
    """All that a program may leave in /tmp: entries, and what it can change of /tmp itself but the times of changes."""
    folder = os.open("/tmp", os.O_RDONLY | os.O_DIRECTORY)
    try:
        status = os.stat(folder)
        flags = bytearray(8)
        with contextlib.suppress(OSError):  # older kernels have none for this file system
            fcntl.ioctl(folder, FS_IOC_GETFLAGS, flags)
        return (*status[:6], status.st_atime_ns, flags, os.listdir(folder), os.listxattr(folder))
    finally:
        os.close(folder)


class _CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


# Linux alone has it; looked up before the first fork, as a look-up touches many pages.
_capset: Any = getattr(LIBC, "capset", None)
_NO_CAPABILITIES = (ctypes.byref(_CapabilityHeader(CAPABILITY_VERSION_3, 0)), ctypes.byref((ctypes.c_uint32 * 6)()))


def drop_capabilities() -> None:
    """Hold no capability any more, not even inside the user namespace."""
    if _capset(*_NO_CAPABILITIES) < 0:
        raise failure("capset")
