import pytest
import torch

from ray_mtlkd.training.optimizer import clip


def _parameters(scale):
    generator = torch.Generator().manual_seed(1)
    dense = torch.nn.Parameter(torch.zeros(3, 2))
    dense.grad = scale * torch.randn(3, 2, generator=generator)
    table = torch.nn.Parameter(torch.zeros(5, 2))
    rows = torch.tensor([[4, 1, 4]])  # row 4 twice
    table.grad = torch.sparse_coo_tensor(
        rows, scale * torch.randn(3, 2, generator=generator), (5, 2), check_invariants=True
    )
    return [dense, table, torch.nn.Parameter(torch.zeros(1))]


@pytest.mark.parametrize("scale", [0.01, 100.0])
def test_clipping_is_torch_s_own_on_the_same_gradients_made_dense(scale):
    clipped, reference = _parameters(scale), _parameters(scale)
    clip(clipped, 1.5)
    for parameter in reference[:2]:
        parameter.grad = parameter.grad.to_dense()
    torch.nn.utils.clip_grad_norm_(reference, 1.5)
    for ours, theirs in zip(clipped[:2], reference[:2], strict=True):
        torch.testing.assert_close(ours.grad.to_dense(), theirs.grad)
