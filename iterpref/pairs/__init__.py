"""Stage 3: which versions are paired, which tokens are focus, what is filtered out."""

from iterpref.pairs.build import FAULT, build_pairs, choose_negatives, needs_running
from iterpref.pairs.running import Runner

__all__ = ["FAULT", "Runner", "build_pairs", "choose_negatives", "needs_running"]
