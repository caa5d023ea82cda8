"""The head in slices against the log-softmax of all its logits."""

from __future__ import annotations

import pytest
import torch

from iterpref.train import head
from iterpref.train.head import head_logps, kept_bytes, scoring
from iterpref.train.losses import token_logps

ROWS, SCORED, HIDDEN, VOCABULARY = 2, 5, 8, 5000  # five slices of at least 1,024


def inputs(dtype: torch.dtype, *, bias: bool) -> tuple[torch.Tensor, torch.nn.Linear, torch.Tensor, torch.Tensor]:
    """Hidden states, a head, targets (the borders of slices among them), and what the loss does with each."""
    draw = torch.Generator().manual_seed(0)
    hidden = torch.randn(ROWS, SCORED, HIDDEN, generator=draw, dtype=torch.float64).to(dtype).requires_grad_()
    layer = torch.nn.Linear(HIDDEN, VOCABULARY, bias=bias).to(dtype)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.copy_(torch.randn(weight.shape, generator=draw, dtype=torch.float64))
    targets = torch.tensor([[0, 1023, 1024, 4999, 7], [2047, 2048, 4096, 4095, 7]])
    return hidden, layer, targets, torch.randn(ROWS, SCORED, generator=draw, dtype=torch.float64)


def of_slices(hidden: torch.Tensor, layer: torch.nn.Linear, targets: torch.Tensor) -> torch.Tensor:
    return head_logps(hidden, layer.weight, layer.bias, targets)


def of_logits(hidden: torch.Tensor, layer: torch.nn.Linear, targets: torch.Tensor) -> torch.Tensor:
    return token_logps(layer(hidden), targets)


@pytest.mark.parametrize("kept", [0, 3 * 10 * 1024 * 8, 2**28], ids=["all again", "some kept", "all kept"])
@pytest.mark.parametrize("bias", [False, True])
def test_values_and_gradients_are_those_of_all_logits(bias: bool, kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head, "_SIZES", {"cpu": (1, kept)})
    found = []
    for compute in (of_slices, of_logits):
        hidden, layer, targets, weights = inputs(torch.float64, bias=bias)
        logps = compute(hidden, layer, targets)
        (logps * weights).sum().backward()
        found.append([logps.detach(), hidden.grad, *(weight.grad for weight in layer.parameters())])

    for ours, theirs in zip(*found, strict=True):
        assert ours is not None
        assert torch.allclose(ours, theirs, rtol=0, atol=1e-12)


def test_half_precision_is_summed_in_float32() -> None:
    hidden, layer, targets, weights = inputs(torch.bfloat16, bias=False)
    logps = of_slices(hidden, layer, targets)
    (logps * weights).sum().backward()
    exact_hidden, exact_weight = hidden.detach().double().requires_grad_(), layer.weight.detach().double()
    # the logits rounded as bfloat16 products are, everything after them exact
    logits = exact_hidden @ exact_weight.T
    rounded = logits + (logits.bfloat16().double() - logits).detach()
    exact = token_logps(rounded, targets)
    (exact * weights).sum().backward()

    assert logps.dtype == torch.float32
    assert torch.allclose(logps.double(), exact, rtol=0, atol=1e-5)
    assert hidden.grad is not None
    assert hidden.grad.dtype == torch.bfloat16
    assert ((hidden.grad.double() - exact_hidden.grad).norm() / exact_hidden.grad.norm()).item() < 1e-2


def test_autocast_computes_in_its_own_precision() -> None:
    hidden, layer, targets, _ = inputs(torch.float32, bias=True)
    with torch.autocast("cpu", torch.bfloat16):
        logps = of_slices(hidden, layer, targets)
    expected = of_slices(hidden.bfloat16(), layer.to(torch.bfloat16), targets)

    assert torch.equal(logps, expected)
    logps.sum().backward()
    assert hidden.grad is not None
    assert hidden.grad.dtype == torch.float32


def test_a_frozen_head_gets_no_gradient() -> None:
    hidden, layer, targets, _ = inputs(torch.float64, bias=False)
    layer.weight.requires_grad_(False)

    of_slices(hidden, layer, targets).sum().backward()

    assert layer.weight.grad is None
    assert hidden.grad is not None


def test_a_second_backward_computes_again_what_the_first_used_up() -> None:
    hidden, layer, targets, _ = inputs(torch.float64, bias=False)
    loss = of_slices(hidden, layer, targets).sum()
    (first,) = torch.autograd.grad(loss, hidden, retain_graph=True)
    (second,) = torch.autograd.grad(loss, hidden)

    assert torch.allclose(first, second, rtol=0, atol=1e-12)


def test_the_head_is_itself_again_afterwards() -> None:
    hidden, layer, targets, _ = inputs(torch.float64, bias=False)
    with scoring(layer, targets):
        assert layer(hidden).shape == (ROWS, SCORED, 1)
    assert layer(hidden).shape == (ROWS, SCORED, VOCABULARY)

    layer.forward = lambda hidden: hidden  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError), scoring(layer, targets):
        raise ZeroDivisionError
    assert layer(hidden) is hidden


def test_what_is_kept_is_bounded() -> None:
    hidden, layer, targets, _ = inputs(torch.float64, bias=False)
    kept = of_slices(hidden, layer, targets).grad_fn
    while not hasattr(kept, "kept"):
        kept = kept.next_functions[0][0]  # type: ignore[union-attr]

    assert kept.kept.numel() == ROWS * SCORED * VOCABULARY
    assert kept.kept.numel() * 8 <= kept_bytes("cpu")
