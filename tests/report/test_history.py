from ray_mtlkd.report import history
from ray_mtlkd.report.load import of
from ray_mtlkd.report.text import NOTHING


def _rows(*trials):
    return history.trials(of([record for trial in trials for record in trial]).table)


def test_a_search_tells_how_many_ran_and_failed_and_which_was_chosen(made, failed):
    rows = _rows(
        made("sum", seed=0, test=[0.5, 0.5], stage="search", config_index=0),
        made("sum", seed=0, test=[0.7, 0.7], stage="search", config_index=1, config='{"training.lr": 0.1}'),
        failed(made("sum", seed=0, test=[0.7, 0.7], stage="search", config_index=2), "loss is NaN"),
        made("sum", seed=9, test=[0.6, 0.6], config_index=1, config='{"training.lr": 0.1}'),
    )
    assert history.searches(rows).splitlines()[2] == (
        "| s | `sum` | 1 of 3 configurations failed | 1 | 1.4000 | `training.lr: 0.1` |"
    )


def test_a_strategy_whose_search_failed_has_no_choice(made, failed):
    rows = _rows(failed(made("sum", seed=0, test=[0.5], stage="search"), "loss is NaN"))
    assert (
        history.searches(rows).splitlines()[2]
        == f"| s | `sum` | 1 of 1 configurations failed | {NOTHING} | {NOTHING} | {NOTHING} |"
    )


def test_only_settings_that_differ_are_shown_and_not_those_that_the_strategy_implies(made):
    settings = '{{"balancer.name": "{}", "encoder.width": 64, "training.lr": {}, "training.steps": {}}}'
    rows = _rows(
        made("sum", seed=1, test=[0.5], config=settings.format("sum", 0.00252053908, 900)),
        made("gradnorm", seed=1, test=[0.5], config=settings.format("gradnorm", 0.1, 900)),
        made("static", seed=1, test=[0.5], config=settings.format("static", 0.1, 800)),
    )
    shown = {line.split("|")[2].strip(): line.split("|")[6].strip() for line in history.searches(rows).splitlines()[2:]}
    assert shown == {
        "`gradnorm`": "`training.lr: 0.1`, `training.steps: 900`",
        "`static`": "`training.lr: 0.1`, `training.steps: 800`",
        "`sum`": "`training.lr: 0.002521`, `training.steps: 900`",
    }


def test_numbers_within_a_setting_are_short_too(made):
    settings = '{{"balancer.weights": "{}, 2.0", "data": "v1.00001"}}'
    rows = _rows(
        *(
            made("static", seed=0, test=[0.5], stage="search", config_index=at, config=settings.format(weight))
            for at, weight in enumerate((3.0980498907189262, 0.25))
        ),
        made("static", seed=1, test=[0.5], config=settings.format(3.0980498907189262)),
    )
    assert "| `balancer.weights: 3.098, 2.0` |" in history.searches(rows)


def test_failed_trials_are_told_with_their_error(made, failed):
    error = "loss is NaN in task t0\nat step | 40"
    rows = _rows(made("sum", seed=1, test=[0.5]), failed(made("sum", seed=2, test=[0.5]), error))
    assert history.failures(rows).splitlines()[2:] == [
        "| s | `sum` | replicate | 2 | w-s-sum-replicate-0-2 | loss is NaN in task t0 at step &#124; 40 |"
    ]
    assert history.failures(rows[:1]) == "No trial failed."
