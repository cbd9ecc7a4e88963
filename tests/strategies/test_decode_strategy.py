import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.strategies import BALANCERS, CURRICULA, NAMED, Strategy, decode_strategy, fit_tasks
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
    """Every problem of a document, as the user reads it."""
    with pytest.raises((MtlkdError, ExceptionGroup)) as caught:
        decode_strategy(value, where="strategies[0]")
    return [str(problem) for problem in getattr(caught.value, "exceptions", [caught.value])]


@pytest.mark.parametrize("name", sorted(set(NAMED) - {"static"}))
def test_a_name_alone_is_a_strategy(name):
    strategy = decode_strategy(name, where="")
    assert strategy.name == name
    assert (strategy.curriculum.name, strategy.balancer.name) == NAMED[name]


def test_the_named_pairs_are_made_of_what_the_lists_hold():
    assert {curriculum for curriculum, _ in NAMED.values()} == set(CURRICULA)
    assert {balancer for _, balancer in NAMED.values()} == set(BALANCERS) - {"torchjd"}


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
    ("value", "said"),
    [
        ("jiont_kd", "strategies[0]: unknown strategy 'jiont_kd'; did you mean 'joint_kd'? use one of: gradnorm"),
        ("torchjd", "strategies[0]: unknown strategy 'torchjd'; did you mean 'torchjd:METHOD'?"),
        ("torchjd:", "strategies[0]: unknown strategy 'torchjd:'"),
        ({"name": 3}, "strategies[0].name: unknown strategy 3"),
        ("static", "strategies[0].balancer.weights: missing; add this key"),
        (3, "strategies[0]: 3 is not a strategy; give a name"),
        (None, "strategies[0]: None is not a strategy"),
        ({"label": "x"}, "strategies[0]: no strategy is named; add `name`, or `curriculum` and `balancer`"),
        ({"name": "sum", "label": ""}, "strategies[0].label: '' is not a name"),
        ({"curriculum": "joint_kdd"}, "strategies[0].curriculum: unknown curriculum 'joint_kdd'; did you mean"),
        ({"curriculum": ["joint"]}, "strategies[0].curriculum: ['joint'] is not a curriculum"),
        ({"curriculum": {"name": ["joint"]}}, "strategies[0].curriculum: unknown curriculum"),
        ({"balancer": "torchjd"}, "strategies[0].balancer: unknown balancer 'torchjd'"),
        (
            {"balancer": {"name": "torchjd:MGDA", "method": "UPGrad"}},
            "strategies[0].balancer.method: the name already says the method",
        ),
        ({"balancer": "sum:x"}, "strategies[0].balancer: the balancer 'sum:x' cannot be imported"),
        ({"curriculum": "torchjd:x"}, "strategies[0].curriculum: the curriculum 'torchjd:x' cannot be imported"),
        (
            {"name": "gradnorm", "balancer": "uncertainty"},
            "strategies[0].balancer: the strategy 'gradnorm' has the balancer 'gradnorm', not 'uncertainty'; leave out",
        ),
        ({"name": "sum", "balancer": {"lr": 1}}, "strategies[0].balancer.lr: unknown key 'lr'; remove it"),
        (
            {"name": "static", "balancer": {"weights": [1, 0]}},
            "strategies[0].balancer.weights[1]: 0 does not fit; give a number above 0",
        ),
        (
            {"name": "sequential_kd", "curriculum": {"order": "by_sise"}},
            "strategies[0].curriculum.order: \"by_sise\" does not fit; give 'by_size' or 'by_difficulty', or a list",
        ),
        ({"name": "joint_kd", "curriculum": {"rewind": "yes"}}, 'strategies[0].curriculum.rewind: "yes" does not fit'),
    ],
)
def test_one_mistake_is_one_problem_at_its_path(value, said):
    (problem,) = problems(value)
    assert problem.startswith(said)


def test_all_mistakes_of_a_strategy_are_reported_together():
    found = problems(
        {
            "name": "gradnorm",
            "labl": "x",
            "curriculum": {"rewind": True},
            "balancer": {"optimizer": "rms", "lr": "fast", "alfa": 1},
        }
    )
    assert [problem.split(":")[0].removeprefix("strategies[0].") for problem in found] == [
        "labl",
        "curriculum.rewind",
        "balancer.lr",
        "balancer.optimizer",
        "balancer.alfa",
    ]


@pytest.mark.parametrize(
    ("name", "balancer", "places"),
    [
        ("gradnorm", {"alpha": 11, "lr": 0}, ["alpha", "lr"]),
        ("gradnorm", {"alpha": -0.1, "lr": 1.5}, ["alpha", "lr"]),
        ("uncertainty", {"lr": 0, "log_variance": -21}, ["lr", "log_variance"]),
        ("static", {"weights": [1, -1, 0]}, ["weights[1]", "weights[2]"]),
    ],
)
def test_a_hyper_parameter_out_of_range_is_an_error_at_its_key(name, balancer, places):
    found = problems({"name": name, "balancer": balancer})
    assert [problem.split(":")[0].removeprefix("strategies[0].balancer.") for problem in found] == places


def test_an_unknown_key_is_reported_beside_an_unknown_name():
    assert len(problems({"name": "joint_kdd", "foo": 1})) == 2


def test_what_does_not_fit_the_tasks_is_reported_together_at_its_path():
    strategy = decode_strategy(
        {
            "curriculum": {"name": "sequential_kd", "order": ["a", "x"]},
            "balancer": {"name": "static", "weights": [1, 2]},
        },
        where="",
    )
    with pytest.raises(ExceptionGroup) as caught:
        fit_tasks(strategy, FACTS, where="strategies[4]")
    assert [str(problem).split(";")[0] for problem in caught.value.exceptions] == [
        "strategies[4].balancer.weights: 2 weights for 3 tasks",
        "strategies[4].curriculum.order: the order lacks b, c and names unknown tasks x",
    ]


def test_a_strategy_that_fits_its_tasks_passes_and_one_weight_less_does_not():
    fit_tasks(decode_strategy({"name": "static", "balancer": {"weights": [1, 2, 3]}}, where=""), FACTS, where="")
    with pytest.raises(MtlkdError, match="2 weights for 3 tasks"):
        fit_tasks(decode_strategy({"name": "static", "balancer": {"weights": [1, 2]}}, where=""), FACTS, where="")


def test_tasks_with_models_of_their_own_are_balanced_one_by_one():
    alone = Strategy(name="alone", curriculum=SingleTask(), balancer=StaticWeights(weights=(1.0,)))
    fit_tasks(alone, FACTS, where="")
    three = Strategy(name="three", curriculum=SingleTask(), balancer=StaticWeights(weights=(1.0, 1.0, 1.0)))
    with pytest.raises(MtlkdError, match="3 weights for 1 task"):
        fit_tasks(three, FACTS, where="")
