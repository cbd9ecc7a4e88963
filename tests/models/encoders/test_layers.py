import torch

from ray_mtlkd.models.encoders.layers import ngram_ids, pool


def grams(rows, longest=3):
    offsets = torch.tensor([0, *(len(row) for row in rows)]).cumsum(0)
    words = torch.tensor([word for row in rows for word in row], dtype=torch.int64)
    return ngram_ids(words, offsets, longest=longest, buckets=2**20)


def test_the_first_column_is_the_words_themselves():
    assert grams([[5, 6], [7]])[:, 0].tolist() == [5, 6, 7]


def test_equal_ngrams_share_a_bucket_and_their_order_counts():
    ids = grams([[5, 6, 5, 6], [6, 5]])
    assert ids[0, 1] == ids[2, 1]
    assert ids[1, 1] == ids[4, 1] != ids[0, 1]


def test_an_ngram_never_knows_the_next_row():
    alone, before = grams([[5, 6]]), grams([[5, 6], [7, 8]])
    assert torch.equal(before[:2], alone)


def test_hardly_any_two_ngrams_share_a_bucket():
    draw = torch.Generator().manual_seed(0)
    words = torch.randint(0, 2**16, (4000,), generator=draw)
    ids = ngram_ids(words, torch.tensor([0, 4000]), longest=2, buckets=2**20)[:, 1]
    # 4000 balls into 2**20 bins: 8 collisions expected
    assert len(ids.unique()) > 3970


def test_a_pool_is_the_maximum_and_the_mean_of_a_row_and_zeros_without_words():
    states = torch.tensor([[-3.0, 2.0], [-1.0, 4.0], [-5.0, 0.5]])
    pooled = pool(states, torch.tensor([0, 2, 2, 3]))
    assert pooled.tolist() == [[-1.0, 4.0, -2.0, 3.0], [0.0] * 4, [-5.0, 0.5, -5.0, 0.5]]
