import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from ray_mtlkd import setups
from ray_mtlkd.classical.measure import measure
from ray_mtlkd.setups import synthetic
from ray_mtlkd.setups.files import MemorySource
from ray_mtlkd.setups.manifest import Columns
from ray_mtlkd.setups.manifest_reader import parse_manifest
from ray_mtlkd.setups.tables import read_setup
from ray_mtlkd.setups.trivial import trivial_metric
from ray_mtlkd.tasks.metrics import metric_of
from tests import rankings

OF_ROWS = ("binary", "multiclass", "multilabel", "regression")


def _assert_learnt(task):
    found = measure(task)
    for split, value in (("valid", found.valid), ("test", found.test)):
        assert math.isfinite(value)
        assert metric_of(task.task).sign * (value - trivial_metric(task, split)) > 0.1, (found, split)
    assert found.cpu_s > 0
    return found


@pytest.mark.parametrize("form", ["text", "tokens", "columns"])
@pytest.mark.parametrize("kind", OF_ROWS)
def test_every_kind_is_learnt_from_texts_and_columns(made, kind, form):
    (task,) = made(kind, form).tasks
    assert ("gradient boosting" if form == "columns" else "TF-IDF") in _assert_learnt(task).model


def _beside(name, forms, *, kind="binary"):
    """A task whose label needs all of its input forms, which alone tell half of it."""
    rng = np.random.default_rng(0)
    tables = {}
    for split, rows in (("train", 400), ("valid", 200), ("test", 200)):
        said, number, point = rng.integers(0, 2, rows), rng.normal(size=rows), rng.normal(size=(rows, 2))
        number[::7] = np.nan
        parts = {"text": 2 * said - 1, "columns": np.nan_to_num(number), "vector": point[:, 0]}
        total = sum(parts[form] for form in forms)
        tables[split] = pa.table(
            {
                "text": [f"a {'fine' if each else 'poor'} lamp" for each in said],
                "n": pa.array(number, from_pandas=True),
                "city": [["x", "y"][each] for each in rng.integers(0, 2, rows)],
                "v": point.tolist(),
                "label": (total > 0).astype(int) if kind == "binary" else total,
            }
        )
    given = {"text": ["text"], "columns": {"numeric": ["n"], "categorical": ["city"]}, "vector": "v"}
    metric = "accuracy" if kind == "binary" else "r2"
    spec = {"data": "d", "kind": kind, "label": "label", "metric": metric, **{form: given[form] for form in forms}}
    manifest = parse_manifest({"name": name, "tasks": {"t": spec}}, where="m.yaml")
    (task,) = read_setup(manifest, MemorySource(name, {"d": tables})).tasks
    return task


@pytest.mark.parametrize("columns", [Columns(numeric=("n",)), Columns(categorical=("city",))])
def test_columns_beside_a_text_may_be_of_one_sort_alone(columns):
    task = _beside("one_sort", ("text", "columns"))
    _assert_learnt(replace(task, spec=replace(task.spec, columns=columns)))


@pytest.mark.parametrize(
    ("forms", "kind"),
    [(("text", "columns"), "binary"), (("text", "columns", "vector"), "regression"), (("columns", "vector"), "binary")],
)
def test_what_several_sorts_of_inputs_tell_together_is_learnt_from_all_of_them(forms, kind):
    task = _beside("beside", forms, kind=kind)
    found = _assert_learnt(task)
    said = {"text": "TF-IDF with chars", "columns": "columns", "vector": "vectors"}
    assert found.model.startswith(", ".join(said[form] for form in forms))
    for form in forms:
        alone = measure(replace(task, spec=task.spec.only(form)))
        assert found.test > alone.test + 0.05, form


def test_pairs_are_learnt_from_what_they_share(made):
    (task,) = made("binary", "pair").tasks
    assert _assert_learnt(task).model.startswith("token overlap + ")


def test_candidates_are_ranked_by_what_they_share_with_their_query(tmp_path):
    task, _ = setups.read(str(rankings.write(tmp_path)), data_dir=None).tasks
    assert _assert_learnt(task).model.startswith("token overlap + ")


def test_words_are_tagged(made):
    (task,) = made("tagging", "tokens").tasks
    assert _assert_learnt(task).model == "logistic regression on words, Viterbi"


@pytest.fixture(scope="module")
def some_rows():
    """The built-in setups, drawn with less noise and with fewer rows than they have."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setups, "generate", synthetic.generate)
        patch.setattr(synthetic, "HELD_OUT_ROWS", 200)
        patch.setattr(synthetic, "HELD_OUT_SENTENCES", 100)
        for name, recipes in synthetic.BUILT_IN.items():
            fewer = {task: replace(recipe, rows=min(recipe.rows, 300), noise=0.0) for task, recipe in recipes.items()}
            patch.setitem(synthetic.BUILT_IN, name, fewer)
        yield {task.task.name: task for name in synthetic.BUILT_IN for task in setups.read(name, data_dir=None).tasks}


@pytest.mark.parametrize("name", ["small", "churn", "interests", "spend", "events"])
def test_vectors_of_every_kind_are_learnt(some_rows, name):
    _assert_learnt(some_rows[name])


def test_a_metric_that_is_better_when_lower_is_chosen_by_its_sign(made):
    (task,) = made("regression", "text", metric="rmse").tasks
    _assert_learnt(task)


@pytest.mark.parametrize(("kind", "form"), [("multiclass", "text"), ("tagging", "tokens"), ("binary", "columns")])
def test_only_labelled_rows_are_learnt_from(made, kind, form):
    (task,) = made(kind, form, missing=20).tasks
    assert len(task.splits["train"].row_ids) < task.splits["train"].inputs.num_rows
    _assert_learnt(task)


def test_the_same_setup_gives_the_same_figures(made):
    first, again = (measure(made("multiclass", "columns").tasks[0]) for _ in range(2))
    assert (first.model, first.valid, first.test) == (again.model, again.valid, again.test)
