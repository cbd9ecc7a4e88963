from dataclasses import replace

import pytest

from ray_mtlkd.report.replay import mean_weights


def with_weights(records, by_task):
    """The same trial, whose tasks weighed so much between its first evaluations."""

    def curve(record):
        weights = by_task[record.identity.task_index]
        points = [replace(point, weight=None) for point in record.result.curve]
        return [replace(point, weight=weight) for point, weight in zip(points, weights, strict=False)] + points[
            len(weights) :
        ]

    return [replace(each, result=replace(each.result, curve=curve(each))) for each in records]


@pytest.fixture
def sweep_of(tmp_path, fake_trial, write):
    """A folder of one trial with the given weights, and the trial's name."""

    def make(*by_task):
        records = fake_trial(setup="similar", strategy="gradnorm", seed=1)
        rest = [(1.0,)] * (len(records) - len(by_task))
        folder = write(tmp_path, iter([with_weights(records, [*by_task, *rest])]))
        return str(folder), records[0].identity.trial

    return make


def test_the_weights_are_means_over_the_evaluations_between_which_a_task_trained(sweep_of):
    folder, trial = sweep_of((1.0, 2.0), (None, 0.5))
    found = mean_weights([folder], trial)
    assert found.weights[:2] == (1.5, 0.5)
    assert set(found.weights[2:]) <= {1.0}
    assert (found.setup, found.strategy, len(found.tasks)) == ("similar", "gradnorm", len(found.weights))


@pytest.mark.parametrize("weights", [(1.0, -2.0), (None, None)])
def test_weights_that_cannot_be_fixed_are_refused_at_their_task(sweep_of, refused, weights):
    folder, trial = sweep_of((1.0,), weights)
    with refused() as caught:
        mean_weights([folder], trial)
    assert caught.value.where.startswith(f"{trial}, task ")


@pytest.mark.parametrize("name", ["similar-gradnorm-replicate-c0-s2", "nobody"])
def test_a_trial_that_is_not_there_is_refused(sweep_of, refused, name):
    folder, _ = sweep_of()
    with refused():
        mean_weights([folder], name)


def test_a_trial_that_failed_is_refused(tmp_path, fake_trial, write, failed, refused):
    records = failed(fake_trial(setup="similar", strategy="gradnorm", seed=1), "no luck")
    with refused():
        mean_weights([str(write(tmp_path, iter([records])))], records[0].identity.trial)
