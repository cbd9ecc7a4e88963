import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.records import to_table
from ray_mtlkd.report import load
from ray_mtlkd.report.load import of, read


def _two(made):
    return [made("sum", seed=seed, test=[0.5, 0.6]) for seed in (1, 2)]


def test_a_sweeps_directory_a_folder_and_a_file_are_all_read(made, write, tmp_path):
    folder = write(tmp_path, iter(_two(made)))
    file = next((folder / "records").iterdir())
    assert read([str(folder)]).table.num_rows == 4
    assert read([str(folder / "records")]).table.num_rows == 4
    assert read([str(file)]).table.num_rows == 2


def test_a_uri_names_a_place_too(made, write, tmp_path):
    folder = write(tmp_path, iter(_two(made)))
    assert read([folder.as_uri()]).table.num_rows == 4


def test_the_same_folder_twice_is_read_once(made, write, tmp_path):
    folder = write(tmp_path, iter(_two(made)))
    assert read([str(folder), str(folder / "records"), folder.as_uri()]).table.num_rows == 4


def test_a_file_with_several_trials_is_read_whole(made, tmp_path):
    pq.write_table(to_table(record for trial in _two(made) for record in trial), tmp_path / "all.parquet")
    assert read([str(tmp_path / "all.parquet")]).table["trial"].unique().to_pylist() == [
        "w-s-sum-replicate-0-1",
        "w-s-sum-replicate-0-2",
    ]


def test_many_files_are_joined_block_by_block(made, write, tmp_path, monkeypatch):
    monkeypatch.setattr(load, "_FILES_A_BLOCK", 2)
    folder = write(tmp_path, (made("sum", seed=seed, test=[seed / 10]) for seed in range(1, 6)))
    table = read([str(folder)]).table
    assert table["file"].to_pylist() == [0, 1, 2, 3, 4]
    assert table["test"].to_pylist() == [0.1, 0.2, 0.3, 0.4, 0.5]


def test_a_trial_that_ran_twice_counts_once_and_the_finished_one_is_kept(made, failed):
    first = failed(made("sum", seed=1, test=[0.1, 0.1], trial="z-first"), "killed")
    again = made("sum", seed=1, test=[0.5, 0.6], trial="a-again")
    table = of([*first, *again]).table
    assert table["trial"].to_pylist() == ["a-again", "a-again"]
    assert table["test"].to_pylist() == [0.5, 0.6]


def test_rows_written_twice_count_once(made):
    trial = made("sum", seed=1, test=[0.5, 0.6])
    assert of([*trial, *trial]).table.num_rows == 2


def test_searched_configurations_of_one_seed_are_different_trials(made):
    trials = [made("sum", seed=0, test=[0.5], stage="search", config_index=at) for at in range(3)]
    assert of([record for trial in trials for record in trial]).table.num_rows == 3


def test_a_missing_folder_is_named(tmp_path, refused):
    with refused():
        read([str(tmp_path / "nowhere")])


def test_a_sweep_of_which_no_trial_has_ended_is_told_to_be_one(tmp_path, refused):
    (tmp_path / "sweep.json").write_text("{}")
    with refused():
        read([str(tmp_path)])


def test_a_folder_without_records_is_named(tmp_path, refused):
    (tmp_path / "records").mkdir()
    with refused():
        read([str(tmp_path)])


def test_an_unknown_scheme_is_an_error():
    with pytest.raises(MtlkdError) as caught:
        read(["nosuch://bucket/sweep"])
    assert caught.value.where == "nosuch://bucket/sweep"


def test_a_truncated_file_is_named(made, write, tmp_path):
    folder = write(tmp_path, iter(_two(made)))
    bad = folder / "records" / "w-s-sum-replicate-0-1.parquet"
    bad.write_bytes(bad.read_bytes()[:-100])
    with pytest.raises(MtlkdError) as caught:
        read([str(folder)])
    assert caught.value.where == str(bad)


def test_all_bad_files_are_told_together_up_to_a_limit(made, write, tmp_path, worded):
    folder = write(tmp_path, iter(_two(made)))
    for at in range(30):
        (folder / "records" / f"bad{at:02}.parquet").write_bytes(b"")
    with pytest.raises(ExceptionGroup) as caught:
        read([str(folder)])
    *named, last = caught.value.exceptions
    assert [error.where.rpartition("/")[2] for error in named] == [f"bad{at:02}.parquet" for at in range(20)]
    worded(last)


