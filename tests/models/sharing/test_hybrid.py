import pytest
import torch

from ray_mtlkd.models.encoders.cnn import Cnn
from ray_mtlkd.models.sharing import HardSharing
from ray_mtlkd.models.sharing.hybrid import Hybrid
from ray_mtlkd.models.sharing.soft import SoftSharing
from ray_mtlkd.testing.examples import Example
from tests.models.conftest import NUMBERS, SMALL

WORDS = (Example("tagging", "Tokens"), Example("binary", "Tokens"))
CASES = {"mlp": (SMALL, (NUMBERS, NUMBERS)), "cnn": (Cnn(embedding=4, channels=3, widths=(1,), wide=2), WORDS)}


def assert_same(model, other, examples):
    for task, example in enumerate(examples):
        assert torch.equal(model(task, example.inputs()), other.eval()(task, example.inputs()))


@pytest.mark.parametrize("case", CASES)
def test_split_0_is_soft_and_a_split_at_the_top_is_hard(made, case):
    encoder, examples = CASES[case]
    soft, hard = (made(each, examples, encoder=encoder) for each in (SoftSharing(), HardSharing()))
    lowest, highest = (made(Hybrid(split=split), examples, encoder=encoder).eval() for split in (0, 2))
    assert_same(lowest, soft, examples)
    assert torch.equal(lowest.penalty(), soft.penalty())
    assert_same(highest, hard, examples)
    assert highest.penalty() is None
    assert sum(p.numel() for p in highest.parameters()) == sum(p.numel() for p in hard.parameters())


def test_in_between_the_lower_layer_is_shared_and_the_upper_ones_are_pulled(made):
    model = made(Hybrid(split=1))
    assert {id(p) for p in model.shared()} == {id(p) for p in model.lower.parameters()}
    assert {id(p) for group in model.counterparts() for p in group} == {id(p) for p in model.networks.parameters()}


def test_a_split_above_the_top_is_refused(made, refused):
    with refused() as caught:
        made(Hybrid(split=3))
    assert caught.value.where == "sharing.split"
