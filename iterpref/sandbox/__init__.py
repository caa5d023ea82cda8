"""Runs programs that nobody vouches for, and says whether they pass their tests.

What this covers. A program runs as an unprivileged user without capabilities, in namespaces of its own and under a
filter of system calls: it sees no file but the interpreter and the system's libraries (read-only) and an empty /tmp
of which nothing reaches the next program, no network, not even the loopback, no process but its own, and no environment
variable of the caller. CPU time, memory, file size, processes and output are limited. Whatever it starts is dead when
its verdict is given, and nothing outlives the sandbox, even if the caller is killed.

Its verdict cannot be forged where tests reduce to calls (``calls``, ``stdio``, straight-line asserts): what they
compare with never enters its process. Other tests run beside the program. A pass is believed only if altered tests
fail; where the program gives reason to doubt it, its tests run once more, in a process that it cannot reach, and that
decides.

What this does not cover. Bugs of the kernel: the namespaces are only as good as it is. Side channels: timing, caches,
the load of the machine. Tests that cannot leave the program's process, because they patch its modules, capture its
output or hand it objects of their own: only the altered tests stand behind such a pass. Programs that compute the
right answers for their tests and wrong ones elsewhere. The memory of all processes of a program together is checked
at intervals, so a burst between two checks goes unseen. Where the machine isolates nothing, the sandbox refuses to
run, unless told to run programs with the caller's own rights; ``Verdict.protections`` says what held.

Linux 5.14 or newer; usable without the rest of iterpref. The threat model is told in docs/threat-model.md.
"""

from __future__ import annotations

from iterpref.sandbox.box import Sandbox
from iterpref.sandbox.isolation import Isolation

__all__ = ["Isolation", "Sandbox", "probe"]


def probe() -> Isolation:
    """Which protections hold on this machine, found by programs that try to break out."""
    with Sandbox(workers=1, allow_unsafe_exec=True) as box:
        return box.isolation
