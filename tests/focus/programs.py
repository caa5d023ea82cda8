"""Programs and edits of them, for properties of the differs."""

from __future__ import annotations

from hypothesis import strategies as st

LINES = ["x = 1", "y = x", "z = 'é√'", "# note", "", "x = y + 1", "def f(a):", "    return a", "    b = a", "\ty = 2"]

texts = st.lists(st.sampled_from(LINES), max_size=8).flatmap(
    lambda lines: st.sampled_from(["\n".join(lines), "\n".join(lines) + "\n", "\r\n".join(lines)])
)
"""Some parse, some do not; with and without a newline at the end; CRLF."""
