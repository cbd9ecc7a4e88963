import pytest
import torch

from ray_mtlkd.training.ensemble import mean_outputs
from tests.training.conftest import TASKS

BY_KIND = {task.kind: task for task in TASKS}


def _outputs(kind, seed):
    shape = (7,) if kind in {"binary", "regression"} else (7, 3)
    return 4 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", BY_KIND)
def test_the_probabilities_of_the_mean_are_the_mean_probabilities(kind):
    answers = {"multiclass": lambda x: x.softmax(1), "tagging": lambda x: x.softmax(1), "regression": lambda x: x}
    answer = answers.get(kind, torch.sigmoid)
    parts = [_outputs(kind, seed) for seed in range(3)]
    expected = torch.stack([answer(part) for part in parts]).mean(dim=0)
    mean = mean_outputs(BY_KIND[kind], parts)
    assert mean.dtype == torch.float32
    torch.testing.assert_close(answer(mean), expected)


@pytest.mark.parametrize("kind", BY_KIND)
def test_one_alone_is_what_it_says(kind):
    only = _outputs(kind, 0)
    assert mean_outputs(BY_KIND[kind], [only]) is only


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_those_that_are_sure_of_the_same_stay_finite(kind):
    sure = 1e4 * torch.sign(_outputs(kind, 0))
    assert mean_outputs(BY_KIND[kind], [sure, sure]).isfinite().all()
