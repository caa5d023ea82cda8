"""What this machine would train on."""

from __future__ import annotations

import torch

__all__ = ["describe"]


def describe() -> str:
    """One line: the accelerators with their memory, or the processor."""
    if torch.cuda.is_available():
        cards = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
        names = ", ".join(f"{card.name} ({card.total_memory / 2**30:.0f} GiB)" for card in cards)
        return f"{names}; bfloat16 {'yes' if torch.cuda.is_bf16_supported() else 'no'}"
    if torch.backends.mps.is_available():
        return "Apple GPU (mps)"
    return f"CPU, {torch.get_num_threads()} threads"
