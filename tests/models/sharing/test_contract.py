"""What every way of sharing of this package does beyond what `check_sharing` asks: pairs, and being kept."""

import pytest
import torch

from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.models.encoders.cnn import Cnn
from ray_mtlkd.models.sharing import SHARING
from ray_mtlkd.testing.examples import Example
from ray_mtlkd.testing.models import check_gradients, check_outputs

WORDS = Cnn(embedding=4, channels=3, widths=(1, 3), wide=2)
CASES = {
    "bag": (BagOfNgrams(hidden=(4,)), [Example("binary", "Bag", is_pair=True), Example("multiclass", "Bag")]),
    "cnn": (WORDS, [Example("tagging", "Tokens"), Example("regression", "Tokens", is_pair=True)]),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", SHARING)
def test_pairs_go_through_it_and_a_kept_model_is_the_same(made, name, case):
    encoder, examples = CASES[case]
    model = made(SHARING[name](), examples, encoder=encoder)
    for task, example in enumerate(examples):
        check_outputs(model, task, example)
        check_gradients(model, task, example)
    other = made(SHARING[name](), examples, encoder=encoder, seed=1)
    other.load_state_dict(model.state_dict())
    for task, example in enumerate(examples):
        assert torch.equal(other.eval()(task, example.inputs()), model.eval()(task, example.inputs()))


@pytest.mark.parametrize("name", SHARING)
def test_a_model_of_one_task_alone_shares_nothing(made, name):
    model = made(SHARING[name](), [Example("binary", "Dense")])
    assert (model.shared(), model.last_shared()) == ((), ())
    check_outputs(model, 0, Example("binary", "Dense"))
