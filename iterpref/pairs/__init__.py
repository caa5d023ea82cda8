"""Stage 3: which versions are paired, which tokens are focus, what is filtered out."""

from iterpref.pairs.build import build_pairs, choose_negatives
from iterpref.pairs.filters import Candidate, filters

__all__ = ["Candidate", "build_pairs", "choose_negatives", "filters"]
