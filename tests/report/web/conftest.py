"""How training went, of made-up trials."""

import pytest

from ray_mtlkd.report import load
from ray_mtlkd.report.runs import group
from ray_mtlkd.report.web.course_charts import courses


@pytest.fixture
def course(fake_trial, write, tmp_path):
    """A setup with one trial of each strategy, and their courses."""

    def of(*names):
        trials = [fake_trial(setup="similar", strategy=name, seed=seed) for name in names for seed in (4, 2)]
        records = load.read([str(write(tmp_path, iter(trials)))])
        (setup,) = group(records.table)
        return setup, courses(setup, records)

    return of
