import itertools
from statistics import fmean

import pytest

from ray_mtlkd.report import history
from ray_mtlkd.report.load import of
from ray_mtlkd.report.search_budget import expected_best, search_budget

SCORES = [0.31, 0.12, 0.47, 0.29, 0.4]


@pytest.mark.parametrize("k", range(1, 6))
def test_the_best_of_k_is_the_mean_over_all_choices(k):
    choices = [max(choice) for choice in itertools.combinations(SCORES, k)]
    assert expected_best(SCORES, k) == pytest.approx(fmean(choices))


@pytest.fixture
def table(made, failed):
    """The table of trials, cell by cell, by strategy; a strategy's trials are (configuration, seed, metric)."""

    def shown(strategies, *, stage="search"):
        records = []
        for strategy, trials in strategies.items():
            for index, seed, metric in trials:
                own = made(strategy, seed=seed, test=[metric or 0.0], stage=stage, config_index=index)
                records.append(own if metric is not None else failed(own, "loss is NaN"))
        rows = history.trials(of([record for trial in records for record in trial]).table)
        lines = [line.strip("| ").split(" | ") for line in search_budget(rows).splitlines()]
        return {line[1].strip("`"): line[2:] for line in lines}

    return shown


def test_a_strategy_may_lead_with_few_configurations_and_fall_back_with_many(table):
    found = table(
        {
            "sum": [(index, 0, metric) for index, metric in enumerate([0.5, 0.5, 0.5, 0.5, 0.5])],
            "static": [(index, 0, metric) for index, metric in enumerate([0.1, 0.1, 0.1, 0.1, 0.9])],
        }
    )
    assert found["strategy"] == ["best of 1", "best of 2", "best of 4", "best of 5"]
    assert [cell[-3:] for cell in found["sum"]] == ["(1)", "(1)", "(2)", "(2)"]
    assert [cell[-3:] for cell in found["static"]] == ["(2)", "(2)", "(1)", "(1)"]


def test_seeds_count_by_their_mean_and_failures_as_the_worst(table):
    several = table({"sum": [(0, 0, 0.2), (0, 10, 0.4), (1, 0, 0.6), (1, 10, 0.6)]})
    single = table({"sum": [(0, 0, 0.3), (1, 0, 0.6)]})
    assert several == single
    assert table({"sum": [(0, 0, 0.3), (1, 0, 0.6), (2, 0, None)]}) == table(
        {"sum": [(0, 0, 0.3), (1, 0, 0.6), (2, 0, 0.3)]}
    )


def test_replicates_stand_in_where_there_was_no_search_and_one_configuration_has_no_table(table):
    assert table({"sum": [(0, 1, 0.3), (1, 1, 0.6)]}, stage="replicate") == table({"sum": [(0, 0, 0.3), (1, 0, 0.6)]})
    assert table({"sum": [(0, 1, 0.3), (0, 2, 0.6)]}, stage="replicate") == {}
