"""The one error a user is meant to read: bad input, told in one sentence."""

from __future__ import annotations

__all__ = ["InputError"]


class InputError(Exception):
    """Input that a person can mend.

    The message is one sentence that names the file, the line or field, and the remedy. The command line prints it
    without a traceback and ends with exit code 2; nothing already stored is touched.
    """
