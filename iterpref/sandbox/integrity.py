"""Whether what tests rely on is still what it was when the program started.

A program that replaces builtins, parts of unittest or json, modules, or the tests' own names may have bent their
verdict. That proves nothing yet: such a run is disputed, and decided where the program shares nothing with its tests.
"""

from __future__ import annotations

import builtins
import json
import re
import sys
import unittest
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["Integrity"]

_LEADS_ON = re.compile(r"__|builtin|modules|import_|\b(ctypes|eval|exec|gc|getattr|globals|inspect|locals|vars)\b")
_LEADS_TO_TESTS = re.compile(r"test|json|frame|\b(f|tb|gi|cr|ag)_")
_HARMLESS = frozenset({"_", "print", "input", "open", "exit", "quit", "help"})
_CLASSES = (
    unittest.TestCase,
    unittest.TestResult,
    unittest.TestSuite,
    unittest.BaseTestSuite,
    unittest.TestLoader,
    unittest.case._Outcome,  # type: ignore[attr-defined]
    json.JSONEncoder,
)
_MODULES = ("ast", "builtins", "json", "json.encoder", "os", "sys", "traceback", "unittest", "unittest.case")


class Integrity:
    """Remembers names and their values; made before the program runs."""

    def __init__(self) -> None:
        self._watched: list[tuple[Mapping[str, Any], dict[str, Any]]] = []
        self.watch(vars(builtins), set(vars(builtins)) - _HARMLESS)
        self.watch(sys.modules, [name for name in _MODULES if name in sys.modules])
        self._common = len(self._watched)
        self._looked_at: int | None = None  # how many of those watched; None: all
        for kind in _CLASSES:
            self.watch(
                vars(kind), vars(kind).keys() - {"default"}
            )  # programs give json's encoder a default of their own

    def watch(self, names: Mapping[str, Any], which: Iterable[str]) -> None:
        """Watch these names of a namespace too."""
        self._watched.append((names, {name: names[name] for name in which}))

    def narrow(self, program: str) -> None:
        """Look at builtins and modules alone, and only where the text of ``program`` has words that lead to them.

        For tests that nothing in this process can make pass: a look at all costs as much as running a small program.
        """
        self._looked_at = self._common if _LEADS_ON.search(program) else 0

    def broken_by(self, program: str) -> str:
        """As ``broken``, after a failure: looks only where ``program`` has words that lead to what is watched.

        A failure is believed, whatever was replaced; a look at all copies some 75 pages.
        """
        return self.broken() if _LEADS_ON.search(program) or _LEADS_TO_TESTS.search(program) else ""

    def broken(self) -> str:
        """A name whose value has changed; "" if there is none."""
        for names, before in self._watched[: self._looked_at]:
            for name, value in before.items():
                if names.get(name) is not value:
                    return name
        return ""
