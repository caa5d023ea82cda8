"""A machine that allows no namespaces, as most containers: the answer comes from a filter of system calls."""

from __future__ import annotations

import platform
import struct

from iterpref.sandbox import seccomp, system

_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_DENY, _ALLOW = 0x00050001, 0x7FFF0000  # EPERM


def deny(call: str) -> bytes:
    """Code of a filter that answers EPERM to one system call."""
    number = seccomp.NUMBERS[call][("x86_64", "aarch64").index(platform.machine())]
    code = [(_LOAD, 0, 0, 0), (_EQUAL, 0, 1, number), (_RETURN, 0, 0, _DENY), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *operation) for operation in code)


def forbid_namespaces() -> None:
    """From now on this process and its children can have none."""
    system.no_new_privileges()
    seccomp.install(seccomp.Filter(deny("unshare")))
