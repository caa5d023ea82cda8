"""Stage 2: iterative debugging, and running recorded debugging again."""

from iterpref.debug.loop import JudgeMany, Progress, collect

__all__ = ["JudgeMany", "Progress", "collect"]
