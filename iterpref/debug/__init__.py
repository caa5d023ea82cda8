"""Stage 2: iterative debugging, its baseline sampling, and running recorded debugging again."""

from iterpref.debug.loop import Judge, Progress, Review, collect

__all__ = ["Judge", "Progress", "Review", "collect"]
