"""iterpref: preference learning for code models that learns from debugging (IterPref / Target-DPO)."""

__version__ = "0.1.0"
