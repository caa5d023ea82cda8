"""The micro-world: small programming tasks, a corpus with human-like mistakes, and a small model that makes them.

It stands in for the paper's synthesised tasks and pre-trained models where neither is at hand: everything here can be
rebuilt from nothing on a laptop in minutes.
"""

from __future__ import annotations

from iterpref.micro.corpus import Example, examples
from iterpref.micro.model import base_path, pretrain
from iterpref.micro.spec import SPLITS, Spec, Split
from iterpref.micro.world import describe, hidden_tests, tasks

__all__ = [
    "SPLITS",
    "Example",
    "Spec",
    "Split",
    "base_path",
    "describe",
    "examples",
    "hidden_tests",
    "pretrain",
    "tasks",
]
