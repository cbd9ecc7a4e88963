"""Vectors beside a data set's columns; in this process, without Ray, by tiny encoders of chance."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders.hf.states import HeldLayers
from ray_mtlkd.predict.dataset.embedding import VectorSettings, plan
from ray_mtlkd.predict.dataset.work import Worker
from ray_mtlkd.setups.columns import ColumnRule, check
from ray_mtlkd.setups.features.text import TextColumns
from tests.keeping import content_of, labels_in, relabel_alone, text_table, write_data_set
from tests.pretrained import WIDTH, save, tokenizers

TEXT = TextColumns(("text",), "text", is_pair=False)
PAIR = TextColumns(("text", "other"), "text", is_pair=True)
WORDS = TextColumns(("words",), "tokens", is_pair=False)
SIZES = (1100, 0, 40)
LENGTH = 12


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """Folder of an encoder, and the model that it holds."""
    folder = tmp_path_factory.mktemp("bert")
    return folder, save(folder)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data set of texts and words, beside columns of other types."""
    table = text_table(sum(SIZES))
    numbers = pa.array([None, 1.5, 2] * sum(SIZES), pa.float64()).slice(0, sum(SIZES))
    colours = pa.array(["red", "blue", None] * sum(SIZES)).slice(0, sum(SIZES)).dictionary_encode()
    table = table.append_column("number", numbers).append_column(pa.field("colour", colours.type), colours)
    table = table.replace_schema_metadata({"mine": "kept"})
    return table, write_data_set(tmp_path_factory.mktemp("data") / "texts", table, SIZES)


@pytest.fixture
def planned(encoder, data, tmp_path):
    """Plans to embed the data set into a folder."""

    def make(of=TEXT, *, folder=encoder[0], out="out", rows_per_part=1024, data=data[1], column="vector", **settings):
        wanted = VectorSettings(of=of, column=column, max_length=LENGTH, **settings)
        out = str(tmp_path / out)
        return plan(encoder=str(folder), data=str(data), out=out, settings=wanted, rows_per_part=rows_per_part)

    return make


def expected(encoder, sides, *, pooling, are_words=False):
    """Vectors of rows by `transformers` alone, one row at a time."""
    folder, model = encoder
    reader = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    reader.enable_truncation(LENGTH)
    found = []
    for row in zip(*sides, strict=True):
        read = reader.encode(*row, is_pretokenized=are_words)
        inputs = {"input_ids": torch.tensor([read.ids]), "token_type_ids": torch.tensor([read.type_ids])}
        with torch.no_grad():
            states = model(**inputs).last_hidden_state[0].numpy()
        if are_words:
            first = [read.word_ids.index(at) if at in read.word_ids else None for at in range(len(row[0]))]
            found.append([np.zeros(WIDTH) if at is None else states[at] for at in first])
        else:
            found.append(states.mean(0) if pooling == "mean" else states[0])
    return found


@pytest.mark.parametrize(
    ("of", "pooling"), [(TEXT, "mean"), (TEXT, "cls"), (PAIR, "mean"), (WORDS, "mean")], ids=lambda of: str(of)[:30]
)
def test_vectors_are_those_of_the_encoder_s_own_library_beside_all_columns_in_order(
    planned, encoder, data, of, pooling
):
    work = planned(of, pooling=pooling)
    assert len(work.left) == 3
    relabel_alone(work)
    found, table = pq.read_table(work.out), data[0]
    assert found.select(table.column_names).equals(table)
    assert found.schema.metadata[b"mine"] == b"kept"
    assert found.column_names == [*table.column_names, "vector"]
    rows = [*range(10), *range(1095, 1105)]
    sides = [table[name].take(rows).to_pylist() for name in of.names]
    wanted = expected(encoder, sides, pooling=pooling, are_words=of.sort == "tokens")
    for got, want in zip(found["vector"].take(rows).to_pylist(), wanted, strict=True):
        np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.parametrize(("of", "sort"), [(TEXT, "vector"), (WORDS, "token_vectors")], ids=["text", "words"])
def test_a_task_can_read_them_as_its_inputs(planned, of, sort):
    work = planned(of, column=sort, dtype="float16")
    relabel_alone(work)
    column = labels_in(work.out)[sort].combine_chunks()
    assert len(check(column, ColumnRule(sort=sort), where="x").column) == sum(SIZES)


def test_parts_of_any_size_made_without_the_folder_and_gone_on_with_are_the_same_vectors(planned, encoder, tmp_path):
    whole = planned(out="whole", rows_per_part=10_000)
    relabel_alone(whole)
    copied = shutil.copytree(encoder[0], tmp_path / "copied")
    work = planned(folder=copied)
    shutil.rmtree(copied)
    Worker(work.lean).do(work.left[1])
    relabel_alone(planned())
    assert labels_in(work.out).equals(labels_in(whole.out))
    before = content_of(Path(work.out))
    assert planned().complete
    assert content_of(Path(work.out)) == before


