import pytest

from ray_mtlkd.decode import decode
from ray_mtlkd.errors import MtlkdError, gather
from ray_mtlkd.training.settings import Convergence, Distillation, Optimization, Relabelling


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


WRONG = [
    (Optimization, {"steps": 0}, "steps"),
    (Optimization, {"lr": 0.0}, "lr"),
    (Optimization, {"warmup": 1.0}, "warmup"),
    (Optimization, {"label_smoothing": -0.1}, "label_smoothing"),
    (Optimization, {"weight_decay": -0.1}, "weight_decay"),
    (Optimization, {"ema": 1.0}, "ema"),
    (Optimization, {"clip_norm": 0.0}, "clip_norm"),
    (Optimization, {"sampling": 0.5}, "sampling"),
    (Optimization, {"batch_size": 0}, "batch_size"),
    (Optimization, {"batch_size": {}}, "batch_size"),
    (Optimization, {"batch_size": {"a": 4, "b": 0}}, "batch_size.b"),
    (Optimization, {"batch_size": {"a": 4}, "sampling": "proportional"}, "sampling"),
    (Optimization, {"accumulation": 0}, "accumulation"),
    (Optimization, {"accumulation": 65}, "accumulation"),
    (Optimization, {"accumulation": 5, "batch_size": {"a": 4}}, "accumulation"),
    (Optimization, {"eval_every": 0}, "eval_every"),
    (Optimization, {"eval_every": 601}, "eval_every"),
    (Convergence, {"patience": 0}, "patience"),
    (Convergence, {"min_delta": -1e-9}, "min_delta"),
    (Distillation, {"temperature": 0.0}, "temperature"),
    (Distillation, {"kd_weight": 0.0}, "kd_weight"),
    (Distillation, {"kd_weight": "automatic"}, "kd_weight"),
    (Distillation, {"pull": 0.0}, "pull"),
    (Distillation, {"pull": 1.1}, "pull"),
    (Distillation, {"every": 0}, "every"),
    (Distillation, {"label_weight": 1.0}, "label_weight"),
    (Distillation, {"label_weight": "mix"}, "label_weight"),
    (Distillation, {"top_k": 0}, "top_k"),
    (Relabelling, {"pool_size": 0}, "pool_size"),
    (Relabelling, {"where": "pool", "gpus_per_actor": 1.5}, "gpus_per_actor"),
    (Relabelling, {"gpus_per_actor": 0.5}, "gpus_per_actor"),
]


@pytest.mark.parametrize(("kind", "wrong", "place"), WRONG)
def test_a_mistake_is_an_error_at_its_key(kind, wrong, place):
    with pytest.raises(MtlkdError) as caught:
        decode(kind, wrong, where="section")
    assert caught.value.where == f"section.{place}"


@pytest.mark.parametrize(("kind", "wrong", "place"), WRONG)
def test_settings_out_of_range_are_refused_in_python_too(kind, wrong, place):
    with pytest.raises(ValueError, match=place.partition(".")[0]):
        kind(**wrong)


def test_four_mistakes_in_a_section_are_four_errors():
    problems = []
    with gather(problems):
        decode(Optimization, {"lr": -1.0, "warmup": 1.5, "steps": 0, "batch_size": "all"}, where="training")
    assert sorted(problem.where for problem in problems) == [
        "training.batch_size",
        "training.lr",
        "training.steps",
        "training.warmup",
    ]


def test_settings_that_do_not_go_together_are_all_named():
    problems = []
    with gather(problems):
        decode(Optimization, {"steps": 10, "batch_size": {"a": 2}, "sampling": 2, "accumulation": 3}, where="training")
    assert sorted(problem.where for problem in problems) == [
        "training.accumulation",
        "training.eval_every",
        "training.sampling",
    ]
