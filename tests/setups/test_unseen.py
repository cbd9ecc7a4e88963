"""Categories that train never shows: counted, and beyond a bound refused, in a setup's tables and in new ones."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.models.encoders.mixed import MixedEncoder
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.predict.dataset.labelling import plan
from ray_mtlkd.predict.dataset.labels import Settings
from ray_mtlkd.predict.model_folder import load_model
from ray_mtlkd.predict.predictions import TableWarning, predict_table
from tests.keeping import keep_model

ROWS = 20


@pytest.fixture
def cities(files):
    del files.spec["text"]
    files.spec["columns"] = {"numeric": [], "categorical": ["city"]}
    table = {"city": ["Ulm", "Bonn"] * (ROWS // 2), "label": [0, 1] * (ROWS // 2)}
    files.tables = {split: dict(table) for split in ("train", "valid", "test")}
    return files


@pytest.fixture
def kept(cities, tmp_path):
    return keep_model(cities.written(), Mlp(hidden=(4,)), tmp_path / "model")


def table(new):
    return pa.table({"city": ["Rom"] * new + ["Ulm"] * (ROWS - new)})


def test_a_share_is_told_with_the_column_and_a_category(cities):
    cities.change("city", table(new=3)["city"], splits=("test",))
    (said,) = cities.written().warnings
    assert said.startswith("mail/test: categories that train never shows: city 15 % of rows (first 'Rom')")


def test_more_than_the_bound_is_an_error_at_the_column(cities):
    cities.change("city", table(new=11)["city"], splits=("valid",))
    cities.write()
    (problem,) = cities.problems()
    assert problem.where == "mail/valid:city"
    cities.spec["allow_unseen"] = 0.6
    assert len(cities.written().warnings) == 1


def test_a_rare_category_of_train_is_no_unseen_one(cities, tmp_path, recwarn):
    cities.change("city", ["Köln", *["Ulm", "Bonn"] * 9, "Ulm"], splits=("train",))
    found = load_model(keep_model(cities.written(), Mlp(hidden=(4,), rare=2), tmp_path / "model").uri)
    predict_table(found, "intent", pa.table({"city": ["Köln"] * ROWS}))
    assert not recwarn.list


def test_a_prediction_warns_of_some_and_refuses_many(kept):
    found = load_model(kept.uri)
    with pytest.warns(TableWarning):
        predict_table(found, "intent", table(new=3))
    with pytest.raises(MtlkdError) as caught:
        predict_table(found, "intent", table(new=11), where="new.csv")
    assert caught.value.where == "new.csv:city"
    with pytest.warns(TableWarning):
        assert predict_table(found, "intent", table(new=11), allow_unseen=1).num_rows == ROWS


def test_a_few_rows_are_told_alone(kept):
    with pytest.warns(TableWarning):
        predict_table(load_model(kept.uri), "intent", pa.table({"city": ["Rom"]}))


def relabel(kept, folder, out, **options):
    return plan(model=kept.uri, data=str(folder), out=str(out), settings=Settings(task="intent"), **options)


def test_a_data_set_is_looked_at_before_it_is_relabelled(kept, tmp_path, monkeypatch):
    folder = tmp_path / "rows"
    folder.mkdir()
    for at, new in enumerate((0, 6)):
        pq.write_table(table(new), folder / f"{at}.parquet")
    (said,) = relabel(kept, folder, tmp_path / "out").warnings
    assert "city 15 % of rows (first 'Rom')" in said
    with pytest.raises(MtlkdError) as caught:
        relabel(kept, folder, tmp_path / "out", allow_unseen=0.1)
    assert caught.value.where == f"{folder}:city"
    monkeypatch.setattr("ray_mtlkd.predict.dataset.sample.ROWS", ROWS)
    assert relabel(kept, folder, tmp_path / "out").warnings == ()


def test_categories_beside_texts_are_looked_at_without_the_texts(cities, tmp_path):
    cities.spec["text"] = ["text"]
    for columns in cities.tables.values():
        columns["text"] = ["pay now", "hello"] * (ROWS // 2)
    encoder = MixedEncoder(text=BagOfNgrams(hidden=(4,), buckets=100), columns=Mlp(hidden=(4, 4)))
    found = keep_model(cities.written(), encoder, tmp_path / "model")
    (tmp_path / "rows").mkdir()
    pq.write_table(table(new=3).append_column("text", [["a"] * ROWS]), tmp_path / "rows" / "0.parquet")
    (said,) = relabel(found, tmp_path / "rows", tmp_path / "out").warnings
    assert "city 15 % of rows (first 'Rom')" in said


@pytest.mark.parametrize("rows", [10, 40, 65, 1000])
def test_a_sample_lies_evenly_in_the_data_set(kept, tmp_path, monkeypatch, rows):
    from ray_mtlkd.predict.dataset import rows as module  # noqa: PLC0415 - named like the parameter
    from ray_mtlkd.predict.dataset import source  # noqa: PLC0415
    from ray_mtlkd.storage import Storage  # noqa: PLC0415

    for at in range(5):
        pq.write_table(pa.table({"city": [str(at)] * 20}), tmp_path / f"{at}.parquet", row_group_size=10)
    storage = Storage.at(str(tmp_path))
    files = [known for known, _ in source.survey(storage, [f"{at}.parquet" for at in range(5)])]
    found = module.read_groups_of(storage, files, ["city"], rows=rows)
    assert min(rows, 100) <= found.num_rows <= min(rows + 10, 100)
    assert len(set(found["city"].to_pylist())) == min(5, -(-rows // 10))
