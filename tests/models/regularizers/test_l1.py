import torch

from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.models.regularizers.l1 import L1
from ray_mtlkd.models.sharing import HardSharing
from ray_mtlkd.testing.examples import Example


def test_weights_lose_as_much_and_small_ones_are_zero_but_tables_and_biases_are_left(made):
    model = made(HardSharing(), (Example("binary", "Bag"),) * 2, encoder=BagOfNgrams(hidden=(4, 3)))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    L1(strength=2.0).shrink(model, step=0.1)
    for name, p in model.named_parameters():
        expected = before[name]
        if name.endswith("linear.weight"):
            expected = expected.sign() * (expected.abs() - 0.2).clamp(min=0)
            assert (p == 0).any()
        torch.testing.assert_close(p.detach(), expected)
