import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.strategies import BALANCERS, CURRICULA, FAMILIES, NAMED, Strategy, decode_strategy, fit_tasks
from ray_mtlkd.strategies.balancers.gradnorm import GradNorm
from ray_mtlkd.strategies.balancers.static import StaticWeights
from ray_mtlkd.strategies.balancers.sum_ import Sum
from ray_mtlkd.strategies.balancers.torchjd import TorchJD
from ray_mtlkd.strategies.curricula.base import TaskFacts
from ray_mtlkd.strategies.curricula.joint import Joint
from ray_mtlkd.strategies.curricula.joint_kd import JointKD
from ray_mtlkd.strategies.curricula.sequential_kd import SequentialKD
from ray_mtlkd.strategies.curricula.single_task import SingleTask

FACTS = [TaskFacts(name=name, rows=10, difficulty=0.5) for name in ("a", "b", "c")]


def problems(value):
    """Every problem of a document."""
    with pytest.raises((MtlkdError, ExceptionGroup)) as caught:
        decode_strategy(value, where="strategies[0]")
    return getattr(caught.value, "exceptions", [caught.value])


def places(value):
    """Where every problem of a document is."""
    return [problem.where.removeprefix("strategies[0]") for problem in problems(value)]


@pytest.mark.parametrize("name", sorted(set(NAMED) - {"static"}))
def test_a_name_alone_is_a_strategy(name):
    strategy = decode_strategy(name, where="")
    assert strategy.name == name
    assert (strategy.curriculum.name, strategy.balancer.name) == NAMED[name]


def test_the_named_pairs_are_made_of_what_the_lists_hold():
    assert {curriculum for curriculum, _ in NAMED.values()} == set(CURRICULA)
    assert {balancer for _, balancer in NAMED.values()} == set(BALANCERS) - FAMILIES


@pytest.mark.parametrize(
    ("value", "strategy"),
    [
        (
            {"name": "static", "balancer": {"weights": [1, 1, 2]}},
            Strategy(name="static", curriculum=Joint(), balancer=StaticWeights(weights=(1.0, 1.0, 2.0))),
        ),
        (
            {"name": "sequential_kd", "curriculum": {"order": "by_size", "rewind": True}},
            Strategy(name="sequential_kd", curriculum=SequentialKD(order="by_size", rewind=True), balancer=Sum()),
        ),
        (
            {"name": "sequential_kd", "curriculum": {"order": ["b", "c", "a"]}},
            Strategy(name="sequential_kd", curriculum=SequentialKD(order=("b", "c", "a")), balancer=Sum()),
        ),
        (
            {"curriculum": "joint_kd", "balancer": "gradnorm"},
            Strategy(name="joint_kd+gradnorm", curriculum=JointKD(), balancer=GradNorm()),
        ),
        (
            {"curriculum": {"name": "joint_kd", "rewind": True}, "balancer": {"name": "gradnorm", "alpha": 0.5}},
            Strategy(name="joint_kd+gradnorm", curriculum=JointKD(rewind=True), balancer=GradNorm(alpha=0.5)),
        ),
        ({"balancer": "gradnorm"}, Strategy(name="gradnorm", curriculum=Joint(), balancer=GradNorm())),
        ({"curriculum": "joint_kd"}, Strategy(name="joint_kd", curriculum=JointKD(), balancer=Sum())),
        (
            {"name": "joint_kd", "label": "ours"},
            Strategy(name="ours", curriculum=JointKD(), balancer=Sum()),
        ),
        (
            {"name": "gradnorm", "balancer": {"name": "gradnorm", "lr": 0.1}},
            Strategy(name="gradnorm", curriculum=Joint(), balancer=GradNorm(lr=0.1)),
        ),
        ("torchjd:MGDA", Strategy(name="torchjd:MGDA", curriculum=Joint(), balancer=TorchJD(method="MGDA"))),
        (
            {"balancer": {"name": "torchjd:CAGrad", "options": {"c": 0.5}}},
            Strategy(name="torchjd:CAGrad", curriculum=Joint(), balancer=TorchJD(method="CAGrad", options={"c": 0.5})),
        ),
        (
            {"curriculum": "joint_kd", "balancer": "torchjd:MGDA"},
            Strategy(name="joint_kd+torchjd:MGDA", curriculum=JointKD(), balancer=TorchJD(method="MGDA")),
        ),
    ],
)
def test_every_form_decodes(value, strategy):
    assert decode_strategy(value, where="") == strategy


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("jiont_kd", ""),
        ("torchjd", ""),
        ("torchjd:", ""),
        ({"name": 3}, ".name"),
        ("static", ".balancer.weights"),
        (3, ""),
        (None, ""),
        ({"label": "x"}, ""),
        ({"name": "sum", "label": ""}, ".label"),
        ({"curriculum": "joint_kdd"}, ".curriculum"),
        ({"curriculum": ["joint"]}, ".curriculum"),
        ({"curriculum": {"name": ["joint"]}}, ".curriculum"),
        ({"balancer": "torchjd"}, ".balancer"),
        (
            {"balancer": {"name": "torchjd:MGDA", "method": "UPGrad"}},
            ".balancer.method",
        ),
        ({"balancer": "sum:x"}, ".balancer"),
        ({"curriculum": "torchjd:x"}, ".curriculum"),
        (
            {"name": "gradnorm", "balancer": "uncertainty"},
            ".balancer",
        ),
        ({"name": "sum", "balancer": {"lr": 1}}, ".balancer.lr"),
        (
            {"name": "static", "balancer": {"weights": [1, 0]}},
            ".balancer.weights[1]",
        ),
        (
            {"name": "sequential_kd", "curriculum": {"order": "by_sise"}},
            ".curriculum.order",
        ),
        ({"name": "joint_kd", "curriculum": {"rewind": "yes"}}, ".curriculum.rewind"),
    ],
)
def test_one_mistake_is_one_problem_at_its_path(value, place, worded):
    (problem,) = problems(value)
    assert problem.where == f"strategies[0]{place}"
    worded(problem)


