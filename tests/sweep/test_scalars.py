from ray_mtlkd.records import CurvePoint, TaskResult, TrialEnd
from ray_mtlkd.sweep.scalars import final_scalars, task_scalars


def test_a_point_of_a_curve_is_named_by_what_it_is_and_its_task():
    known = {"valid": 0.5, "loss": 1.0, "weight": 2.0, "kd_weight": 0.25, "conflict": 0.75}
    assert task_scalars("a", CurvePoint(step=5, batches=10, phase="distilling", **known)) == {
        "train_loss/a": 1.0,
        "valid/a": 0.5,
        "weight/a": 2.0,
        "phase/a": 2,
        "kd_weight/a": 0.25,
        "conflict/a": 0.75,
    }


def test_the_end_has_the_score_and_each_task_s_metrics():
    results = [TaskResult(valid=0.5, test=0.25), TaskResult(valid=1.0)]
    assert final_scalars(TrialEnd(status="ok", score=0.75), ["a", "b"], results) == {
        "when_done/score": 0.75,
        "when_done/valid/a": 0.5,
        "when_done/test/a": 0.25,
        "when_done/valid/b": 1.0,
        "when_done/test/b": None,
    }
