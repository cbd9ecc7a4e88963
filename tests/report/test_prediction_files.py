import numpy as np
import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.report import load
from ray_mtlkd.report.prediction_files import find
from ray_mtlkd.sweep import archive
from ray_mtlkd.sweep_folder import SweepFolder
from tests.predictions import predicted, store


@pytest.fixture
def sweep(tmp_path, made, write):
    """Two strategies, two seeds, predictions of one task; a search trial, which has none."""

    def trials():
        for strategy in ("sum", "static"):
            for seed in (1, 2):
                records = made(strategy, seed=seed, test=[0.5])
                codes = np.array([[seed], [0], [1]], np.int32)
                parts = [
                    predicted(
                        *("multiclass", "accuracy", [0, 0, 1]),
                        task="t0",
                        split=split,
                        likeliest=codes,
                        probabilities=np.ones((3, 1), np.float16),
                    )
                    for split in ("valid", "test")
                ]
                yield store(tmp_path, records, parts)
        yield made("sum", seed=0, test=[0.5], stage="search")

    return write(tmp_path, trials())


def _found(*given):
    return find([str(each) for each in given], load.read([str(each) for each in given]))


def test_every_file_is_found_with_its_setup_strategy_and_seed(sweep):
    found = [(file.setup, file.strategy, file.key) for file in _found(sweep)]
    assert found == [
        ("s", "static", ("w", 1)),
        ("s", "static", ("w", 2)),
        ("s", "sum", ("w", 1)),
        ("s", "sum", ("w", 2)),
    ]


def test_a_file_gives_the_parts_of_the_split_that_is_asked_for(sweep):
    (part,) = _found(sweep)[1].read("test")
    assert part.split == "test"
    assert part.likeliest[:, 0].tolist() == [2, 0, 1]


def test_records_alone_have_no_predictions(sweep):
    assert _found(sweep / "records" / "w-s-sum-replicate-0-1.parquet") == ()


def test_a_folder_that_is_named_twice_has_each_file_once(sweep):
    assert len(_found(sweep, sweep)) == 4


def test_a_file_that_somebody_deleted_is_left_out(sweep):
    next((sweep / "predictions").iterdir()).unlink()
    assert len(_found(sweep)) == 3


def test_trials_whose_records_were_merged_have_theirs(sweep, monkeypatch):
    monkeypatch.setattr(archive, "BLOCK", 5)
    archive.merge(SweepFolder.at(str(sweep)))
    assert len(_found(sweep)) == 4


def test_a_damaged_file_is_told_with_its_place(sweep):
    path = sweep / "predictions" / "w-s-static-replicate-0-1.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(MtlkdError) as told:
        list(_found(sweep)[0].read("test"))
    assert told.value.where == str(path)