def test_all_mistakes_of_a_strategy_are_reported_together():
    found = places(
        {
            "name": "gradnorm",
            "labl": "x",
            "curriculum": {"rewind": True},
            "balancer": {"optimizer": "rms", "lr": "fast", "alfa": 1},
        }
    )
    assert found == [".labl", ".curriculum.rewind", ".balancer.lr", ".balancer.optimizer", ".balancer.alfa"]


@pytest.mark.parametrize(
    ("name", "balancer", "keys"),
    [
        ("gradnorm", {"alpha": 11, "lr": 0}, ["alpha", "lr"]),
        ("gradnorm", {"alpha": -0.1, "lr": 1.5}, ["alpha", "lr"]),
        ("uncertainty", {"lr": 0, "log_variance": -21}, ["lr", "log_variance"]),
        ("static", {"weights": [1, -1, 0]}, ["weights[1]", "weights[2]"]),
    ],
)
def test_a_hyper_parameter_out_of_range_is_an_error_at_its_key(name, balancer, keys):
    assert places({"name": name, "balancer": balancer}) == [f".balancer.{key}" for key in keys]


def test_an_unknown_key_is_reported_beside_an_unknown_name():
    assert len(problems({"name": "joint_kdd", "foo": 1})) == 2


def test_what_does_not_fit_the_tasks_is_reported_together_at_its_path(refused):
    strategy = decode_strategy(
        {
            "curriculum": {"name": "sequential_kd", "order": ["a", "x"]},
            "balancer": {"name": "static", "weights": [1, 2]},
        },
        where="",
    )
    with refused(ExceptionGroup) as caught:
        fit_tasks(strategy, FACTS, where="strategies[4]")
    assert [problem.where for problem in caught.value.exceptions] == [
        "strategies[4].balancer.weights",
        "strategies[4].curriculum.order",
    ]


def test_a_strategy_that_fits_its_tasks_passes_and_one_weight_less_does_not(refused):
    fit_tasks(decode_strategy({"name": "static", "balancer": {"weights": [1, 2, 3]}}, where=""), FACTS, where="")
    with refused():
        fit_tasks(decode_strategy({"name": "static", "balancer": {"weights": [1, 2]}}, where=""), FACTS, where="")


def test_weights_by_name_name_every_task(refused):
    weights = {"a": 1, "b": 2, "c": 3, "elsewhere": 4}
    fit_tasks(decode_strategy({"name": "static", "balancer": {"weights": weights}}, where=""), FACTS, where="")
    with refused() as caught:
        weights["d"] = weights.pop("c")
        fit_tasks(decode_strategy({"name": "static", "balancer": {"weights": weights}}, where=""), FACTS, where="s")
    assert caught.value.where == "s.balancer.weights"


def test_tasks_with_models_of_their_own_are_balanced_one_by_one(refused):
    alone = Strategy(name="alone", curriculum=SingleTask(), balancer=StaticWeights(weights=(1.0,)))
    fit_tasks(alone, FACTS, where="")
    three = Strategy(name="three", curriculum=SingleTask(), balancer=StaticWeights(weights=(1.0, 1.0, 1.0)))
    with refused():
        fit_tasks(three, FACTS, where="")