def test_another_schema_is_named_with_its_missing_columns(tmp_path, refused):
    pq.write_table(pa.table({"sweep": ["a"], "setup": ["b"]}), tmp_path / "other.parquet")
    with refused():
        read([str(tmp_path)])


def test_a_column_of_another_type_is_an_error(made, tmp_path):
    table = to_table(made("sum", seed=1, test=[0.5]))
    at = table.column_names.index("seed")
    pq.write_table(table.set_column(at, "seed", pa.array(["one"])), tmp_path / "typed.parquet")
    with pytest.raises(MtlkdError) as caught:
        read([str(tmp_path)])
    assert caught.value.where == str(tmp_path / "typed.parquet")


def test_columns_that_other_tools_widened_are_cast_back(made, tmp_path):
    table = to_table(made("sum", seed=1, test=[0.5]))
    at = table.column_names.index("setup")
    wide = table.set_column(at, "setup", table["setup"].cast(pa.large_string()))
    pq.write_table(wide, tmp_path / "wide.parquet")
    assert read([str(tmp_path)]).table.schema.field("setup").type == pa.string()


def test_a_column_that_a_file_lacks_says_that_there_is_nothing(made, tmp_path):
    table = to_table(made("sum", seed=1, test=[0.5])).drop_columns(["relabelled_where", "warnings"])
    pq.write_table(table, tmp_path / "old.parquet")
    found = read([str(tmp_path)]).table
    assert (found["relabelled_where"].to_pylist(), found["warnings"].to_pylist()) == ([None], [[]])


def test_events_from_before_a_field_of_theirs_are_read(fake_trial, tmp_path):
    trial = fake_trial(setup="similar", strategy="joint_kd", seed=1)
    table = to_table(trial)
    event = pa.struct([each for each in table.schema.field("events").type.value_type if each.name != "model_step"])
    rows = [[{name: each[name] for name in event.names} for each in row] for row in table["events"].to_pylist()]
    at = table.column_names.index("events")
    pq.write_table(table.set_column(at, "events", pa.array(rows, pa.list_(event))), tmp_path / "old.parquet")
    (first, *_) = read([str(tmp_path)]).curves({trial[0].identity.trial})["events"].to_pylist()[0]
    assert (first["kind"], first["model_step"]) == ("converge", None)


@pytest.mark.parametrize(
    "broken", [("sign", 0), ("stage", "final"), ("strategy", None), ("score", None)], ids=lambda broken: broken[0]
)
def test_values_that_no_trial_writes_are_told_with_their_file(made, write, tmp_path, broken, refused):
    column, value = broken
    folder = write(tmp_path, iter([made("sum", seed=1, test=[0.5]), made("sum", seed=2, test=[0.5], trial="odd")]))
    table = pq.read_table(folder / "records" / "odd.parquet")
    at = table.column_names.index(column)
    wrong = table.set_column(at, table.schema.field(at), pa.array([value], type=table.schema.field(at).type))
    pq.write_table(wrong, folder / "records" / "odd.parquet")
    with refused():
        read([str(folder)])


def test_curves_are_read_only_from_the_files_of_the_asked_trials(fake_trial, write, tmp_path):
    trials = [fake_trial(setup="similar", strategy="sum", seed=seed) for seed in (1, 2)]
    folder = write(tmp_path, iter(trials))
    records = read([str(folder)])
    (folder / "records" / f"{trials[1][0].identity.trial}.parquet").unlink()
    table = records.curves({trials[0][0].identity.trial})
    assert table["task"].to_pylist() == [record.identity.task for record in trials[0]]
    assert table["curve"][0].as_py()[3]["valid"] == trials[0][0].result.curve[3].valid


def test_records_without_curves_have_none(fake_trial, tmp_path):
    trial = fake_trial(setup="similar", strategy="sum", seed=1)
    pq.write_table(to_table(trial).drop_columns(["curve", "events"]), tmp_path / "flat.parquet")
    found = read([str(tmp_path)]).curves({trial[0].identity.trial})
    assert found["curve"].to_pylist() == [[]] * 5
