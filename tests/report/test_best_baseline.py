import numpy as np

from ray_mtlkd.report.best_baseline import BEST_BASELINE, as_runs, best_baseline
from ray_mtlkd.report.skills import skills


def _best(setup):
    return best_baseline(setup, skills(setup))


def test_it_is_chosen_on_validation_never_on_test(made, setups_of):
    (setup,) = setups_of(
        made("sum", seed=1, valid=[0.5], test=[0.5]),
        made("static", seed=1, valid=[0.6], test=[0.1]),
        made("pcgrad", seed=1, valid=[0.55], test=[0.9]),
    )
    assert _best(setup).only == "static"


def test_only_baselines_can_be_it(made, setups_of):
    (setup,) = setups_of(
        made("sum", seed=1, test=[0.5]),
        *(made(name, seed=1, test=[0.9]) for name in ("joint_kd", "stop", "single_task")),
    )
    assert _best(setup).only == "sum"


def test_a_tie_goes_to_sum(made, setups_of):
    (setup,) = setups_of(made("sum", seed=1, test=[0.5]), made("gradnorm", seed=1, test=[0.5]))
    assert _best(setup).only == "sum"


def test_without_baselines_there_is_none(made, setups_of):
    (setup,) = setups_of(made("joint_kd", seed=1, test=[0.5]))
    assert _best(setup) is None


def test_each_seed_is_judged_by_the_one_that_the_others_choose(made, setups_of):
    (setup,) = setups_of(
        *(made("sum", seed=seed, valid=[valid], test=[0.5]) for seed, valid in ((1, 0.9), (2, 0.5), (3, 0.5))),
        *(made("static", seed=seed, valid=[valid], test=[0.7]) for seed, valid in ((1, 0.1), (2, 0.6), (3, 0.6))),
    )
    found = _best(setup)
    assert found.by_seed == {("w", 1): "static", ("w", 2): "sum", ("w", 3): "sum"}
    assert (found.only, found.overall, found.said) == (None, "sum", "sum on 2, static on 1")
    runs = as_runs(found, setup)
    assert runs.strategy.name == BEST_BASELINE
    assert runs.seeds == (("w", 1), ("w", 2), ("w", 3))
    assert runs.per_task["test"][:, 0].tolist() == [0.7, 0.5, 0.5]


def test_a_seed_that_it_lost_is_another_ones(made, setups_of):
    (setup,) = setups_of(
        *(made("sum", seed=seed, test=[0.5]) for seed in (1, 2)),
        made("static", seed=1, test=[0.9]),
    )
    found = _best(setup)
    assert found.by_seed == {("w", 1): "sum", ("w", 2): "sum"} or found.by_seed[("w", 2)] == "sum"
    assert np.isfinite(as_runs(found, setup).per_task["test"]).all()
