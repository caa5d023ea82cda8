"""Stage 5: generate, judge, compare."""

from iterpref.evaluate.score import evaluate, results

__all__ = ["evaluate", "results"]
