from dataclasses import replace

import torch
from torch.nn import functional

from ray_mtlkd.data.features import Layout
from ray_mtlkd.data.inputs import Bag, Tokens
from ray_mtlkd.models.encoders.cnn import Cnn

LAYOUT = Layout(form="Tokens", width=2, buckets=50, ngrams=90)


def encoder(**settings):
    torch.manual_seed(0)
    config = Cnn(embedding=6, channels=4, wide=5, **settings)
    return config.build([LAYOUT, LAYOUT], ["multiclass", "tagging"]).eval()


def tokens(lengths):
    draw = torch.Generator().manual_seed(1)
    offsets = torch.tensor([0, *lengths]).cumsum(0)
    total = int(offsets[-1])
    bag = Bag(torch.randint(0, 90, (total,), generator=draw), torch.rand(total, generator=draw), offsets)
    return Tokens(torch.randint(0, 50, (total, 2), generator=draw), offsets, bag)


def textbook_states(net, row):
    """Each row convolved by itself with zero padding."""
    words = net.layers[0].table.weight[row].sum(dim=1)
    line = words.T.unsqueeze(0)
    maps = [functional.conv1d(line, f.weight, f.bias, padding=f.kernel_size[0] // 2) for f in net.layers[1].filters]
    return torch.cat(maps, dim=1)[0].T.relu()


def scaled(rows):
    """Each row with mean 0 and variance 1, but for torch's epsilon."""
    less = rows - rows.mean(dim=1, keepdim=True)
    return less / (less.square().mean(dim=1, keepdim=True) + 1e-5).sqrt()


def test_states_are_those_of_each_row_convolved_alone_with_zero_padding():
    net, batch = encoder(widths=(1, 3, 7)), tokens([2, 9, 1, 0, 4])
    rows = [batch.ids[start:end] for start, end in zip(batch.offsets, batch.offsets[1:], strict=False)]
    expected = torch.cat([textbook_states(net, row) for row in rows if len(row)])
    torch.testing.assert_close(net(batch, [1])[0], scaled(expected))


def test_text_is_the_maximum_and_the_mean_of_its_states():
    net, batch = encoder(), tokens([3, 5])
    states = net.layers[1](net.layers[0](None, batch, 0), batch, 0)
    pooled = torch.stack([torch.cat([each.amax(0), each.mean(0)]) for each in states.split([3, 5])])
    torch.testing.assert_close(net(batch, [0])[0][:, :24], scaled(pooled))
    assert (net.width(0), net.width(1)) == (2 * 12 + 5, 12)


def test_what_heads_read_does_not_grow_with_the_layers_below_but_sides_of_pairs_do():
    """A pair's join scales its sides itself, and compares them as they are."""
    side = replace(LAYOUT, overlap=3)
    net, batch = encoder(), tokens([3, 5])
    pairs = Cnn(embedding=6, channels=4, wide=5).build([side], ["binary"]).eval()
    pairs.load_state_dict(net.state_dict())
    text, token, left = *(net(batch, [task])[0] for task in (0, 1)), pairs(batch, [0])[0]
    for each in (net, pairs):
        for weight in (*each.layers[1].parameters(), each.ending.wide.table.weight, each.ending.wide.bias):
            weight.data *= 1000
    # epsilon no longer counts: a row of small states was a little shorter
    for found, before in ((net(batch, [0])[0], text), (net(batch, [1])[0], token)):
        torch.testing.assert_close(found.norm(dim=1), before.norm(dim=1), rtol=0.1, atol=0)
    torch.testing.assert_close(pairs(batch, [0])[0], left * 1000)


def test_a_text_without_words_is_zeros():
    assert encoder()(tokens([0, 2]), [0])[0][0, :24].count_nonzero() == 0


def test_the_wide_part_is_a_layer_over_the_weighted_ngrams_of_a_text():
    net, batch = encoder(), tokens([3, 5])
    counts = torch.zeros(2, 90)
    for row, (start, end) in enumerate([(0, 3), (3, 8)]):
        counts[row].index_add_(0, batch.bag.ids[start:end], batch.bag.weights[start:end])
    expected = (counts @ net.ending.wide.table.weight + net.ending.wide.bias).relu()
    torch.testing.assert_close(net(batch, [0])[0][:, 24:], scaled(expected))


def test_only_texts_have_a_wide_part():
    tagger = Cnn().build([LAYOUT], ["tagging"])
    assert tagger.parts(0) == tagger.sequence
    assert tagger.ending.wide is None
    assert Cnn(wide=0).build([replace(LAYOUT, ngrams=0)], ["binary"]).ending.wide is None


def test_training_leaves_out_whole_words():
    net, batch = encoder(word_dropout=0.5), tokens([400])
    words = net.layers[0].train()(None, batch, 0)
    kept = words.ne(0).any(dim=1)
    # 400 draws at one half: 4 standard deviations
    assert 160 < kept.sum() < 240
    torch.testing.assert_close(words[kept], 2 * net.layers[0].eval()(None, batch, 0)[kept])


def test_a_word_s_state_knows_its_neighbours_and_no_further():
    net, batch = encoder(widths=(3,)), tokens([6])
    changed = batch.ids.clone()
    changed[0] = (changed[0] + 1) % 50
    differs = (net(batch, [1])[0] != net(Tokens(changed, batch.offsets), [1])[0]).any(dim=1)
    assert differs[:2].any()
    assert not differs[2:].any()


def test_gradients_are_those_of_each_row_pooled_alone():
    net, batch = encoder(), tokens([3, 0, 5])
    target = torch.randn(3, 24, generator=torch.Generator().manual_seed(2))
    parameters = list(net.layers[1].parameters())
    together = torch.autograd.grad((net(batch, [0])[0][:, :24] * target).sum(), parameters)
    states = [textbook_states(net, batch.ids[:3]), torch.zeros(1, 12), textbook_states(net, batch.ids[3:])]
    pooled = torch.stack([torch.cat([row.amax(0), row.mean(0)]) for row in states])
    alone = torch.autograd.grad((scaled(pooled) * target).sum(), parameters)
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)
