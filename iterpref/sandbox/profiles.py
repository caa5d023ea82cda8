"""Which libraries a fork server has imported before it forks: a program that needs pandas then finds it loaded.

The parent chooses the profile by the names that program and tests import; only the profile's name reaches the server.
A library that is not installed is left out, so that the program's own import says so.
"""

from __future__ import annotations

import _random
import contextlib
import importlib
import random
import re
import sys
from collections.abc import Callable
from functools import partial

__all__ = ["PROFILES", "load", "profile_of", "seeders"]

# Ordered by size: each contains what the ones before it have.
PROFILES: dict[str, tuple[str, ...]] = {
    "plain": (),
    "numpy": ("numpy", "numpy.random", "numpy.linalg", "numpy.fft"),
    "pandas": ("numpy", "numpy.random", "numpy.linalg", "numpy.fft", "pandas"),
    "science": (
        *("numpy", "numpy.random", "numpy.linalg", "numpy.fft", "pandas"),
        *("scipy", "scipy.stats", "scipy.optimize", "scipy.linalg", "scipy.spatial", "scipy.signal", "scipy.sparse"),
        *("matplotlib", "matplotlib.pyplot"),
        *("sklearn", "sklearn.cluster", "sklearn.datasets", "sklearn.decomposition", "sklearn.ensemble"),
        *("sklearn.linear_model", "sklearn.metrics", "sklearn.model_selection", "sklearn.preprocessing"),
    ),
}
_SMALLEST = {"numpy": 1, "pandas": 2, "scipy": 3, "matplotlib": 3, "seaborn": 3, "sklearn": 3}
_seed = partial(_random.Random.seed, random.seed.__self__)  # type: ignore[attr-defined]  # what random.seed() comes to
_IMPORT = re.compile(r"^[ \t]*(?:import|from)[ \t]+([^#\n;]*)", re.MULTILINE)
_NAME = re.compile(r"\b(?:" + "|".join(_SMALLEST) + r")\b")


def profile_of(*sources: str) -> str:
    """The smallest profile with the libraries that ``sources`` import, found without parsing them."""
    text, needed = "\n".join(sources), 0
    if any(name in text for name in _SMALLEST):
        for statement in _IMPORT.findall(text):
            for name in _NAME.findall(statement.partition(" import ")[0]):
                needed = max(needed, _SMALLEST[name])
    return list(PROFILES)[needed]


def load(profile: str) -> None:
    """Import a profile's libraries, as far as they are installed."""
    for name in PROFILES[profile]:
        with contextlib.suppress(Exception):  # a broken installation is the program's to find, like a missing one
            importlib.import_module(name)


def seeders() -> tuple[Callable[[], object], ...]:
    """What seeds the global generators anew: seeded before the fork, they would be the same in all programs."""
    numpy_random = sys.modules.get("numpy.random")
    return (_seed,) if numpy_random is None else (_seed, numpy_random.seed)
