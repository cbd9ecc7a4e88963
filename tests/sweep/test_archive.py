import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.report import load
from ray_mtlkd.storage import Storage
from ray_mtlkd.sweep import archive


@pytest.fixture
def storage(tmp_path):
    return Storage.at(str(tmp_path / "sweep"))


@pytest.fixture
def write(storage, record):
    """Writes trials of the given seeds."""

    def written(seeds, **changes):
        for seed in seeds:
            name = f"s-sum-r{seed:03}"
            archive.write_records(storage, name, [record(trial=name, seed=seed, stage="replicate", **changes)])

    return written


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(archive, "BLOCK", 4)
    monkeypatch.setattr(archive, "_GROUP_ROWS", 2)


def _read(storage):
    rows = load.read([storage.uri]).table.drop_columns(["file"]).to_pylist()
    return sorted(rows, key=lambda row: row["trial"])


def test_finished_trials_are_known_by_their_scores_and_lost_ones_run_again(storage, record):
    archive.write_records(storage, "good", [record(trial="good", score=0.5)])
    archive.write_records(storage, "bad", [record(trial="bad", score=None, status="failed", error="task a: nan")])
    lost = f"{archive.LOST} 3 times"
    archive.write_records(storage, "lost", [record(trial="lost", score=None, status="failed", error=lost)])
    assert archive.finished(storage) == {"good": 0.5, "bad": None}
    assert archive.count(storage).failed == 2


def test_a_draft_that_a_killed_worker_left_is_no_record(storage, record):
    archive.write_records(storage, "good", [record(trial="good", score=0.5)])
    storage.write("records/half.parquet.draft", b"PAR1")
    assert archive.finished(storage) == {"good": 0.5}
    assert archive.count(storage).failed == 0


@pytest.mark.usefixtures("small_blocks")
def test_merged_files_say_what_the_trials_files_said(storage, write):
    write(range(8), score=0.5)
    write([8, 9], score=None, status="failed", error="task a: nan")
    before = _read(storage), archive.finished(storage), archive.count(storage).failed
    curves = load.read([storage.uri]).curves(["s-sum-r002", "s-sum-r009"]).to_pylist()
    archive.merge(storage)
    assert storage.child("records").names() == [
        "00000.parquet",
        "00001.parquet",
        "s-sum-r008.parquet",
        "s-sum-r009.parquet",
    ]
    assert (_read(storage), archive.finished(storage), archive.count(storage).failed) == before
    assert load.read([storage.uri]).curves(["s-sum-r002", "s-sum-r009"]).to_pylist() == curves


@pytest.mark.usefixtures("small_blocks")
def test_a_sweep_that_goes_on_merges_into_further_files(storage, write):
    write(range(4))
    archive.merge(storage)
    write(range(4, 9))
    archive.merge(storage)
    assert storage.child("records").names() == ["00000.parquet", "00001.parquet", "s-sum-r008.parquet"]
    assert len(_read(storage)) == 9


@pytest.mark.usefixtures("small_blocks")
def test_trials_count_once_where_a_merge_was_interrupted(storage, write):
    write(range(4), score=0.5)
    archive.merge(storage)
    write([1, 3], score=0.5)
    assert [row["seed"] for row in _read(storage)] == [0, 1, 2, 3]
    assert len(archive.finished(storage)) == 4


@pytest.mark.usefixtures("small_blocks")
def test_a_lost_trial_that_ran_again_counts_as_it_ended_then(storage, write):
    write([0], score=None, status="failed", error=f"{archive.LOST} 3 times")
    write(range(1, 4), score=0.5)
    archive.merge(storage)
    assert len(archive.finished(storage)) == 3
    write([0], score=0.7)
    assert archive.finished(storage)["s-sum-r000"] == 0.7
    assert archive.count(storage).failed == 0
    assert [row["score"] for row in _read(storage)] == [0.7, 0.5, 0.5, 0.5]


@pytest.mark.usefixtures("small_blocks")
def test_a_damaged_file_stays_and_is_named(storage, write):
    write(range(3))
    storage.write("records/s-sum-r003.parquet", b"PAR1 and then nothing")
    archive.merge(storage)
    assert storage.child("records").names() == ["00000.parquet", "s-sum-r003.parquet"]
    with pytest.raises(MtlkdError, match="truncated") as caught:
        load.read([storage.uri])
    assert caught.value.where.endswith("s-sum-r003.parquet")
    with pytest.raises(MtlkdError, match="damaged") as caught:
        archive.finished(storage)
    assert caught.value.where.endswith("records/s-sum-r003.parquet")
