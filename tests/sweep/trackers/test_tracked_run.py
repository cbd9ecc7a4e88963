import json

import pytest

from ray_mtlkd.records import CurvePoint
from ray_mtlkd.sweep.trackers.tracked_run import tracked_run

CONFIG = json.dumps({"training.lr": 0.1, "training.lr_end": 1, "encoder.hidden": "8, 4", "kd.pull": 0.5})


def _curve(*valid):
    return [
        CurvePoint(step=at, batches=10 * at, valid=each, loss=None, weight=1.0, phase="labels")
        for at, each in enumerate(valid, start=1)
    ]


@pytest.fixture
def records(record):
    """Of two tasks."""

    def make(**changes):
        return [
            record(config=CONFIG, task="a", curve=_curve(0.5, 0.75), test=0.25, **changes),
            record(config=CONFIG, task="b", curve=_curve(None, 1.0), task_index=1, **changes),
        ]

    return make


def test_its_parameters_are_which_trial_it_is_and_what_its_space_varies(records):
    found = tracked_run(records(), swept=["training.lr", "encoder"])
    assert found.parameters == {
        "setup": "u",
        "strategy": "sum",
        "stage": "search",
        "configuration": 0,
        "seed": 1,
        "training.lr": 0.1,
        "encoder.hidden": "8, 4",
    }


def test_its_curves_have_all_tasks_of_an_evaluation_at_one_place_and_no_gaps(records):
    found = tracked_run(records(), swept=[])
    assert found.curves == {
        10: {"valid/a": 0.5, "weight/a": 1.0, "phase/a": 1, "weight/b": 1.0, "phase/b": 1},
        20: {"valid/a": 0.75, "weight/a": 1.0, "phase/a": 1, "valid/b": 1.0, "weight/b": 1.0, "phase/b": 1},
    }
    assert found.final["when_done/test/a"] == 0.25
    assert "when_done/test/b" not in found.final
    assert (found.trial, found.batches, found.error) == ("t", 150, None)


@pytest.mark.parametrize(
    ("status", "error", "said"), [("failed", "loss is NaN", "loss is NaN"), ("lost", None, "lost")]
)
def test_what_ended_it_is_told(records, status, error, said):
    assert tracked_run(records(status=status, error=error), swept=[]).error == said
