import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ray_mtlkd import setups
from ray_mtlkd.data.features import DenseFeatures
from ray_mtlkd.data.inputs import Dense, DenseTokens
from ray_mtlkd.setups.synthetic import BUILT_IN, HELD_OUT_ROWS, HELD_OUT_SENTENCES, TAGS, WIDTH, generate


@pytest.fixture(scope="module", params=sorted(BUILT_IN))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def tables(name):
    return setups.featurise(setups.read(name, data_dir=None), DenseFeatures())


def test_every_call_gives_the_same_tables(name):
    assert generate(name) == setups.generate(name)


def test_another_seed_draws_other_tables_of_the_same_size():
    known, other = setups.generate("diverse"), generate("diverse", seed=1003)
    for task, splits in known.items():
        assert {split: table.num_rows for split, table in splits.items()} == {
            split: table.num_rows for split, table in other[task].items()
        }
        assert not splits["train"].equals(other[task]["train"])


def test_all_tasks_have_inputs_of_one_width(tables):
    assert len(tables.tasks) == 5
    assert {task.layout.width for task in tables.tasks} == {WIDTH}


def test_sizes_are_those_of_the_recipes(name, tables):
    for task in tables.tasks:
        assert len(task.train) == BUILT_IN[name][task.task.name].rows
        held_out = HELD_OUT_SENTENCES if task.task.kind == "tagging" else HELD_OUT_ROWS
        assert len(task.valid) == len(task.test) == held_out


def test_inputs_are_standard_normal_and_differ_between_splits(tables):
    for task in tables.tasks:
        if not isinstance(task.test.inputs, Dense):
            continue  # tokens are selected by their tags
        values = task.test.inputs.values
        # 48,000 numbers: a mean's standard error is .005, a variance's .006
        assert abs(float(values.mean())) < 0.03
        assert abs(float(values.var()) - 1) < 0.04
        assert not np.array_equal(values[0], task.valid.inputs.values[0])


def test_diverse_has_every_kind_and_similar_only_one():
    kinds = {name: {recipe.labels.kind for recipe in recipes.values()} for name, recipes in BUILT_IN.items()}
    assert kinds == {
        "similar": {"multiclass"},
        "diverse": {"binary", "multiclass", "multilabel", "regression", "tagging"},
    }


def test_train_tables_have_300_to_20_000_rows_and_the_largest_no_noise(name):
    recipes = sorted(BUILT_IN[name].values(), key=lambda recipe: recipe.rows)
    assert (recipes[0].rows, recipes[-1].rows) == (300, 20_000)
    assert recipes[-1].noise == 0 < min(recipe.noise for recipe in recipes[:3])


def test_tags_are_valid_bio_sequences():
    sentences = generate("diverse")["events"]["train"]["label"].to_pylist()
    assert {tag for row in sentences for tag in row} == set(TAGS)
    for row in sentences:
        for before, tag in zip(["O", *row], row, strict=False):
            assert not tag.startswith("I-") or before[2:] == tag[2:]


def test_tokens_carry_their_tags():
    task = setups.featurise(setups.read("diverse", data_dir=None), DenseFeatures()).tasks[-1]
    assert isinstance(task.train.inputs, DenseTokens)
    assert len(task.train.labels) == task.train.inputs.offsets[-1]


def test_labels_can_be_learned_from_the_inputs(tables):
    """A linear probe beats the majority on every multiclass task, though the factors are not linear."""
    for task in tables.tasks:
        if task.task.kind == "multiclass":
            shown = task.train.inputs.values[task.train.row_ids[:2000]]
            probe = LogisticRegression(tol=1e-2, max_iter=200).fit(shown, task.train.labels[:2000])
            found = (probe.predict(task.valid.inputs.values) == task.valid.labels).mean()
            assert found > task.trivial_valid + 0.03
