"""The console script, and ``python -m iterpref``: Ctrl-C ends it quietly also while it is still being imported."""

from __future__ import annotations

import os
import signal

__all__ = ["main"]


def main() -> None:
    """Import the command line and run it. Until the import is done nothing is under way that could be lost."""
    at_interrupt = signal.getsignal(signal.SIGINT)
    if at_interrupt is signal.default_int_handler:  # not where the caller chose that Ctrl-C be ignored
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from iterpref.cli import main as run

    signal.signal(signal.SIGINT, at_interrupt)
    run()


if __name__ == "__main__":
    main()
