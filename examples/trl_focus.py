"""Our focus in TRL's DPOTrainer: only the wrong tokens of the failing program are penalised.

TRL has one mask, ``completion_mask``, which says which tokens of a completion count. The collator below takes the rest
of the rejected program out of it. Start it with your own export: ``iterpref pairs RECIPE --export trl``, then
``python trl_focus.py RUN/export/trl.jsonl``; without one, a pair is made here.
"""

import sys
import tempfile
from typing import Any

import torch
from datasets import Dataset, load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer
from trl.trainer.dpo_trainer import DataCollatorForPreference

from iterpref import micro
from iterpref.focus import diff_lines, focus_spans, token_weights
from iterpref.types import Span


def example_pairs() -> Dataset:
    """What ``--export trl`` writes, for one pair."""
    chosen = "def mean(xs):\n    total = sum(xs)\n    return total / len(xs)\n"
    rejected = "def mean(xs):\n    total = sum(xs)\n    return total / (len(xs) - 1)\n"
    rejected_spans, chosen_spans = focus_spans(diff_lines(rejected, chosen))
    row = {"prompt": "Return the mean of xs.\n", "chosen": chosen, "rejected": rejected}
    spans = {"chosen_spans": [*map(vars, chosen_spans)], "rejected_spans": [*map(vars, rejected_spans)]}
    return Dataset.from_list([{**row, **spans}] * 8)


class FocusCollator(DataCollatorForPreference):
    """Rows to a batch: every y+, then every y-; of y- only the focus counts."""

    def __init__(self, tokenizer: Any) -> None:
        super().__init__(pad_token_id=tokenizer.pad_token_id)
        self.tokenizer = tokenizer

    def torch_call(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        batch = super().torch_call(rows)
        for mask, row in zip(batch["completion_mask"][len(rows) :], rows, strict=True):
            text = row["rejected"].removesuffix(self.tokenizer.eos_token)  # TRL has added it
            encoded = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
            assert row["rejected_ids"][:-1] == encoded["input_ids"]
            weights = token_weights(text, encoded["offset_mapping"], [Span(**span) for span in row["rejected_spans"]])
            start = len(row["prompt_ids"])
            mask[start : start + len(weights)] *= torch.tensor(weights) > 0
        return batch


if __name__ == "__main__":
    pairs = load_dataset("json", data_files=sys.argv[1], split="train") if sys.argv[1:] else example_pairs()
    tokenizer = AutoTokenizer.from_pretrained(micro.base_path())
    model = AutoModelForCausalLM.from_pretrained(micro.base_path())
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    with tempfile.TemporaryDirectory() as folder:
        trainer = DPOTrainer(
            model=model,
            args=DPOConfig(
                folder, max_steps=4, per_device_train_batch_size=4, learning_rate=1e-4, report_to="none", bf16=False,
                remove_unused_columns=False, use_cpu=True, disable_tqdm=True, logging_steps=4,
            ),
            train_dataset=pairs,
            processing_class=tokenizer,
            data_collator=FocusCollator(tokenizer),
        )  # fmt: skip
        row = trainer.train_dataset[0]
        batch = trainer.data_collator([row])
        counted = batch["input_ids"][1][batch["completion_mask"][1].bool()]
        print(f"penalised: {tokenizer.decode(counted)!r}")
        trainer.train()
        logged = trainer.state.log_history[0]
        print(f"trained: {trainer.state.global_step} steps, reward margin {logged['rewards/margins']:+.3f}")
