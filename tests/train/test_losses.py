from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from iterpref.config import TrainConfig
from iterpref.errors import InputError
from iterpref.train.losses import Objective, log_ratio, objective, pair_loss, pair_terms, token_logps, total_loss


@pytest.mark.parametrize(
    ("loss_type", "expected"),
    [
        ("sft", Objective(0, 1, 0.1, "all")),
        ("dpo", Objective(1, 0, 0.1, "all")),
        ("rpo", Objective(1, 1, 0.1, "all")),
        ("target-dpo", Objective(1, 0, 0.1, "focus")),
        ("target-rpo", Objective(1, 1, 0.1, "focus")),
        ("symmetric", Objective(1, 0, 0.1, "symmetric")),
        ("hybrid", Objective(1, 0, 0.1, "hybrid")),
        ("diff-aug", Objective(1, 0, 0.1, "focus", lines=2)),
        ("ipo", Objective(1, 0, 0.1, "all", term="ipo")),
        ("simpo", Objective(1, 0, 0.1, "all", term="simpo", margin=0.3)),
    ],
)
def test_a_loss_type_is_weights(loss_type: Any, expected: Objective) -> None:
    assert objective(TrainConfig(loss_type=loss_type, focus_lines=2, simpo_gamma=0.3)) == expected
    assert expected.needs_reference == (loss_type not in ("sft", "simpo"))


def test_weights_can_be_set() -> None:
    config = TrainConfig(loss_type="sft", contrast_weight=0.5, rpo_alpha=0.25, beta=0.3)

    assert objective(config) == Objective(0.5, 0.25, 0.3, "all")


@pytest.mark.parametrize(
    "change", [{"focus_lines": -1}, {"rpo_alpha": -1.0}, {"beta": 0.0}, {"contrast_weight": 0.0, "rpo_alpha": 0.0}]
)
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


def terms(kind: Any, margin: float = 0.0) -> list[list[float]]:
    """K+, K- and the loss of one pair whose y+ has 4 counted tokens and whose y- has 2."""
    policy = torch.tensor([[-1.0, -2.0, -1.0, -2.0], [-3.0, -5.0, -9.0, -9.0]])
    reference = torch.tensor([[-2.0, -2.0, -2.0, -2.0], [-3.0, -1.0, 0.0, 0.0]])
    weights = torch.tensor([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0]])
    found = pair_terms(policy, reference, weights, torch.tensor([True]), Objective(1, 0, 0.5, "all", 0, kind, margin))
    return [tensor.tolist() for tensor in found]


def test_the_pair_terms_by_hand() -> None:
    # sums of log-ratios: 1 + 0 + 1 + 0 and 0 - 4
    assert terms("sigmoid") == [[2.0], [-4.0], [pytest.approx(math.log(1 + math.exp(-3)))]]
    # means of log-ratios: 2 / 4 and -4 / 2, and (0.5 + 2 - 1 / (2 * 0.5))^2
    assert terms("ipo") == [[0.5], [-2.0], [pytest.approx(2.25)]]
    # means of log-probabilities: -6 / 4 and -8 / 2, and 0.5 * (-1.5 + 4) - 0.25 = 1
    assert terms("simpo", 0.25) == [[-1.5], [-4.0], [pytest.approx(math.log(1 + math.exp(-1)))]]


def test_a_pair_without_a_counted_token_has_finite_terms() -> None:
    nothing = torch.zeros(2, 1)
    for kind in ("sigmoid", "ipo", "simpo"):
        found = pair_terms(nothing - 1, nothing, nothing, torch.tensor([True]), Objective(1, 0, 0.5, "all", 0, kind))
        assert all(torch.isfinite(tensor).all() for tensor in found)


def test_pair_loss_stays_finite_where_sigmoid_underflows() -> None:
    assert pair_loss(torch.tensor([-1e4]), torch.tensor([1e4]), 1.0).tolist() == [2e4]


def test_total_loss_by_hand() -> None:
    # 2 * (0.3 + 0.5) / 4 pairs + 0.5 * 30 / 10 tokens
    loss = total_loss(
        torch.tensor([0.3, 0.5]),
        torch.tensor(30.0),
        torch.tensor(4),
        torch.tensor(10),
        Objective(2.0, 0.5, 0.1, "focus"),
    )

    assert loss.item() == pytest.approx(0.4 + 1.5)


def test_a_batch_of_anchors_alone_has_no_pair_term() -> None:
    none = torch.empty(0)
    loss = total_loss(none, torch.tensor(6.0), torch.tensor(0), torch.tensor(3), Objective(1.0, 1.0, 0.1, "focus"))

    assert loss.item() == 2.0
