import pytest

from benchmarks.evaluation import EvaluationTimes, measure, report
from ray_mtlkd import setups
from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.strategies import decode_strategy
from ray_mtlkd.training.configuration import Configuration
from ray_mtlkd.training.job import Job
from ray_mtlkd.training.loop import Loop
from ray_mtlkd.training.settings import Optimization


def test_the_clock_hears_every_step_and_every_evaluation_of_a_run_and_is_gone_afterwards():
    encoder = Mlp(hidden=(16,))
    configuration = Configuration(
        strategy=decode_strategy("sum", where="strategy"),
        architecture=Architecture(encoder=encoder),
        training=Optimization(steps=20, eval_every=5, batch_size=8),
    )
    tables = as_tensors(setups.featurise(setups.read("similar", data_dir=None), encoder.features))
    evaluate = Loop._evaluate
    spent = measure(Job(tables=tables, configuration=configuration, seed=0))
    assert (len(spent.steps), len(spent.metrics), len(spent.evaluations)) == (20, 4, 4)
    assert all(0 < inner <= outer for inner, outer in zip(spent.metrics, spent.evaluations, strict=True))
    assert Loop._evaluate is evaluate


def test_metrics_are_weighed_against_steps_alone():
    spent = EvaluationTimes(steps=[0.01] * 50, metrics=[0.01, 0.01], evaluations=[0.03, 0.02])
    rows = {(row.what, row.unit): row for row in report("bag", [spent], every=25)}
    assert rows["all validation metrics", "% of training"].figure == pytest.approx(4.0)
    assert rows["all validation metrics", "% of training"].reached is True
    assert rows["the rest of an evaluation", "% of training"].figure == pytest.approx(6.0)
    assert rows["interval at which these cost 5 %", "steps"].figure == pytest.approx(20.0)
