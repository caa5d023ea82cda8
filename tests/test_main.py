"""Ctrl-C before the command line is there, and after it has ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ENTRIES = {"module": ["-m", "iterpref"], "console script": ["-c", "from iterpref.__main__ import main; main()"]}


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize(("ignored", "code"), [(False, 130), (True, 7)])
def test_an_interrupted_import_ends_quietly(tmp_path: Path, entry: str, ignored: bool, code: int) -> None:
    """A library that takes long to import, and that would hide a KeyboardInterrupt."""
    slow = (
        "import sys, time\nprint('importing', flush=True)\ntry:\n    time.sleep({})\nexcept BaseException:\n    pass\n"
    )
    (tmp_path / "typer.py").write_text(slow.format(1 if ignored else 60) + "sys.exit(7)\n")
    where = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])

    def start() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN if ignored else signal.SIG_DFL)

    process = subprocess.Popen(
        [sys.executable, *ENTRIES[entry]],
        env={**os.environ, "PYTHONPATH": where},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=start,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (code, "")


def _listen() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupted_end_is_quiet_too() -> None:
    """Threads of the work are joined when the interpreter ends: here one that sleeps, begun by a stand-in for typer."""
    code = (
        "import sys, threading, time\nfrom iterpref import cli\nfrom iterpref.__main__ import main\n"
        "def app(**_):\n    threading.Thread(target=time.sleep, args=(60,)).start()\n    raise KeyboardInterrupt\n"
        "cli.app = app\nmain()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_listen,
    )
    assert process.stderr is not None
    said = [process.stderr.readline(), process.stderr.readline()]
    assert said == ["\n", "stopped; run the same command again to go on where it was\n"]
    time.sleep(0.5)  # until the threads are joined
    process.send_signal(signal.SIGINT)
    _, more = process.communicate(timeout=30)
    assert (process.returncode, more) == (130, "")
