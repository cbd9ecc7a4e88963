from dataclasses import replace

import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.sweep import output
from ray_mtlkd.sweep.output import Head
from ray_mtlkd.training.storage import Storage

HEAD = Head(name="one", space="abcdef0123", tables={"similar": "t1"}, versions={"torch": "2.13.0"})


@pytest.fixture
def storage(tmp_path):
    return Storage.at(str(tmp_path / "sweep"))


def test_a_new_sweep_needs_an_empty_folder(storage, record):
    output.check_empty(storage)
    output.write_records(storage, "t", [record(trial="t")])
    with pytest.raises(MtlkdError, match="something in this folder already"):
        output.check_empty(storage)


def test_the_same_sweep_may_go_on(storage):
    output.create(storage, HEAD, space_text="name: one")
    output.check_same(storage, HEAD)
    assert storage.read("space.yaml") == b"name: one"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space": "other"}, "another search space"),
        ({"tables": {"similar": "t2"}}, "the tables of similar have changed"),
        ({"versions": {"torch": "2.14.0"}}, "torch 2.13.0 is now 2.14.0"),
    ],
)
def test_another_sweep_may_not(storage, changes, message):
    output.create(storage, HEAD, space_text="name: one")
    with pytest.raises(MtlkdError, match=message):
        output.check_same(storage, replace(HEAD, **changes))


def test_a_folder_without_a_sweep_cannot_be_resumed(storage):
    with pytest.raises(MtlkdError, match="no sweep to resume"):
        output.check_same(storage, HEAD)


def test_finished_trials_are_known_by_their_scores_and_lost_ones_run_again(storage, record):
    output.write_records(storage, "good", [record(trial="good", score=0.5)])
    output.write_records(storage, "bad", [record(trial="bad", score=None, status="failed", error="task a: nan")])
    lost = f"{output.LOST} 3 times"
    output.write_records(storage, "lost", [record(trial="lost", score=None, status="failed", error=lost)])
    assert output.finished(storage) == {"good": 0.5, "bad": None}
    assert output.count_failed(storage) == 2


def test_a_draft_that_a_killed_worker_left_is_no_record(storage, record):
    output.write_records(storage, "good", [record(trial="good", score=0.5)])
    storage.write("records/half.parquet.draft", b"PAR1")
    assert output.finished(storage) == {"good": 0.5}
    assert output.count_failed(storage) == 0
