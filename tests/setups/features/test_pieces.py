"""Texts, pairs and lists of words as pieces by an encoder's own tokenizer."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from ray_mtlkd import setups
from ray_mtlkd.data.features import PieceFeatures
from ray_mtlkd.data.inputs import Pair
from ray_mtlkd.setups.features import pieces
from ray_mtlkd.setups.pretrained import read_folder
from tests.flat_tables import with_own_rows
from tests.keeping import TAG_TASKS, WORDS, text_setup, text_table
from tests.pretrained import save, tokenizer, tokenizers


@pytest.fixture(scope="module", params=["bert", "roberta"])
def folder(request, tmp_path_factory):
    path = tmp_path_factory.mktemp(request.param)
    save(path, request.param)
    return request.param, path


@pytest.fixture(scope="module")
def raw():
    return text_setup(TAG_TASKS)


def made(raw, path, **changes):
    features = PieceFeatures(path=str(path), max_length=16, **changes)
    tables, packed = setups.featurise_and_pack(raw, features)
    return {table.task.name: table for table in with_own_rows(tables).tasks}, tables, packed


def rows(inputs):
    return np.split(inputs.ids, inputs.offsets[1:-1])


def test_a_text_is_what_the_tokenizer_makes_of_it(folder, raw):
    family, path = folder
    tables, _, _ = made(raw, path)
    encoded = tokenizer(byte_level=family == "roberta").encode_batch(text_table(24)["text"].to_pylist())
    found = tables["intent"].valid.inputs
    assert [row.tolist() for row in rows(found)] == [each.ids for each in encoded]
    assert (found.ids.dtype, found.offsets.dtype, found.types, found.words, found.cut) == (
        "int32",
        "int64",
        None,
        None,
        0,
    )


def test_a_pair_is_one_sequence_with_types_where_the_encoder_knows_them(folder, raw):
    family, path = folder
    found = made(raw, path)[0]["match"]
    assert found.layout.overlap is None
    texts = text_table(24)
    pairs = list(zip(texts["text"].to_pylist(), texts["other"].to_pylist(), strict=True))
    both = tokenizer(byte_level=family == "roberta")
    both = type(both).from_str(both.to_str())
    both.enable_truncation(16)
    encoded = both.encode_batch(pairs)
    assert [row.tolist() for row in rows(found.valid.inputs)] == [each.ids for each in encoded]
    types = found.valid.inputs.types
    assert types is None if family == "roberta" else types.tolist() == [at for each in encoded for at in each.type_ids]


def test_a_tokenizer_that_counts_more_texts_than_the_encoder_tells_apart_is_one_clear_error(raw, tmp_path, refused):
    save(tmp_path)
    file = tmp_path / "tokenizer.json"
    file.write_text(file.read_text().replace('"type_id": 1', '"type_id": 3'))
    with refused():
        made(raw, tmp_path)


def test_an_encoder_that_says_of_no_types_is_told_of_none(raw, tmp_path):
    save(tmp_path)
    file = tmp_path / "config.json"
    file.write_text(file.read_text().replace('"type_vocab_size": 2', '"type_vocab_size": null'))
    assert made(raw, tmp_path)[0]["match"].valid.inputs.types is None


def test_or_two_sequences_and_how_far_they_overlap(folder, raw):
    found = made(raw, folder[1], together=False)[0]["match"]
    assert isinstance(found.valid.inputs, Pair)
    assert found.valid.inputs.overlap.shape == (24, found.layout.overlap)
    (alone,) = {len(side.offsets) for side in (found.valid.inputs.left, found.valid.inputs.right)}
    assert alone == 25


def test_a_word_is_known_by_its_first_piece(folder, raw):
    family, path = folder
    found = made(raw, path)[0]["names"].valid
    words = text_table(24)["words"].to_pylist()
    inputs = found.inputs
    assert inputs.words.offsets.tolist() == [0, *np.cumsum([len(row) for row in words])] == found.offsets.tolist()
    places = np.split(inputs.words.places, inputs.words.offsets[1:-1])
    knows = tokenizer(byte_level=family == "roberta")
    for row, first, given in zip(rows(inputs), places, words, strict=True):
        for place, word in zip(first, given, strict=True):
            spelled = word if family == "bert" else f" {word}"
            assert row[place] == knows.encode(spelled, add_special_tokens=False).ids[0]


def test_words_beyond_the_longest_sequence_have_no_piece_and_are_told_of(folder, raw):
    _, tables, _ = made(raw, folder[1])
    short = setups.featurise(raw, PieceFeatures(path=str(folder[1]), max_length=4))
    places = next(table for table in with_own_rows(short).tasks if table.task.name == "names").valid.inputs.words.places
    assert (places == -1).any()
    assert (places < 4).all()
    assert not [said for said in tables.warnings if said.startswith("intent")]
    assert len([said for said in short.warnings if "were cut" in said]) == 9


def test_a_kept_featuriser_reads_new_rows_the_same_way_without_the_folder(folder, raw):
    tables, _, packed = made(raw, folder[1], together=False)
    kept = setups.unpack_featurisers(packed, where="here")
    for name, table in tables.items():
        checked = setups.check_inputs(text_table(24), kept[name].rules, where="table").columns
        found = kept[name].transform(checked)
        assert kept[name].layout == table.layout
        if name == "match":
            assert np.array_equal(found.overlap, table.valid.inputs.overlap)
            found, expected = found.right, table.valid.inputs.right
        else:
            expected = table.valid.inputs
        assert np.array_equal(found.ids, expected.ids)
        example = setups.check_inputs(pa.Table.from_pylist([kept[name].example]), kept[name].rules, where="example")
        assert kept[name].transform(example.columns)
    holders = {kept[name].tokenizer.ctypes.data for name in kept}
    assert len(holders) == 1, "a tokenizer that several tasks have is kept once"


def test_rows_are_cut_the_same_however_many_are_read_at_a_time(folder, raw, monkeypatch):
    whole = made(raw, folder[1])[1]
    monkeypatch.setattr(pieces, "_ROWS", 5)
    assert made(raw, folder[1])[1].fingerprint == whole.fingerprint


def test_a_tokenizer_that_is_a_list_of_pieces_is_read_by_transformers(tmp_path):
    save(tmp_path)
    by_id = sorted(tokenizer().get_vocab().items(), key=lambda entry: entry[1])
    (tmp_path / "vocab.txt").write_text("\n".join(piece for piece, _ in by_id))
    (tmp_path / "tokenizer.json").unlink()
    found = tokenizers.Tokenizer.from_str(read_folder(str(tmp_path), max_length=16).tokenizer.decode())
    for text in ("play the next song", "unplayable zebra"):
        assert found.encode(text).ids == tokenizer().encode(text).ids


@pytest.mark.parametrize("name", [None, "spm.model"])
def test_a_folder_without_a_tokenizer_is_refused(tmp_path, raw, refused, name):
    save(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    if name is not None:
        (tmp_path / name).write_bytes(b"of another encoder")
    with refused():
        made(raw, tmp_path)


def test_another_encoder_s_weights_are_other_tables(raw, tmp_path):
    found = set()
    for seed in (0, 1):
        save(tmp_path, seed=seed)
        found.add(made(raw, tmp_path)[1].fingerprint)
    assert len(found) == 2


def test_a_text_without_a_word_has_the_pieces_that_the_tokenizer_adds(folder, raw):
    _, _, packed = made(raw, folder[1])
    featuriser = setups.unpack_featurisers(packed, where="here")["intent"]
    table = pa.table({"text": ["", WORDS[0]]})
    found = featuriser.transform(setups.check_inputs(table, featuriser.rules, where="table").columns)
    assert rows(found)[0].tolist() == [2, 3]
    assert replace(found, cut=0) is not found
