"""Only the masks: which tokens of a failing program carry the penalty, for your own trainer."""

from pathlib import Path

from tokenizers import Tokenizer

from iterpref import micro
from iterpref.focus import diff_lines, focus_spans, token_weights

rejected = "def mean(xs):\n    total = sum(xs)\n    return total / (len(xs) - 1)\n"
chosen = "def mean(xs):\n    total = sum(xs)\n    return total / len(xs)\n"

if __name__ == "__main__":
    tokenizer = Tokenizer.from_file(str(Path(micro.base_path()) / "tokenizer.json"))
    encoding = tokenizer.encode(rejected)
    rejected_spans, chosen_spans = focus_spans(diff_lines(rejected, chosen))
    weights = token_weights(rejected, encoding.offsets, rejected_spans)
    for (start, end), weight in zip(encoding.offsets, weights, strict=False):
        print(f"{weight:.0f}  {rejected[start:end]!r}")
    print(f"{weights[-1]:.0f}  the end token")
