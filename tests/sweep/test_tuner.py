"""Runs of Ray Tune's that end before the sweep does."""

import pytest
import ray
from ray.exceptions import GetTimeoutError, RayActorError

from ray_mtlkd import run_sweep
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.sweep import tuner
from ray_mtlkd.sweep.callback import StatusCallback
from ray_mtlkd.sweep.progress import progress_of

SPACE = """
name: untimely
setups: [similar]
encoder: {name: mlp, hidden: [8]}
training: {steps: 20, batch_size: 16, eval_every: 10}
strategies: [sum]
replicate: {configurations: 1, seeds: [1, 2]}
resources: {keep_models: none, keep_predictions: false}
classical: false
"""


class _Plan:
    """What is left to run."""

    def __init__(self):
        self.finished = {}


@pytest.mark.parametrize("kind", [KeyError, AttributeError, ValueError, AssertionError, GetTimeoutError])
def test_a_run_that_ends_too_soon_again_and_again_without_a_trial_that_ends_is_an_error_that_names_the_cause(
    kind, refused
):
    planned, said = [], []

    def fit(plan):
        planned.append(plan)
        plan.finished.update({"a trial": None} if len(planned) in {2, 4} else {})
        raise kind("of Tune's own")

    with refused() as caught:
        tuner.persistent(fit, _Plan(), _Plan, say=said.append)
    assert len(planned) == 7
    assert len(said) == 6
    assert all(kind.__name__ in line and "of Tune's own" in line for line in (*said, caught.value.what))
    assert isinstance(caught.value.__cause__, kind)


@pytest.mark.parametrize("error", [MtlkdError("x", where="y", fix="z"), PermissionError("full")], ids=["ours", "disk"])
def test_what_somebody_has_to_mend_ends_the_first_run(error):
    def fit(_):
        raise error

    with pytest.raises(type(error)) as caught:
        tuner.persistent(fit, _Plan(), lambda: pytest.fail("there is no other run"), say=pytest.fail)
    assert caught.value is error


@pytest.mark.ray
def test_what_a_run_of_tune_s_leaves_goes_on_in_another_one(tmp_path, here):
    (tmp_path / "space.yaml").write_text(SPACE)
    out, whole, failed = tmp_path / "out", StatusCallback.on_trial_start, []

    def fail(self, **info):
        if not failed:
            failed.append(info["trial"])
            raise KeyError("of Tune's own")
        whole(self, **info)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StatusCallback, "on_trial_start", fail)
        done = here("sweep", tmp_path / "space.yaml", "--out", out)
    assert done.returncode == 0, done.stderr
    assert "another one goes on" in done.stdout
    found = progress_of(str(out))
    assert (found.ended, found.failed, found.planned) == (2, 0, 2)


@pytest.mark.ray
@pytest.mark.usefixtures("cluster")
def test_a_sweep_where_ray_runs_already_leaves_it_there_and_nothing_of_its_own(tmp_path, monkeypatch):
    (tmp_path / "space.yaml").write_text(SPACE)
    boards, start = [], tuner.start_board
    monkeypatch.setattr(tuner, "start_board", lambda: boards.append(start()) or boards[-1])
    assert run_sweep(tmp_path / "space.yaml", out=str(tmp_path / "out"), progress=False).ok == 2
    (board,) = boards
    with pytest.raises(RayActorError):
        ray.get(board.context.remote(), timeout=30)
