"""What several rooms' tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from iterpref.sandbox import Sandbox

pytest_plugins = ["tests.teachers.served"]
settings.register_profile("house", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("house")
os.environ.setdefault("HF_HUB_OFFLINE", "1")  # tests load nothing from a hub


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=2) as box:
        yield box


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of benchmarks, recorded debugging and tokenizers."""
    folder = os.environ.get("ITERPREF_TEST_DATA")
    if not folder:
        pytest.skip("ITERPREF_TEST_DATA is not set: it names a folder of benchmarks, trajectories and tokenizers")
    return Path(folder)
