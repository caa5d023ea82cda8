from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from iterpref.config import TrainConfig
from iterpref.errors import InputError
from iterpref.train.losses import Objective, log_ratio, objective, pair_loss, token_logps, total_loss


@pytest.mark.parametrize(
    ("loss_type", "contrast", "alpha", "focused"),
    [
        ("sft", 0, 1, False),
        ("dpo", 1, 0, False),
        ("rpo", 1, 1, False),
        ("target-dpo", 1, 0, True),
        ("target-rpo", 1, 1, True),
    ],
)
def test_a_loss_type_is_weights(loss_type: Any, contrast: float, alpha: float, focused: bool) -> None:
    assert objective(TrainConfig(loss_type=loss_type)) == Objective(contrast, alpha, 0.1, focused)


def test_weights_can_be_set() -> None:
    config = TrainConfig(loss_type="sft", contrast_weight=0.5, rpo_alpha=0.25, beta=0.3)

    assert objective(config) == Objective(0.5, 0.25, 0.3, False)


@pytest.mark.parametrize("change", [{"rpo_alpha": -1.0}, {"beta": 0.0}, {"contrast_weight": 0.0, "rpo_alpha": 0.0}])
def test_weights_that_train_nothing_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(InputError):
        objective(TrainConfig(**change))


def test_token_logps_by_hand() -> None:
    # softmax of (ln 1, ln 3) is (1/4, 3/4); of (0, 0) it is (1/2, 1/2)
    logits = torch.tensor([[[0.0, math.log(3)], [0.0, 0.0]]])

    logps = token_logps(logits, torch.tensor([[1, 0]]))

    assert logps.tolist() == [pytest.approx([math.log(3 / 4), math.log(1 / 2)])]


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 2e-2)]
)
def test_token_logps_and_their_gradient_are_those_of_log_softmax(dtype: torch.dtype, tolerance: float) -> None:
    draw = torch.Generator().manual_seed(0)
    logits = (5 * torch.randn(2, 20, 50, generator=draw, dtype=torch.float64)).to(dtype)
    targets, weights = torch.randint(0, 50, (2, 20), generator=draw), torch.randn(2, 20, generator=draw)
    ours, theirs = logits.clone().requires_grad_(), logits.clone().double().requires_grad_()

    found = token_logps(ours * 1, targets)
    (found * weights).sum().backward()
    expected = theirs.log_softmax(-1).gather(-1, targets[..., None])[..., 0]
    (expected * weights).sum().backward()

    assert torch.allclose(found.double(), expected, rtol=0, atol=min(tolerance, 1e-5))
    assert ours.grad is not None
    assert torch.allclose(ours.grad.double(), theirs.grad, rtol=0, atol=tolerance)


def test_token_logps_of_half_precision_logits_are_computed_in_float32() -> None:
    logits = torch.randn(2, 3, 50, generator=torch.Generator().manual_seed(0)).bfloat16()
    targets = torch.zeros(2, 3, dtype=torch.long)

    assert torch.equal(token_logps(logits, targets), token_logps(logits.float(), targets))


def test_log_ratio_by_hand() -> None:
    policy = torch.tensor([[-1.0, -2.0, -3.0]])
    reference = torch.tensor([[-1.5, -1.0, -9.0]])
    weights = torch.tensor([[1.0, 0.5, 0.0]])

    # 1 * 0.5 + 0.5 * (-1) + 0
    assert log_ratio(policy, reference, weights).tolist() == [0.0]
    assert log_ratio(policy, reference, torch.ones(1, 3)).tolist() == [0.5 - 1 + 6]


def test_pair_loss_by_hand() -> None:
    # beta (K+ - K-) = 0.1 * (20 - (-ln(9) * 10 + 20)) = ln 9, and sigmoid(ln 9) = 9/10
    chosen, rejected = torch.tensor([20.0, 7.0]), torch.tensor([20 - 10 * math.log(9), 7.0])

    assert pair_loss(chosen, rejected, 0.1).tolist() == pytest.approx([-math.log(0.9), math.log(2)], abs=1e-6)


def test_pair_loss_stays_finite_where_sigmoid_underflows() -> None:
    assert pair_loss(torch.tensor([-1e4]), torch.tensor([1e4]), 1.0).tolist() == [2e4]


def test_total_loss_by_hand() -> None:
    # 2 * (0.3 + 0.5) / 4 pairs + 0.5 * 30 / 10 tokens
    loss = total_loss(
        torch.tensor([0.3, 0.5]), torch.tensor(30.0), torch.tensor(4), torch.tensor(10), Objective(2.0, 0.5, 0.1, True)
    )

    assert loss.item() == pytest.approx(0.4 + 1.5)


def test_a_batch_of_anchors_alone_has_no_pair_term() -> None:
    none = torch.empty(0)
    loss = total_loss(none, torch.tensor(6.0), torch.tensor(0), torch.tensor(3), Objective(1.0, 1.0, 0.1, True))

    assert loss.item() == 2.0
