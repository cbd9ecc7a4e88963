import pytest

from ray_mtlkd.training.settings import Optimization


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, (2.0, 2.0, 2.0, 2.0)),
        ({"warmup": 0.5}, (1.0, 2.0, 2.0, 2.0)),
        ({"schedule": "cosine"}, (2.0 * 0.8535533905932737, 1.0, 2.0 * 0.14644660940672627, 0.0)),
        ({"schedule": "cosine", "warmup": 0.5}, (1.0, 2.0, 1.0, 0.0)),
    ],
)
def test_the_rate_rises_and_falls_over_the_budget(settings, expected):
    training = Optimization(lr=2.0, **settings)
    assert [training.rate(share) for share in (0.25, 0.5, 0.75, 1.0)] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "wrong",
    [
        {"warmup": 1.0},
        {"label_smoothing": -0.1},
        {"ema": 1.0},
        {"clip_norm": 0.0},
        {"sampling": 0.5},
        {"accumulation": 0},
        {"accumulation": 65},
        {"batch_size": {}},
        {"batch_size": {"a": 4}, "sampling": "proportional"},
        {"eval_every": 601},
    ],
)
def test_values_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=r"must|got|parts|fewer|both|beyond"):
        Optimization(**wrong)
