"""What classical models read of a task's tables: one matrix a split, of the labelled rows, fitted on train."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ray_mtlkd.data.examples import SPLITS, Split
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.features import overlap as compare
from ray_mtlkd.setups.features.words import PATTERN, runs
from ray_mtlkd.setups.plain import whole
from ray_mtlkd.setups.validated import ValidatedTask

Floats = NDArray[np.float64]
Rows = Mapping[Split, Any]
"""By split [N, D]: dense, or compressed sparse rows."""

MANY_ROWS = 1000
"""Train rows from which an n-gram or token feature must stand in two of them to count."""
CATEGORIES = 254
"""Categories of a column that are told apart, the most frequent ones: gradient boosting sorts values into 255 bins."""


def words(task: ValidatedTask) -> Rows:
    """TF-IDF of word uni- and bigrams.

    Raises:
        MtlkdError: where no train text has a word.
    """
    return _tf_idf(task, TfidfVectorizer(ngram_range=(1, 2), token_pattern=PATTERN.pattern, sublinear_tf=True))


def characters(task: ValidatedTask) -> Rows:
    """TF-IDF of character 3- and 4-grams within words.

    Raises:
        MtlkdError: where no train text has a word.
    """
    rare = least_rows(len(task.splits["train"].row_ids))
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4), min_df=rare, sublinear_tf=True)
    return _tf_idf(task, vectorizer)


def beside(*parts: Rows) -> Rows:
    """Columns of all of them, sparse."""
    return {split: sparse.hstack([sparse.csr_matrix(part[split]) for part in parts], format="csr") for split in SPLITS}


def overlap(task: ValidatedTask) -> Rows:
    """How much the two texts of a pair have in common, standardised."""
    sides = {split: [runs(whole(labelled(task, split)[name])) for name in task.spec.input_columns] for split in SPLITS}
    fitted, _ = compare.fit(*sides["train"])
    return {split: fitted.transform(*texts) for split, texts in sides.items()}


def columns(task: ValidatedTask) -> Rows:
    """Numbers as they are beside the codes of categories, the most frequent first; NaN where missing or unseen."""
    given = task.spec.columns
    if given is None:
        raise ValueError("no columns")
    tables = {split: labelled(task, split) for split in SPLITS}
    known = {name: _frequent(tables["train"][name]) for name in given.categorical}
    rows = {}
    for split, table in tables.items():
        numeric = [_numbers(table[name]) for name in given.numeric]
        codes = [_numbers(pc.index_in(table[name], value_set=known[name])) for name in given.categorical]
        rows[split] = np.column_stack([*numeric, *codes])
    return rows


def indicators(task: ValidatedTask) -> Rows:
    """Numbers standardised on train, 0 where missing, beside a column of 0 and 1 for each category [N, D], sparse."""
    given, found = task.spec.columns, columns(task)
    numeric = 0 if given is None else len(given.numeric)
    scaler = StandardScaler().fit(found["train"][:, :numeric]) if numeric else None
    has_codes = found["train"].shape[1] > numeric
    encoder = OneHotEncoder(handle_unknown="ignore").fit(found["train"][:, numeric:]) if has_codes else None
    made = {}
    for split, values in found.items():
        numbers = values[:, :0] if scaler is None else np.nan_to_num(scaler.transform(values[:, :numeric]))
        codes = values[:, :0] if encoder is None else encoder.transform(values[:, numeric:])
        made[split] = sparse.hstack([sparse.csr_matrix(numbers), sparse.csr_matrix(codes)], format="csr")
    return made


def reduced(rows: Rows, *, width: int) -> Rows:
    """The directions in which sparse rows vary most on train, ``width`` or as many as there are."""
    svd = TruncatedSVD(min(width, min(rows["train"].shape) - 1), random_state=0).fit(rows["train"])
    return {split: svd.transform(rows[split]) for split in SPLITS}


def standardised_vectors(task: ValidatedTask) -> Rows:
    """Vectors of rows or of tokens, each number scaled to mean 0 and variance 1 on train."""
    flat = {split: _vectors(task, split) for split in SPLITS}
    scaler = StandardScaler().fit(flat["train"])
    return {split: scaler.transform(values) for split, values in flat.items()}


def labelled(task: ValidatedTask, split: Split) -> pa.Table:
    """The inputs of the labelled rows, in the order of the labels."""
    rows = task.splits[split]
    as_in_file = np.array_equal(rows.row_ids, np.arange(rows.inputs.num_rows))
    return rows.inputs if as_in_file else rows.inputs.take(rows.row_ids)


def joined_texts(task: ValidatedTask, split: Split) -> list[str]:
    """One text a labelled row: its text columns, or its words, with spaces between."""
    parts = _columns(task, split)
    if task.spec.form == "tokens":
        return [" ".join(words) for words in parts[0]]
    return [" ".join(row) for row in zip(*parts, strict=True)]


def least_rows(train_rows: int) -> int:
    """Train rows that a feature must stand in to count: what stands once teaches nothing, but costs memory."""
    return 2 if train_rows >= MANY_ROWS else 1


def _tf_idf(task: ValidatedTask, vectorizer: TfidfVectorizer) -> Rows:
    vectorizer.set_params(dtype=np.float32)
    texts = {split: joined_texts(task, split) for split in SPLITS}
    try:
        vectorizer.fit(texts["train"])
    except ValueError as error:
        where = f"tasks.{task.task.name}"
        raise MtlkdError(f"no TF-IDF ({error})", where=where, fix="give train texts with words") from error
    return {split: vectorizer.transform(found) for split, found in texts.items()}


def _columns(task: ValidatedTask, split: Split) -> list[Sequence[Any]]:
    table = labelled(task, split)
    return [table[name].to_pylist() for name in task.spec.input_columns]


def _frequent(column: pa.ChunkedArray) -> pa.Array:
    """The most frequent categories of train; of equally frequent ones the first by name."""
    counted = pc.value_counts(column.combine_chunks().drop_null())
    table = pa.table({"name": counted.field("values"), "count": counted.field("counts")})
    return table.sort_by([("count", "descending"), ("name", "ascending")])["name"].combine_chunks()[:CATEGORIES]


def _numbers(column: pa.ChunkedArray) -> Floats:
    values: Floats = column.cast(pa.float64()).to_numpy()
    return values


def _vectors(task: ValidatedTask, split: Split) -> Floats:
    column = labelled(task, split)[task.spec.input_columns[0]].combine_chunks()
    if task.spec.form == "token_vectors":
        column = column.flatten()
    flat: Floats = column.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    return flat.reshape(len(column), -1)
