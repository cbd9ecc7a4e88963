import builtins
import random
import re
import sys

import pytest
import torch

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.strategies.balancers import torchjd as adapter
from ray_mtlkd.strategies.balancers.base import Signals
from ray_mtlkd.strategies.balancers.torchjd import TorchJD

aggregation = pytest.importorskip("torchjd.aggregation")

GRAM = ((1.0, -0.5, 0.2), (-0.5, 2.0, -0.1), (0.2, -0.1, 0.5))


def signals(gram=GRAM, seed=0):
    count = len(gram)
    return Signals(
        tasks=tuple(range(count)),
        losses=(1.0,) * count,
        regression=(False,) * count,
        gram=gram,
        rng=random.Random(seed),
    )


@pytest.mark.parametrize("method", ["MGDA", "AlignedMTL", "IMTLG"])
def test_the_weights_are_those_of_torchjd(method):
    weights, _ = TorchJD(method=method).weigh(signals(), ())
    expected = getattr(aggregation, f"{method}Weighting")()(torch.tensor(GRAM, dtype=torch.float64))
    assert weights.shared == tuple(expected.tolist())
    assert weights.heads == (1.0, 1.0, 1.0)


def test_an_option_reaches_the_method():
    weights, _ = TorchJD(method="AlignedMTL", options={"scale_mode": "rmse"}).weigh(signals(), ())
    expected = aggregation.AlignedMTLWeighting(scale_mode="rmse")(torch.tensor(GRAM, dtype=torch.float64))
    assert weights.shared == tuple(expected.tolist())
    assert weights != TorchJD(method="AlignedMTL").weigh(signals(), ())[0]


def test_chance_comes_from_the_signals_generator():
    gram = tuple(tuple(-0.2 + 2.0 * (i == j) * (i + 1) for j in range(5)) for i in range(5))
    seen = [TorchJD(method="PCGrad").weigh(signals(gram, seed), ())[0].shared for seed in (1, 2, 1)]
    assert seen[0] == seen[2] != seen[1]


def test_the_nine_methods_that_the_docstring_names_are_offered():
    offered = [name for name, weighting in adapter._weightings().items() if not hasattr(weighting, "reset")]
    assert sorted(offered) == re.findall(r"[A-Z]\w+", re.search(r"offers nine: (.*?)\.", TorchJD.__doc__, re.DOTALL)[1])


def test_an_unknown_method_lists_the_valid_ones(refused):
    with refused() as caught:
        TorchJD(method="UPGard").init(3)
    assert "MGDA, PCGrad" in caught.value.fix


@pytest.mark.parametrize("method", ["GradVac", "PCD"])
def test_a_method_with_a_memory_is_refused(method, refused):
    with refused() as caught:
        TorchJD(method=method).init(3)
    assert method not in caught.value.fix


def test_unknown_missing_and_mistyped_options_are_reported_together(refused):
    with refused(ExceptionGroup) as caught:
        TorchJD(method="Krum", options={"n_selcted": 1, "n_selected": "x"}).init(3)
    assert [problem.where for problem in caught.value.exceptions] == [
        "balancer.options.n_selcted",
        "balancer.options.n_selected",
        "balancer.options.n_byzantine",
    ]


def test_an_option_that_takes_a_torch_object_cannot_be_set(refused):
    with refused():
        TorchJD(method="AlignedMTL", options={"pref_vector": 1.0}).init(3)


def test_an_option_out_of_range_is_refused_in_torchjds_words():
    with pytest.raises(MtlkdError) as caught:
        TorchJD(method="MGDA", options={"max_iters": -1}).init(3)
    assert caught.value.where == "balancer.options"
    assert str(caught.value.__cause__).startswith(caught.value.what)


def test_a_method_that_needs_more_tasks_says_so_before_training():
    krum = TorchJD(method="Krum", options={"n_byzantine": 1})
    assert krum.init(4) == ()
    with pytest.raises(MtlkdError) as caught:
        krum.init(3)
    assert caught.value.where == "balancer"


def test_weights_that_are_not_finite_are_an_error(refused):
    with refused():
        TorchJD(method="MGDA").weigh(signals(((float("nan"), 0.0), (0.0, 1.0))), ())


def test_without_what_the_method_needs_the_error_names_it(monkeypatch, refused):
    class Needy(torch.nn.Module):
        def __init__(self):
            raise ImportError("Needy requires ['quadprog'] to be installed.")

    monkeypatch.setattr(adapter, "_weightings", lambda: {"Needy": Needy})
    with refused():
        TorchJD(method="Needy").init(3)


def test_without_torchjd_the_error_names_the_extra(monkeypatch, refused):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("torchjd"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.delitem(sys.modules, "torchjd.aggregation", raising=False)
    adapter._weightings.cache_clear()
    adapter._build.cache_clear()
    with refused():
        TorchJD(method="MGDA").init(3)


def test_equal_balancers_have_equal_hashes():
    one, same = (TorchJD(method="CAGrad", options={"c": 0.5}) for _ in range(2))
    assert one == same
    assert hash(one) == hash(same)
    assert one != TorchJD(method="CAGrad", options={"c": 0.4})
