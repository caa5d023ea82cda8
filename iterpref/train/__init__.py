"""Pairs to a better model (paper, section 3.2): masks, losses, reference cache, trainer. Needs ``iterpref[train]``."""

from iterpref.train.run import TrainResult, train

__all__ = ["TrainResult", "train"]
