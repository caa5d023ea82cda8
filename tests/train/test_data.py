from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from tokenizers.processors import ByteLevel
from tokenizers.processors import Sequence as Processors
from transformers import PreTrainedTokenizerFast

from iterpref.train.data import Collator, Completion, Encoder, Example
from iterpref.train.losses import Objective
from iterpref.types import Pair, Span
from tests.train.conftest import CHATML, make_pairs, make_tokenizer

TARGET_RPO = Objective(1.0, 1.0, 0.1, mask="focus")
DPO = Objective(1.0, 0.0, 0.1, mask="all")
SFT = Objective(0.0, 1.0, 0.1, mask="all")


def encoder(tokenizer: PreTrainedTokenizerFast, objective: Objective = TARGET_RPO, max_length: int = 200) -> Encoder:
    return Encoder(tokenizer, objective, max_length=max_length, use_anchors=True)


def one(tokenizer: PreTrainedTokenizerFast, pair: Pair, objective: Objective = TARGET_RPO) -> Example:
    (example,), dropped = encoder(tokenizer, objective).encode([pair])
    assert not dropped
    return example


def focused_text(tokenizer: PreTrainedTokenizerFast, completion: Completion) -> str:
    return str(tokenizer.decode(completion.ids[completion.weights > 0]))


def test_only_the_focus_of_the_rejected_program_has_weight(tokenizer: PreTrainedTokenizerFast) -> None:
    example = one(tokenizer, make_pairs(2)[1])

    assert example.rejected
    assert focused_text(tokenizer, example.rejected) == "\n    return x - 1\n"
    assert example.chosen.weights.tolist() == [1.0] * len(example.chosen.ids)
    assert tokenizer.decode(example.chosen.ids) == make_pairs(2)[1].chosen + "<|end|>"


def test_plain_dpo_weighs_every_token_and_the_end_token(tokenizer: PreTrainedTokenizerFast) -> None:
    example = one(tokenizer, make_pairs(1)[0], DPO)

    assert example.rejected
    assert example.rejected.weights.tolist() == [1.0] * len(example.rejected.ids)
    assert example.rejected.ids[-1] == tokenizer.eos_token_id


def test_spans_are_shifted_into_the_fence_and_the_turn_is_ended() -> None:
    chat = make_tokenizer(chat_template=CHATML)
    example = one(chat, make_pairs(2)[1])

    assert example.rejected
    assert focused_text(chat, example.rejected) == "\n    return x - 1\n"
    assert chat.decode(example.rejected.ids) == f"```python\n{make_pairs(2)[1].rejected}\n```<|im_end|>"


def test_missing_lines_at_the_end_penalise_the_end_token_or_the_closing_fence() -> None:
    pair = Pair("p", "q", "x = 1\nprint(x)", "x = 1", rejected_spans=(Span(5, 5),))
    plain, chat = make_tokenizer(), make_tokenizer(chat_template=CHATML)

    rejected, in_fence = one(plain, pair).rejected, one(chat, pair).rejected

    assert rejected
    assert in_fence
    assert focused_text(plain, rejected) == "<|end|>"
    assert focused_text(chat, in_fence) == "\n```"


def test_trimmed_offsets_are_given_their_blanks_back() -> None:
    pair = make_pairs(2)[1]
    trimming = make_tokenizer()
    trimming.backend_tokenizer.post_processor = Processors([ByteLevel(trim_offsets=True)])

    expected, found = one(make_tokenizer(), pair).rejected, one(trimming, pair).rejected

    assert expected
    assert found
    assert found.weights.tolist() == expected.weights.tolist()
    assert trimming.backend_tokenizer.post_processor[0].trim_offsets  # the caller's own is left alone


def test_what_cannot_be_trained_on_is_counted_by_reason(tokenizer: PreTrainedTokenizerFast) -> None:
    good = make_pairs(1)[0]
    pairs = [
        good,
        replace(good, chosen=" \n"),
        replace(good, rejected=""),
        replace(good, chosen="x = 1\n" * 100),
        replace(good, rejected="x = 1\n" * 100),
        replace(good, rejected=good.chosen, rejected_spans=()),
        replace(good, rejected="print('<|end|>')"),
    ]
    examples, dropped = encoder(tokenizer).encode(pairs)

    assert len(examples) == 1
    assert dropped == {
        "chosen empty": 1,
        "rejected empty": 1,
        "chosen too long": 1,
        "rejected too long": 1,
        "chosen and rejected have the same tokens": 1,
        "rejected contains the end token": 1,
    }


def test_max_length_counts_prompt_completion_and_end_token(tokenizer: PreTrainedTokenizerFast) -> None:
    pair = make_pairs(1)[0]
    example = one(tokenizer, pair)
    assert example.rejected
    length = len(example.prompt_ids) + max(len(example.chosen.ids), len(example.rejected.ids))

    assert len(encoder(tokenizer, max_length=length).encode([pair])[0]) == 1
    assert len(encoder(tokenizer, max_length=length - 1).encode([pair])[0]) == 0


def test_anchors_join_the_nll_term_only(tokenizer: PreTrainedTokenizerFast) -> None:
    anchor = replace(make_pairs(1)[0], rejected=None, rejected_spans=())

    example = one(tokenizer, anchor)
    assert example.anchor
    assert example.rejected is None
    assert encoder(tokenizer, DPO).encode([anchor])[1] == {"anchor not used": 1}
    unused = Encoder(tokenizer, TARGET_RPO, max_length=200, use_anchors=False)
    assert unused.encode([anchor])[1] == {"anchor not used": 1}


def test_sft_does_not_look_at_the_rejected_program(tokenizer: PreTrainedTokenizerFast) -> None:
    example = one(tokenizer, replace(make_pairs(1)[0], rejected="", rejected_spans=()), SFT)

    assert example.rejected is None
    assert not example.anchor


def example_of(prompt: list[int], chosen: list[int], rejected: list[int] | None) -> Example:
    def completion(ids: list[int]) -> Completion:
        weights = np.arange(1, len(ids) + 1, dtype=np.float32)
        return Completion(np.array(ids, np.int32), weights, reference=-weights)

    rejected_completion = None if rejected is None else completion(rejected)
    return Example(np.array(prompt, np.int32), completion(chosen), rejected_completion, anchor=rejected is None)


def test_a_batch_by_hand() -> None:
    batch = Collator(pad_token_id=9)([example_of([1, 2], [3], None), example_of([4], [5, 6], [7, 8])])

    assert {name: tensor.tolist() for name, tensor in batch.items()} == {
        "input_ids": [[1, 2, 3], [4, 5, 6], [4, 7, 8]],
        "attention_mask": [[1, 1, 1]] * 3,
        "completion_mask": [[False, True], [True, True], [True, True]],
        "weights": [[0, 1], [1, 2], [1, 2]],
        "reference": [[0, -1], [-1, -2], [-1, -2]],
        "contrasted": [False, True],
        "anchor": [True, False],
        "lengths": [1, 2, 2],
        "tokens": [9, 9],
    }


def test_padding_is_on_the_right_and_never_scored() -> None:
    batch = Collator(pad_token_id=9)([example_of([1], [2, 3, 4], [5])])

    assert batch["input_ids"].tolist() == [[1, 2, 3, 4], [1, 5, 9, 9]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]
    assert batch["completion_mask"].tolist() == [[True, True, True], [True, False, False]]
    assert torch.equal(batch["weights"][1], torch.tensor([1.0, 0, 0]))
