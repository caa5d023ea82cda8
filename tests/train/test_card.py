from __future__ import annotations

import yaml

from iterpref.config import TrainConfig
from iterpref.train.card import model_card
from iterpref.train.losses import objective


def card(config: TrainConfig) -> str:
    counts, dropped = {"pairs": 3, "anchors": 1}, {"chosen too long": 2}
    return model_card(config, objective(config), counts, dropped, seed=5, step=7, metrics={"loss": 0.25})


def test_the_front_matter_is_what_hubs_read() -> None:
    config = TrainConfig(model_name_or_path="some/model: x", loss_type="target-dpo")
    front = yaml.safe_load(card(config).split("---\n")[1])

    assert front["base_model"] == "some/model: x"
    assert front["library_name"] == "transformers"
    assert "target-dpo" in front["tags"]


def test_random_weights_have_no_base_model() -> None:
    config = TrainConfig(model_name_or_path="tokenizer", init_config={"model_type": "llama"})

    assert "base_model" not in yaml.safe_load(card(config).split("---\n")[1])
    assert "random weights, with the tokenizer of `tokenizer`" in card(config)


def test_data_settings_metrics_and_versions_are_told() -> None:
    text = card(TrainConfig(model_name_or_path="m", beta=0.3, training_arguments={"weight_decay": 0.5}))

    for row in (
        "pairs | 3",
        "left out: chosen too long | 2",
        "beta | 0.3",
        "weight_decay | 0.5",
        "seed | 5",
        "loss | 0.25",
    ):
        assert f"| {row} |" in text
    assert "| torch |" in text
    assert text.startswith("---\n")
    assert "# target-rpo, step 7" in text


def test_the_loss_is_told_as_it_was() -> None:
    assert "0.1 (K+ - K-)" in card(TrainConfig(model_name_or_path="m", loss_type="dpo"))
    assert "all tokens of y-" in card(TrainConfig(model_name_or_path="m", loss_type="dpo"))
    sft = card(TrainConfig(model_name_or_path="m", loss_type="sft", use_anchors=True))
    assert "Loss: 1 x mean NLL of the tokens of y+ and anchors." in sft
