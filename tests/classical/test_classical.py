import os

import pyarrow as pa
import pyarrow.parquet
import pytest

from ray_mtlkd import classical
from ray_mtlkd.classical import cache as stored


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MTLKD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "classical"


@pytest.fixture
def said():
    return []


def test_a_line_is_said_before_and_after_every_task(made, said):
    found = classical.compute(made("binary", "pair"), say=said.append)
    assert said[0] == "classical model of t (1 of 1) …"
    assert said[1].startswith(f"t (1 of 1): {found.records[0].model}, ")


def test_what_was_remembered_is_known_again(made, cache, said):
    raw = made("binary", "pair")
    assert classical.known(raw, say=said.append) is None
    found = classical.compute(raw, say=lambda _: None)
    classical.remember(found, say=said.append)
    assert classical.known(raw, say=said.append) == found
    assert [path.suffix for path in cache.iterdir()] == [".parquet"]
    assert said == []


def test_other_tables_and_other_code_are_not_what_was_remembered(made, cache, monkeypatch):
    raw = made("binary", "pair")
    classical.remember(classical.compute(raw, say=lambda _: None), say=lambda _: None)
    assert classical.known(made("multiclass", "pair"), say=lambda _: None) is None
    monkeypatch.setattr(stored, "VERSION", "another")
    assert classical.known(raw, say=lambda _: None) is None


@pytest.mark.parametrize("damage", ["cut", "schema", "task"])
def test_a_damaged_file_is_said_and_replaced(made, cache, said, damage):
    raw = made("binary", "pair")
    found = classical.compute(raw, say=lambda _: None)
    classical.remember(found, say=said.append)
    (path,) = cache.iterdir()
    table = pa.parquet.read_table(path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-50])
    elif damage == "schema":
        pa.parquet.write_table(table.drop_columns(["test"]), path)
    else:
        pa.parquet.write_table(table.set_column(3, "task", pa.array(["other"])), path)
    assert classical.known(raw, say=said.append) is None
    assert len(said) == 1
    assert "will be replaced" in said[0]
    classical.remember(found, say=said.append)
    assert classical.known(raw, say=said.append) == found


def test_nothing_is_kept_where_the_cache_is_off(made, monkeypatch, tmp_path):
    monkeypatch.setenv("MTLKD_CACHE", "")
    monkeypatch.chdir(tmp_path)
    raw = made("binary", "pair")
    classical.remember(classical.compute(raw, say=lambda _: None), say=lambda _: None)
    assert classical.known(raw, say=lambda _: None) is None
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - also what a glob would hide


def test_a_cache_that_cannot_be_written_is_said(made, tmp_path, monkeypatch, said):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MTLKD_CACHE", str(tmp_path / "file"))
    classical.remember(classical.compute(made("binary", "pair"), say=lambda _: None), say=said.append)
    assert "cannot be written" in said[0]


def test_a_task_without_a_model_is_a_problem_and_does_not_stop_the_others(files, said, cache):
    files.change("text", ["", ""], splits=("valid", "test"))
    files.change("text", ["", "", "", ""], splits=("train",))
    raw = files.written()
    found = classical.compute(raw, say=said.append)
    assert found.records == ()
    assert [problem.where for problem in found.problems] == ["tasks.intent"]
    assert said[-1].startswith("intent (1 of 1) has none: ")
    classical.remember(found, say=said.append)
    assert not cache.exists()
