"""Stage 5: generate, judge, compare."""

from iterpref.evaluate.score import evaluate, results
from iterpref.stats import Estimate, Paired, compare, pass_rate

__all__ = ["Estimate", "Paired", "compare", "evaluate", "pass_rate", "results"]
