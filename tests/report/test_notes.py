from ray_mtlkd.report.load import of
from ray_mtlkd.report.notes import notes, untrained_tasks

LATE = "the budget ended before t1, t2 had trained and been evaluated: metrics are of the last step"


def test_a_note_stands_once_with_its_strategies_stages_and_seeds(made):
    said = ["t1: five labels are new"]
    trials = [made("sum", seed=seed, test=[0.5, 0.5], notes=said) for seed in (1, 2)]
    trials += [
        made("stop", seed=2, test=[0.5], notes=said),
        made("stop", seed=0, test=[0.5], notes=said, stage="search"),
    ]
    plain = made("sum", seed=3, test=[0.5, 0.5])
    table = of([record for trial in (*trials, plain) for record in trial]).table
    assert notes(table) == [
        "s: t1: five labels are new (replicate: `stop` seed 2, `sum` seeds 1, 2; search: `stop` seed 0)"
    ]


def test_the_note_on_the_budget_names_the_tasks_that_never_trained():
    assert untrained_tasks(["t1: a label is new", LATE], ["t2", "t0", "t1"]) == ("t2", "t1")
    assert untrained_tasks(["t1: a label is new"], ["t0", "t1"]) == ()
