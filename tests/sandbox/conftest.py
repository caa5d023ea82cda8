"""One sandbox for the tests of a module; skipped where the machine isolates nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from iterpref.errors import InputError
from iterpref.sandbox import Sandbox


@pytest.fixture(scope="session")
def box() -> Iterator[Sandbox]:
    try:
        sandbox = Sandbox(workers=1)
    except InputError as error:
        pytest.skip(str(error))
    with sandbox:
        yield sandbox
