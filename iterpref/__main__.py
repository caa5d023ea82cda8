"""The console script, and ``python -m iterpref``: Ctrl-C ends it quietly, also while it is being imported or is ending.

In between ``cli`` deals with it.
"""

from __future__ import annotations

import os
import signal

__all__ = ["main"]


def main() -> None:
    """Import the command line and run it. Before and after that nothing is under way that could be lost."""
    usual = signal.getsignal(signal.SIGINT)
    asked_to = usual is signal.default_int_handler  # not where the caller chose that Ctrl-C be ignored
    if asked_to:
        signal.signal(signal.SIGINT, _end)
    from iterpref.cli import main as run

    signal.signal(signal.SIGINT, usual)
    try:
        run()
    except KeyboardInterrupt:  # a second one, while the first was dealt with
        _end()
    finally:
        if asked_to:
            signal.signal(signal.SIGINT, _end)


def _end(*_: object) -> None:
    os._exit(130)


if __name__ == "__main__":
    main()
