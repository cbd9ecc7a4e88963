import io

import numpy as np
import pyarrow.parquet as pq
import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.records import Rung
from ray_mtlkd.report import load
from ray_mtlkd.seals import sealed_table
from ray_mtlkd.sweep import archive
from ray_mtlkd.sweep.halving import FAILED, Found
from ray_mtlkd.sweep_folder import HEAD, SweepFolder


@pytest.fixture
def folder(tmp_path):
    return SweepFolder.at(str(tmp_path / "sweep"))


@pytest.fixture
def write(folder, record):
    """Writes trials of the given seeds."""

    def written(seeds, **changes):
        for seed in seeds:
            name = f"s-sum-r{seed:03}"
            archive.write_records(folder, name, [record(trial=name, seed=seed, stage="replicate", **changes)])

    return written


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(archive, "BLOCK", 4)
    monkeypatch.setattr(archive, "_GROUP_ROWS", 2)


def _read(folder):
    rows = load.read([folder.uri]).table.drop_columns(["file"]).to_pylist()
    return sorted(rows, key=lambda row: row["trial"])


def test_finished_trials_are_known_by_their_scores_and_lost_ones_run_again(folder, record):
    archive.write_records(folder, "good", [record(trial="good", score=0.5)])
    archive.write_records(folder, "bad", [record(trial="bad", score=None, status="failed", error="task a: nan")])
    archive.write_records(folder, "lost", [record(trial="lost", score=None, status="lost", error="no words matter")])
    assert archive.finished(folder) == {"good": Found(score=0.5), "bad": FAILED}
    assert archive.count(folder).failed == 2


def test_a_trial_that_has_paused_is_known_by_its_rungs(folder, record):
    rungs = [Rung(share=0.25, score=None), Rung(share=0.5, score=0.4)]
    archive.write_records(folder, "half", [record(trial="half", score=0.5, rungs=rungs, stopped_at=0.5)])
    assert archive.finished(folder) == {"half": Found(score=0.5, rungs=(None, 0.4), is_over=False)}


def test_a_draft_that_a_killed_worker_left_is_no_record(folder, record):
    archive.write_records(folder, "good", [record(trial="good", score=0.5)])
    folder.root.write("records/half.parquet.draft", b"PAR1")
    assert archive.finished(folder) == {"good": Found(score=0.5)}
    assert archive.count(folder).failed == 0


@pytest.mark.usefixtures("small_blocks")
def test_merged_files_say_what_the_trials_files_said(folder, write):
    write(range(8), score=0.5)
    write([8, 9], score=None, status="failed", error="task a: nan")
    before = _read(folder), archive.finished(folder), archive.count(folder).failed
    curves = load.read([folder.uri]).curves(["s-sum-r002", "s-sum-r009"]).to_pylist()
    archive.merge(folder)
    assert folder.records.names() == [
        "00000.parquet",
        "00001.parquet",
        "s-sum-r008.parquet",
        "s-sum-r009.parquet",
    ]
    assert (_read(folder), archive.finished(folder), archive.count(folder).failed) == before
    assert load.read([folder.uri]).curves(["s-sum-r002", "s-sum-r009"]).to_pylist() == curves


@pytest.mark.usefixtures("small_blocks")
def test_a_sweep_that_goes_on_merges_into_further_files(folder, write):
    write(range(4))
    archive.merge(folder)
    write(range(4, 9))
    archive.merge(folder)
    assert folder.records.names() == ["00000.parquet", "00001.parquet", "s-sum-r008.parquet"]
    assert len(_read(folder)) == 9


@pytest.mark.usefixtures("small_blocks")
def test_trials_count_once_where_a_merge_was_interrupted(folder, write):
    write(range(4), score=0.5)
    archive.merge(folder)
    write([1, 3], score=0.5)
    assert [row["seed"] for row in _read(folder)] == [0, 1, 2, 3]
    assert len(archive.finished(folder)) == 4


@pytest.mark.usefixtures("small_blocks")
def test_a_lost_trial_that_ran_again_counts_as_it_ended_then(folder, write):
    write([0], score=None, status="lost", error="the worker is gone")
    write(range(1, 4), score=0.5)
    archive.merge(folder)
    assert len(archive.finished(folder)) == 3
    write([0], score=0.7)
    assert archive.finished(folder)["s-sum-r000"].score == 0.7
    assert archive.count(folder).failed == 0
    assert [row["score"] for row in _read(folder)] == [0.7, 0.5, 0.5, 0.5]


