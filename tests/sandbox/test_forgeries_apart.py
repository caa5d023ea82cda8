"""No attack passes on what spares honest programs."""

from __future__ import annotations

import dataclasses

import pytest

from iterpref.sandbox import Sandbox
from iterpref.types import Outcome
from tests.sandbox.forgeries_apart import FORGERIES_APART

SLOW = ("no canary comes to an end",)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in FORGERIES_APART]
)
def test_never_passes(box: Sandbox, name: str) -> None:
    program, tests = FORGERIES_APART[name]
    if "numpy" in program:
        pytest.importorskip("numpy")
    for start in ("", "import os\n"):
        verdict = box.judge(start + program, dataclasses.replace(tests, cpu_seconds=1.0))
        assert verdict.failed or verdict.outcome in (Outcome.TAMPER, Outcome.UNSUPPORTED), (start, verdict)