def test_several_columns_are_one_text(planned, encoder, data):
    work = planned(TextColumns(("text", "label"), "text", is_pair=False))
    relabel_alone(work)
    text, label = (data[0][name][5].as_py() for name in ("text", "label"))
    (want,) = expected(encoder, [[f"{text} {label}"]], pooling="mean")
    np.testing.assert_allclose(labels_in(work.out)["vector"][5].as_py(), want, atol=1e-5)


def test_half_precision_is_the_nearest_number_and_what_is_beyond_it_refused(planned, monkeypatch):
    single, half = planned(out="single"), planned(out="half", dtype="float16")
    for work in (single, half):
        relabel_alone(work)
    found = [labels_in(work.out)["vector"].combine_chunks().flatten().to_numpy() for work in (single, half)]
    np.testing.assert_array_equal(found[1], found[0].astype(np.float16))
    of = HeldLayers._of
    monkeypatch.setattr(HeldLayers, "_of", lambda *given: of(*given) * 1e6)
    work = planned(out="large", dtype="float16")
    with pytest.raises(MtlkdError) as caught:
        relabel_alone(work)
    assert caught.value.where.endswith("00.parquet[0:1024]")
    assert not list(Path(work.out).glob("*.parquet"))


def test_rows_that_are_cut_are_told_of_before_anything_is_computed(planned, tmp_path):
    assert planned().warnings == ()
    texts = pa.table({"text": ["play " * 20] * 3 + ["play"] * 5})
    (said,) = planned(data=write_data_set(tmp_path / "long", texts, (8,)), out="cut").warnings
    assert "3 of 8 rows" in said


@pytest.fixture
def places(planned, worded):
    """Where the problems of a plan that must be refused are; what they say is in messages.yaml."""

    def refuse(*args, **settings):
        with pytest.raises((MtlkdError, ExceptionGroup)) as error:
            planned(*args, **settings)
        worded(error.value)
        return [problem.where for problem in getattr(error.value, "exceptions", [error.value])]

    return refuse


def test_what_does_not_fit_is_one_error_and_nothing_is_written(places, planned, encoder, data, tmp_path):
    folder = data[1]
    at = f"{folder}/00.parquet"
    assert places(TextColumns(("txet",), "text", is_pair=False)) == [at]
    assert places(TextColumns(("number",), "text", is_pair=False)) == [f"{at}:number"]
    assert places(TextColumns(("text",), "tokens", is_pair=False)) == [f"{at}:text"]
    assert places(column="label") == [str(folder)]
    assert places(folder=tmp_path / "nowhere") == [str(tmp_path / "nowhere")]
    assert places(folder=folder) == [f"{folder}/config.json"]
    assert places(rows_per_part=0) == ["--rows-per-part"]
    assert not (tmp_path / "out").exists()
    other = write_data_set(tmp_path / "other", data[0].select(["text"]).slice(0, 9), (4, 5))
    pq.write_table(pa.table({"text": ["a"], "more": [1]}), other / "01.parquet")
    assert places(data=other) == [f"{other}/01.parquet"]
    nulls = write_data_set(tmp_path / "nulls", pa.table({"text": ["a", None]}), (2,))
    assert places(data=nulls) == [f"{nulls}/00.parquet[0:2]:text"]


def test_a_sequence_beyond_the_encoder_s_positions_is_refused_by_its_option(encoder, data, tmp_path, refused):
    settings = VectorSettings(of=TEXT, column="vector", max_length=1000)
    with refused():
        plan(encoder=str(encoder[0]), data=str(data[1]), out=str(tmp_path / "out"), settings=settings)


def test_an_output_of_another_encoder_or_of_other_settings_is_refused_and_left(planned, places, tmp_path):
    work = planned()
    relabel_alone(work)
    before = content_of(Path(work.out))
    save(tmp_path / "changed", seed=1)
    manifest = [f"{work.out}/_manifest.json"]
    assert places(folder=tmp_path / "changed") == manifest
    assert places(pooling="cls") == manifest
    assert places(column="other_name") == manifest
    assert places(PAIR) == manifest
    assert content_of(Path(work.out)) == before


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context")  # of defaults of its own
def test_the_command_leaves_by_a_pool_the_bytes_of_one_process_alone(planned, encoder, data, tmp_path, here):
    alone = planned(PAIR, out="alone", dtype="float16")
    relabel_alone(alone)
    where = ("--encoder", encoder[0], "--data", data[1], "--out", tmp_path / "out", "--rows-per-part", "1024")
    done = here("embed", *where, "--pair", "text", "other", "--float16", "--max-length", LENGTH)
    assert done.returncode == 0, done.stderr
    assert f"{sum(SIZES)}/{sum(SIZES)} rows (100%)" in done.stdout
    assert content_of(tmp_path / "out") == content_of(Path(alone.out))
