from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from iterpref.config import TrainConfig
from iterpref.errors import InputError
from iterpref.train.models import (
    add_adapter,
    check_tokenizer_fits,
    export,
    load_model,
    load_model_config,
    load_tokenizer,
)
from tests.train.conftest import INIT_CONFIG, make_tokenizer


def test_a_folder_without_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no tokenizer could be loaded") as caught:
        load_tokenizer(str(tmp_path))

    assert str(tmp_path) in str(caught.value)


def test_no_name_at_all_is_named() -> None:
    with pytest.raises(InputError, match="model_name_or_path"):
        load_tokenizer("")


def test_a_tokenizer_without_offsets_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text(json.dumps({"a": 0, "<unk>": 1}))
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "CTRLTokenizer"}))

    with pytest.raises(InputError, match="gives no offsets"):
        load_tokenizer(str(tmp_path))


def test_a_folder_with_a_tokenizer_alone_is_no_model(config: TrainConfig) -> None:
    tokenizer = load_tokenizer(config.model_name_or_path)

    with pytest.raises(InputError, match=r"no model could be loaded.*init_config"):
        load_model_config(replace(config, init_config={}), tokenizer)


def test_a_model_folder_without_weights_is_named(config: TrainConfig) -> None:
    tokenizer = load_tokenizer(config.model_name_or_path)
    model_config = load_model_config(config, tokenizer)
    model_config.save_pretrained(config.model_name_or_path)
    try:
        with pytest.raises(InputError, match="no weights"):
            load_model(replace(config, init_config={}), model_config, bf16=False)
    finally:
        (Path(config.model_name_or_path) / "config.json").unlink()


@pytest.mark.parametrize("init_config", [{"hidden_size": 32}, {"model_type": "qwen22"}])
def test_an_init_config_that_is_none_is_named(config: TrainConfig, init_config: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"init_config.*model_type"):
        load_model_config(replace(config, init_config=init_config), make_tokenizer())


def test_random_weights_take_vocabulary_and_end_token_of_the_tokenizer(config: TrainConfig) -> None:
    tokenizer = make_tokenizer()
    model_config = load_model_config(config, tokenizer)

    assert model_config.vocab_size == len(tokenizer)
    assert model_config.eos_token_id == tokenizer.eos_token_id
    assert load_model(config, model_config, bf16=False).dtype == torch.float32


def test_a_vocabulary_smaller_than_the_tokenizers_is_refused(config: TrainConfig) -> None:
    with pytest.raises(InputError, match="use the tokenizer that belongs to the model"):
        load_model_config(replace(config, init_config={**INIT_CONFIG, "vocab_size": 7}), make_tokenizer())


def test_a_tokenizer_that_would_be_read_back_as_another_is_refused(config: TrainConfig) -> None:
    tokenizer = make_tokenizer()
    kept = load_model_config(config, tokenizer)
    qwen2 = load_model_config(replace(config, init_config={**INIT_CONFIG, "model_type": "qwen2"}), tokenizer)

    check_tokenizer_fits(tokenizer, kept, ["x = 10\n    y"])
    with pytest.raises(InputError, match="reads this tokenizer as Qwen2Tokenizer"):
        check_tokenizer_fits(tokenizer, qwen2, ["x = 10\n    y"])


@pytest.mark.slow
def test_the_real_qwen2_tokenizer_fits_a_qwen2_model(config: TrainConfig, data: Path) -> None:
    tokenizer = load_tokenizer(str(data / "tokenizers" / "qwen2"))
    qwen2 = load_model_config(replace(config, init_config={**INIT_CONFIG, "model_type": "qwen2"}), tokenizer)

    check_tokenizer_fits(tokenizer, qwen2, ["def f(x):\n\n    return x['ü'] + 10\r\n\ty = '√😀'"])


def test_merged_adapters_give_the_logits_of_the_adapted_model(config: TrainConfig, tmp_path: Path) -> None:
    tokenizer = make_tokenizer()
    model = add_adapter(load_model(config, load_model_config(config, tokenizer), bf16=False), config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_" in name:
                weight += 0.05
    trainable = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert trainable
    assert all("lora_" in name for name in trainable)
    ids = torch.arange(12)[None]
    model.eval()
    expected = model(input_ids=ids).logits
    with model.disable_adapter():
        assert not torch.allclose(model(input_ids=ids).logits, expected, atol=1e-2)

    export(model, tokenizer, tmp_path / "model", end_token_id=5, dtype=None)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "model")

    assert torch.allclose(loaded(input_ids=ids).logits, expected, atol=1e-5)
    assert loaded.config.use_cache
    assert 5 in loaded.generation_config.eos_token_id
    assert AutoTokenizer.from_pretrained(tmp_path / "model")("x = 1").input_ids == tokenizer("x = 1").input_ids


def test_the_start_models_precision_is_kept(config: TrainConfig, tmp_path: Path) -> None:
    tokenizer = make_tokenizer()
    model = load_model(config, load_model_config(config, tokenizer), bf16=False)

    export(model, tokenizer, tmp_path / "model", end_token_id=0, dtype=torch.bfloat16)

    assert AutoModelForCausalLM.from_pretrained(tmp_path / "model", dtype="auto").dtype == torch.bfloat16
