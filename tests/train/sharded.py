"""Loss and gradients of trees with the weights sharded over processes (FSDP2), against one whole model. A script.

python -m torch.distributed.run --nproc-per-node 2 -m tests.train.sharded
"""

from __future__ import annotations

import os

import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from iterpref.train.forward import batch_logps, enable_trees
from iterpref.train.packing import TreeCollator
from tests.train.test_forward import fixed_examples, loss_and_gradients
from tests.train.trees import loss_of, tiny_model


def compare(*, tied: bool) -> None:
    whole = tiny_model("qwen2", tie_word_embeddings=tied)
    sharded = tiny_model("qwen2", tie_word_embeddings=tied)
    assert enable_trees(whole) == enable_trees(sharded) == ""
    mesh = init_device_mesh("cpu", (torch.distributed.get_world_size(),))
    for layer in sharded.model.layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(sharded, mesh=mesh)
    batch = TreeCollator()(fixed_examples())

    expected, _ = loss_and_gradients(whole, batch)
    loss = loss_of(batch_logps(sharded, batch), batch)
    loss.backward()

    assert abs(loss.item() - expected) <= 1e-12
    for ours, theirs in zip(sharded.parameters(), whole.parameters(), strict=True):
        assert ours.to_local().numel() < theirs.numel()
        assert torch.allclose(ours.grad.full_tensor(), theirs.grad, rtol=0, atol=1e-11)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo")
    for tied in (False, True):
        compare(tied=tied)
    print("the same", flush=True)
    torch.distributed.barrier()
    # A cache of torch's keeps the group alive, and a process whose gloo thread releases a tensor late is aborted.
    os._exit(0)
