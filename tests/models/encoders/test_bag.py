import torch

from ray_mtlkd.data.features import Layout
from ray_mtlkd.data.inputs import Bag
from ray_mtlkd.models.encoders.bag import BagOfNgrams

LAYOUT = Layout(form="Bag", buckets=400)


def encoder(**settings):
    torch.manual_seed(0)
    return BagOfNgrams(**settings).build([LAYOUT], ["multiclass"]).eval()


def test_the_first_layer_is_a_dense_layer_over_the_weighted_counts():
    net = encoder(hidden=(5,))
    batch = Bag(torch.tensor([3, 7, 3]), torch.tensor([0.5, 2.0, 0.25]), torch.tensor([0, 3, 3]))
    first, counts = net.layers[0].hashed, torch.zeros(2, 400)
    counts[0, 3], counts[0, 7] = 0.75, 2.0
    torch.testing.assert_close(net(batch, [0])[0], (counts @ first.table.weight + first.bias).relu())


def test_further_layers_follow_the_first():
    net = encoder(hidden=(5, 3))
    batch = Bag(torch.tensor([3]), torch.ones(1), torch.tensor([0, 1]))
    assert net(batch, [0])[0].shape == (1, 3)
    assert len(net.parts(0)) == 2


def test_initial_activations_do_not_depend_on_how_many_ngrams_carry_the_weight():
    net = encoder(hidden=(256,))
    few, many = (
        net(Bag(torch.arange(n), torch.full((n,), n**-0.5), torch.tensor([0, n])), [0])[0].norm().item()
        for n in (4, 400)
    )
    # the norm of 256 draws varies by a few percent
    assert 0.7 < few / many < 1.4
