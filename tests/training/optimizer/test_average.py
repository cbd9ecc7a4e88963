import torch
from torch import nn

from ray_mtlkd.training.optimizer.average import Average


def test_it_follows_its_formula_from_the_parameters_after_the_first_step():
    torch.manual_seed(0)
    model = nn.Linear(3, 2).double()
    average, expected = Average(model, 0.5), None
    for n in range(8):
        with torch.no_grad():
            model.weight.add_(torch.randn(2, 3, dtype=torch.float64))
        average.update()
        decay = min(0.5, (1 + n) / (10 + n))
        present = model.weight.detach().clone()
        expected = present if expected is None else decay * expected + (1 - decay) * present
        torch.testing.assert_close(average.model.weight.data, expected)
    assert not average.model.weight.requires_grad
