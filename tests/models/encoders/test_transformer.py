import math

import torch

from ray_mtlkd.data.features import Layout
from ray_mtlkd.data.inputs import Tokens
from ray_mtlkd.models.encoders.layers import WordEmbedding
from ray_mtlkd.models.encoders.transformer import Transformer, waves

LAYOUT = Layout(form="Tokens", width=2, buckets=50)


def encoder(**settings):
    torch.manual_seed(0)
    config = Transformer(embedding=8, feedforward=16, **settings)
    return config.build([LAYOUT, LAYOUT], ["multiclass", "tagging"]).eval()


def tokens(lengths):
    offsets = torch.tensor([0, *lengths]).cumsum(0)
    return Tokens(torch.randint(0, 50, (int(offsets[-1]), 2), generator=torch.Generator().manual_seed(1)), offsets)


def test_states_are_those_of_each_row_alone_without_padding():
    net, batch = encoder(layers=2), tokens([2, 9, 0, 4])
    states = net(batch, [1])[0]
    words = WordEmbedding.forward(net.layers[0], None, batch, 0)
    one, other = net.layers[1:]
    for start, end in [(0, 2), (2, 11), (11, 15)]:
        alone = words[start:end] + 0.05 * waves(torch.arange(end - start), 8)
        # float32 sums in another order
        torch.testing.assert_close(
            states[start:end], other.norm(other.block(one.block(alone.unsqueeze(0)))[0]), atol=1e-5, rtol=1e-5
        )


def test_every_word_s_state_knows_the_whole_row_and_the_order():
    net, batch = encoder(), tokens([6])
    changed = batch.ids.clone()
    changed[5] = (changed[5] + 1) % 50
    assert (net(batch, [1])[0] != net(Tokens(changed, batch.offsets), [1])[0]).any(dim=1).all()
    turned = net(Tokens(batch.ids.flip(0), batch.offsets), [0])[0]
    assert not torch.allclose(net(batch, [0])[0], turned, atol=1e-4)


def test_predictions_without_gradients_are_those_with_them():
    net, batch = encoder(), tokens([3, 1, 5])
    with torch.no_grad():
        without = net(batch, [0])[0]
    # torch takes another kernel where no gradient is asked for
    torch.testing.assert_close(without, net(batch, [0])[0], atol=1e-5, rtol=1e-5)


def test_waves_are_sines_and_cosines_of_growing_period():
    made = waves(torch.arange(3), 4)
    expected = [[math.sin(p), math.sin(p / 100), math.cos(p), math.cos(p / 100)] for p in range(3)]
    torch.testing.assert_close(made, torch.tensor(expected))
