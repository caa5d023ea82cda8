"""Landlock: a process gives up, for good, all files but those it names. Needs no privilege, and no namespace."""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable

from iterpref.sandbox.system import syscall

__all__ = ["SYSTEM", "restrict"]

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store", "/etc/ld.so.cache")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same on every architecture
_VERSION, _PATH_BENEATH = 1, 1
_EXECUTE, _WRITE, _READ, _READ_DIR, _TRUNCATE = 1, 2, 4, 8, 1 << 14
_OF_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE
# Rights to files that each version of the interface knows, and its rights to TCP and its scopes (signals, sockets).
_FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
_ALL_FILE_RIGHTS = (1 << 16) - 1
_TCP, _SCOPES = 3, 3


class _Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64)]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("rights", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def restrict(readable: Iterable[str], writable: Iterable[str]) -> None:
    """From now on this process and its children read only ``readable`` and the system, and change only ``writable``.

    Needs no_new_privs. Where the kernel knows how, TCP and signals to other processes are forbidden as well.

    Raises:
        OSError: the kernel has no Landlock (before Linux 5.13), or it is switched off.
    """
    version = syscall("landlock", _CREATE, None, 0, _VERSION)
    files = _FILE_RIGHTS.get(version, _ALL_FILE_RIGHTS)
    ruleset = _Ruleset(files, _TCP if version >= 4 else 0, _SCOPES if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    handle = syscall("landlock", _CREATE, ctypes.byref(ruleset), size, 0)
    try:
        for path in (*SYSTEM, *readable):
            _allow(handle, path, files & (_EXECUTE | _READ | _READ_DIR))
        for path in _DEVICES:
            _allow(handle, path, files & (_READ | _WRITE))
        for path in writable:
            _allow(handle, path, files)
        syscall("landlock", _RESTRICT, handle, 0)
    finally:
        os.close(handle)


def _allow(handle: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            rights &= _OF_FILES
        rule = _PathBeneath(rights, fd)
        syscall(f"landlock {path}", _ADD, handle, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(fd)
