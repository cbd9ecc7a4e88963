import pytest

from ray_mtlkd.sweep.content import Difference, alterations, differences
from ray_mtlkd.sweep.space import decode_space

REWIND = "strategies.joint_kd.curriculum.rewind"
SETUPS = {"shop": {"tasks.match.metric": "f1", "tables.match.train": "abc"}}


@pytest.fixture
def content(space_value):
    """The content of a small search space with top-level keys replaced, on these setups."""

    def make(setups=SETUPS, **changes):
        return decode_space(space_value(**changes), where="x").content(setups)

    return make


def test_how_a_report_judges_makes_no_other_sweep(content):
    assert differences(content(), content(report={"margin": 2.0})) == ()


def test_a_sweep_does_not_differ_from_itself(content):
    assert differences(content(), content()) == ()


TRAINING = {"steps": 40, "batch_size": 32, "eval_every": 10, "lr": {"loguniform": [1e-3, 1e-1]}}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"replicate": {"configurations": 1, "seeds": [1, 3]}}, "replicate.seeds"),
        ({"search": {"configurations": 3}}, "search.configurations"),
        ({"resources": {"cpus": 2}}, "resources.cpus"),
        ({"strategies": ["sum", "joint_kd", "pcgrad"]}, "strategies.pcgrad"),
        ({"strategies": ["joint_kd"]}, "strategies.sum"),
        ({"strategies": ["sum", {"name": "joint_kd", "curriculum": {"rewind": True}}]}, REWIND),
        ({"encoder": {"name": "mlp", "hidden": [32]}}, "strategies.sum.encoder.hidden"),
        ({"training": TRAINING}, "strategies.sum.training.lr.loguniform"),
    ],
    ids=str,
)
def test_a_difference_between_search_spaces_is_named_by_its_path(content, changes, path):
    assert path in [each.path for each in differences(content(), content(**changes))]
    assert content().fingerprint != content(**changes).fingerprint


@pytest.mark.parametrize(
    ("setups", "path"),
    [
        ({**SETUPS, "mail": {}}, "setups.mail"),
        ({"shop": {**SETUPS["shop"], "tables.match.train": "xyz"}}, "setups.shop.tables.match.train"),
        ({}, "setups.shop"),
    ],
)
def test_a_difference_between_setups_is_named_by_its_path(content, setups, path):
    assert [each.path for each in differences(content(), content(setups))] == [path]
    assert content().fingerprint != content(setups).fingerprint


@pytest.mark.parametrize(
    "changes",
    [
        {"strategies": ["joint_kd", "sum"]},
        {"strategies": [{"name": "sum"}, {"curriculum": "joint_kd", "balancer": "sum"}]},
        {"replicate": {"configurations": 1, "seeds": [2, 1]}},
        {"sharing": "hard", "kd": {"temperature": 1}},
        {"resources": {"checkpoint_every_s": 1.0, "keep_models": "all"}},
        {"classical": False},
        {"name": "another"},
    ],
    ids=str,
)
def test_what_decides_no_result_makes_no_difference(content, changes):
    assert differences(content(), content(**changes)) == ()
    assert content().fingerprint == content(**changes).fingerprint


def test_what_is_new_or_missing_is_told_apart(content):
    more = content(strategies=["sum", "pcgrad"])
    found = {each.path: (each.there is None, each.here is None) for each in differences(content(), more)}
    assert found == {"strategies.joint_kd": (False, True), "strategies.pcgrad": (True, False)}


def test_values_are_said_but_not_hashes():
    said = Difference(path="replicate.seeds", there=[1, 2], here=[1, 3])
    assert ("[1, 2]" in str(said), "[1, 3]" in str(said)) == (True, True)
    assert "abc" not in str(Difference(path="setups.shop.tables.match.train", there="abc", here="xyz"))


@pytest.mark.parametrize(
    ("setups", "changes"),
    [
        (SETUPS, {"replicate": {"configurations": 2, "seeds": [7, 2, 1]}}),
        (SETUPS, {"search": {"configurations": 5, "seeds": [0, 10]}}),
        (SETUPS, {"strategies": ["sum", "pcgrad", "joint_kd"]}),
        ({**SETUPS, "mail": {}}, {}),
    ],
    ids=str,
)
def test_more_of_a_sweep_alters_nothing(content, setups, changes):
    assert differences(content(), content(setups, **changes))
    assert alterations(content(), content(setups, **changes)) == ()


FOLLOWED = {"configurations": 9, "sampler": "tpe"}
HALVED = {"configurations": 8, "halving": [0.25, 0.5]}


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        ({}, {"replicate": {"configurations": 1, "seeds": [1]}}, "replicate.seeds"),
        ({}, {"search": {"configurations": 1}}, "search.configurations"),
        ({}, {"search": {"configurations": 2, "seed": 1}}, "search.seed"),
        ({}, {"strategies": ["joint_kd"]}, "strategies.sum"),
        ({}, {"training": TRAINING}, "strategies.sum.training.lr.loguniform"),
        ({}, {"resources": {"cpus": 2}}, "resources.cpus"),
        ({}, {"search": {"configurations": 2, "halving": True}}, "search.halving"),
        ({"search": HALVED}, {"search": {**HALVED, "configurations": 9}}, "search.configurations"),
        ({"search": FOLLOWED}, {"search": {**FOLLOWED, "seeds": [0, 9]}}, "search.seeds"),
        ({"search": HALVED}, {"search": {**HALVED, "seeds": [0, 9]}}, "search.seeds"),
    ],
    ids=str,
)
def test_what_would_alter_trials_that_have_run_is_named_by_its_path(content, before, after, path):
    assert path in [each.path for each in alterations(content(**before), content(**after))]


def test_tables_that_changed_alter_trials(content):
    changed = {"shop": {**SETUPS["shop"], "tables.match.train": "xyz"}}
    assert [each.path for each in alterations(content(), content(changed))] == ["setups.shop.tables.match.train"]
    assert [each.path for each in alterations(content(), content({}))] == ["setups.shop"]
