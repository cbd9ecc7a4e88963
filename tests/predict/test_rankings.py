"""Scores of candidates, and their ranks among those of the same query."""

import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ray_mtlkd import setups
from ray_mtlkd.cli import main
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.predict.dataset.labelling import plan
from ray_mtlkd.predict.dataset.labels import Settings, check_settings, fields
from ray_mtlkd.predict.model_folder import load
from ray_mtlkd.predict.predictions import predict_table
from ray_mtlkd.storage import Storage
from tests import rankings
from tests.keeping import keep_model, labels_in, relabel_alone, write_data_set

TABLE = rankings.candidates("test")


@pytest.fixture(scope="module")
def finder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finder")
    raw = setups.read(str(rankings.write(folder)), data_dir=None)
    return keep_model(raw, BagOfNgrams(buckets=256, hidden=(8,)), folder / "model")


def _expected(scores, groups):
    return [
        1 + sum(s > score for s, g in zip(scores, groups, strict=True) if g == group)
        for score, group in zip(scores, groups, strict=True)
    ]


def test_a_score_is_the_models_and_its_rank_is_among_the_candidates_of_its_query(finder):
    table = pa.concat_tables([TABLE, TABLE.slice(0, 9)])  # some candidates stand twice: they are tied
    found = predict_table(load(Storage.at(finder.uri)), "find", table, where="table")
    assert found.column_names == ["find_score", "find_rank"]
    scores = found["find_score"].to_numpy()
    np.testing.assert_array_equal(scores, finder.predicted("find", table).numpy())
    assert found["find_rank"].to_pylist() == _expected(scores, table["query_id"].to_pylist())


def test_without_the_queries_there_are_scores_alone(finder):
    found = predict_table(load(Storage.at(finder.uri)), "find", TABLE.drop_columns(["query_id"]), where="table")
    assert found.column_names == ["find_score"]


def test_a_candidate_of_no_query_is_refused(finder, refused):
    table = TABLE.set_column(0, "query_id", pa.array([None] * len(TABLE), pa.int64()))
    with refused():
        predict_table(load(Storage.at(finder.uri)), "find", table, where="table")


@pytest.fixture
def said(finder, tmp_path, monkeypatch, capsys):
    """What the command tells of a table: in the terminal, and in a file."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(table):
        pq.write_table(table, tmp_path / "new.parquet")
        command = ["ray-mtlkd", "predict", finder.uri, "--data", str(tmp_path / "new.parquet")]
        for more in ([], ["--out", str(tmp_path / "ranks.csv")]):
            monkeypatch.setattr(sys, "argv", [*command, "--task", "find", *more])
            with pytest.raises(SystemExit) as end:
                main()
            assert not end.value.code
        return capsys.readouterr().out, (tmp_path / "ranks.csv").read_text()

    return run


@pytest.mark.parametrize("has_queries", [True, False])
def test_the_command_ranks_where_the_file_names_the_queries(said, has_queries):
    shown, written = said(TABLE if has_queries else TABLE.drop_columns(["query_id"]))
    assert ("(rank 1)" in shown) == ("find_rank" in written) == has_queries
    assert "find_score" in written


def test_a_data_set_is_labelled_with_the_scores_of_its_rows_in_their_order(finder, tmp_path):
    data = write_data_set(tmp_path / "data", TABLE, (40, len(TABLE) - 40))
    paths = {"model": finder.uri, "data": str(data), "out": str(tmp_path / "out")}
    relabel_alone(plan(**paths, settings=Settings(task="find", key=("query_id",))))
    found = labels_in(tmp_path / "out")
    assert found.column_names == ["row", "query_id", "logits"]
    assert found["query_id"].to_pylist() == TABLE["query_id"].to_pylist()
    np.testing.assert_array_equal(found["logits"].to_numpy(), finder.predicted("find", TABLE).numpy())


def test_a_score_is_no_probability_and_no_class(finder, refused):
    task = load(Storage.at(finder.uri)).tasks[0]
    assert [field.type for field in fields(Settings(task="find"), task)] == [pa.float32()]
    for changes in ({"values": "probabilities"}, {"top_k": 1}):
        with refused():
            check_settings(Settings(task="find", **changes), task)