@pytest.mark.usefixtures("small_blocks")
def test_a_damaged_file_stays_and_is_named(folder, write):
    write(range(3))
    folder.root.write("records/s-sum-r003.parquet", b"PAR1 and then nothing")
    archive.merge(folder)
    assert folder.records.names() == ["00000.parquet", "s-sum-r003.parquet"]
    with pytest.raises(MtlkdError) as caught:
        load.read([folder.uri])
    assert caught.value.where.endswith("s-sum-r003.parquet")
    with pytest.raises(MtlkdError) as caught:
        archive.finished(folder)
    assert caught.value.where.endswith("records/s-sum-r003.parquet")


@pytest.mark.usefixtures("small_blocks")
def test_a_block_of_damaged_files_is_left_and_the_others_are_merged(folder, write):
    for seed in range(4):
        folder.root.write(f"records/a-{seed}.parquet", b"PAR1 and then nothing")
    write(range(4))
    archive.merge(folder)
    assert folder.records.names() == ["00000.parquet", *(f"a-{seed}.parquet" for seed in range(4))]


@pytest.mark.usefixtures("small_blocks")
def test_files_that_lack_a_column_are_merged_as_they_are_read_and_those_with_an_unknown_one_are_left(folder, write):
    write(range(8), score=0.5, stalls=3)
    for at, name in enumerate(folder.records.names()):
        table = pq.read_table(io.BytesIO(folder.records.read(name)))
        other = table.drop_columns(["stalls"]) if at < 4 else table.append_column("later", [[1]])
        buffer = io.BytesIO()
        pq.write_table(other, buffer)
        folder.records.write(name, sealed_table(buffer.getvalue()))
    before = _read(folder)
    archive.merge(folder)
    assert folder.records.names() == ["00000.parquet", *(f"s-sum-r{seed:03}.parquet" for seed in range(4, 8))]
    assert _read(folder) == before
    assert [row["stalls"] for row in before] == [0] * 4 + [3] * 4


@pytest.mark.usefixtures("small_blocks")
def test_a_lost_trial_that_ran_again_and_was_merged_again_is_read_as_it_ended_then(folder, write):
    write([0], score=None, status="lost", error="the worker is gone")
    write(range(1, 4), score=0.5)
    archive.merge(folder)
    write([0], score=0.7)
    write(range(4, 7), score=0.5)
    archive.merge(folder)
    assert folder.records.names() == ["00000.parquet", "00001.parquet"]
    found = {each[0].identity.seed: each[0].end.score for each in archive.read_trials(folder)}
    assert found == {0: 0.7, **dict.fromkeys(range(1, 7), 0.5)}


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("merged", [False, True])
def test_a_changed_bit_of_a_record_is_told_with_the_file_and_never_read_or_rebuilt(folder, write, merged):
    write(range(4), score=0.5)
    if merged:
        archive.merge(folder)
    name = folder.records.names()[0]
    data = folder.records.read(name)
    folder.root.write(HEAD, b"what makes it a sweep's folder")
    mark = 8 * data.index(b"ray_mtlkd sha256")
    for bit in (mark, *np.random.default_rng(0).integers(8 * len(data), size=60)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        folder.records.write(name, bytes(changed))
        for look in (archive.finished, _read):
            with pytest.raises(MtlkdError) as caught:
                look(folder)
            assert caught.value.where == f"{folder.uri}/records/{name}"
    assert folder.records.read(name) == bytes(changed)


@pytest.mark.usefixtures("small_blocks")
def test_trials_are_read_one_after_the_other_each_once_wherever_they_stand(folder, write, record):
    write(range(6))
    archive.merge(folder)
    both = [record(trial="s-sum-r001", task=task, task_index=at, score=0.75) for at, task in enumerate("ab")]
    archive.write_records(folder, "s-sum-r001", both)  # which ran again

    def trials(**options):
        return sorted(each[0].identity.trial for each in archive.read_trials(folder, **options))

    every = [f"s-sum-r{seed:03}" for seed in range(6)]
    assert trials() == every
    assert trials(names=every[:2], without=every[:1]) == every[1:2]
    assert trials(without=every) == []
    (found,) = archive.read_trials(folder, names=["s-sum-r001"])
    assert found == both


def test_a_trial_s_file_that_is_merged_meanwhile_is_no_damage(folder, write, monkeypatch):
    write([1])
    names = folder.records.names()
    monkeypatch.setattr(type(folder.records), "names", lambda _: [*names, "s-sum-r009.parquet"])
    assert len(list(archive.read_trials(folder))) == 1
