from pathlib import Path
from types import SimpleNamespace

import pytest

from ray_mtlkd.cluster.ray_private import failure_told
from ray_mtlkd.sweep.losses import Losses, WorkerLoss

KILLED = """1 worker(s) were killed due to the node running low on memory. Memory on the node (IP: 192.0.2.2) was \
2.22GB used / 2.44GB limit (0.909047)
OOM kill reason: Memory usage 2240716800B exceeded threshold of 2097152000B
Considered workers: [
Selected to kill: (Actor(19): task name=ImplicitFunc.__init__, pid=22775, actual memory used={own}GB, worker ID=95)
]
"""
DIED = "The actor died unexpectedly before finishing this task.\n\tclass_name: ImplicitFunc\n"
OWN = (
    "\x1b[36mray::ImplicitFunc.train()\x1b[39m (pid=1)\n  File x, line 1\nOSError: [Errno 28] No space left on device\n"
)


@pytest.mark.parametrize(
    ("text", "loss"),
    [
        (
            KILLED.format(own="0.30"),
            WorkerLoss(reason="2.22 of 2.44 GB were in use, 0.3 GB by the trial", is_memory=True),
        ),
        (
            KILLED.format(own="1.30"),
            WorkerLoss(reason="2.22 of 2.44 GB were in use, 1.3 GB by the trial", is_memory=True, is_largest=True),
        ),
        (DIED, WorkerLoss(reason="The actor died unexpectedly before finishing this task.")),
        (OWN, WorkerLoss(reason="OSError: [Errno 28] No space left on device")),
    ],
    ids=["others' memory", "its memory", "died", "own"],
)
def test_what_tune_noted_of_a_failure_says_whether_it_was_memory(text, loss, tmp_path):
    file = Path(tmp_path / "error.txt")
    file.write_text(f"Failure # 1 (occurred at 2026-01-31_12-00-00)\n{text}\n")
    assert WorkerLoss.told_by(failure_told(SimpleNamespace(error_file=str(file)))) == loss


def test_after_a_kill_for_memory_nothing_starts_for_longer_each_time_until_a_trial_ends_well():
    now = [0.0]
    losses = Losses(say=lambda _: None, clock=lambda: now[0])

    def pause():
        began = now[0]
        losses.note(f"trial at {began}", WorkerLoss(reason="full", is_memory=True))
        while losses.is_pausing:
            now[0] += 1
        return now[0] - began

    assert [pause() for _ in range(4)] == [15, 30, 60, 60]
    losses.ended_well()
    assert pause() == 15


@pytest.mark.parametrize("is_memory", [True, False], ids=["memory", "else"])
def test_the_user_is_told_of_each_trial_that_lost_its_worker(is_memory, worded):
    said = []
    Losses(say=said.append).note(
        "one", WorkerLoss(reason="2 of 2 GB were in use, 1 GB by the trial", is_memory=is_memory)
    )
    worded(said[0])
