"""The first steps of a program's process: what goes wrong there is the sandbox's fault, and is said."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

# A server whose programs have no folder, in an interpreter of its own: it waits for every child that it has.
SERVER = """
import os, socket, sys
from types import SimpleNamespace
from iterpref.sandbox.server import _Server

mode = SimpleNamespace(
    home="/nowhere", counts_memory=False, give_up=lambda: None, become_program=lambda parent: None,
    prepare=lambda: None, kill=lambda pid: os.kill(pid, 9),
)
control, parent = socket.socketpair()
server = _Server(control, mode)
server.fork()
if sys.argv[1] == "late":  # it has ended before its job comes
    os.waitid(os.P_PID, server.child, os.WEXITED | os.WNOWAIT)
files = tuple(os.open(os.devnull, os.O_RDWR) for _ in range(4))
sys.stdout.write(server.run(b"100 1 0 0\\n", files).decode())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the server watches its processes as Linux alone can")
@pytest.mark.parametrize("when", ["early", "late"])
def test_a_program_that_cannot_begin_is_told_and_not_tried_for_ever(when: str) -> None:
    done = subprocess.run([sys.executable, "-c", SERVER, when], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == {
        "fault": "FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/work'"
    }
