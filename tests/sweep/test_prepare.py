from typing import ClassVar

import pytest

from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.decode import document
from ray_mtlkd.errors import MtlkdError, gather
from ray_mtlkd.models.sharing import HardSharing
from ray_mtlkd.storage import Storage
from ray_mtlkd.sweep.prepare import prepare
from ray_mtlkd.sweep.space import decode_space
from ray_mtlkd.training.job import Job
from ray_mtlkd.training.run import train
from tests.setup_files import Files


def _prepare(value):
    return prepare(decode_space(value, where="space.yaml"), data_dir=None, say=lambda _: None)


def test_pools_that_would_wait_for_the_gpus_of_trials_are_refused(space_value, refused):
    relabel = {"where": "pool", "gpus_per_actor": 1.0}
    with refused():
        _prepare(space_value(relabel=relabel, resources={"gpus": 1.0}))
    assert _prepare(space_value(relabel=relabel)).plan.size
    assert _prepare(space_value(relabel={**relabel, "where": "shared"}, resources={"gpus": 1.0})).plan.size


@pytest.mark.parametrize(("label", "alike"), [("b-c", True), ("b_c", False)])
def test_trials_of_two_setups_that_would_have_one_name_are_refused(
    space_value, tmp_path, monkeypatch, label, alike, worded
):
    monkeypatch.chdir(tmp_path)
    files = Files(tmp_path)
    files.write()
    for name in ("a", "a-b"):
        (tmp_path / f"{name}.yaml").write_text(files.manifest.read_text().replace("name: shop", f"name: {name}"))
    strategies = [{"name": "sum", "label": label}, {"name": "pcgrad", "label": "c"}]
    training = {"steps": 2, "eval_every": 1, "batch_size": 2}
    value = space_value(setups=["a.yaml", "a-b.yaml"], strategies=strategies, encoder="bag", training=training)
    problems = []
    with gather(problems):
        _prepare(value)
    assert len(problems) == alike
    for problem in problems:
        worded(problem)


IN_LAYERS = {"name": "low_level", "layers": {"churn": 1, "segmnt": 1}}
IN_ORDER = {"name": "serial", "order": ["segmnt", "churn"]}
OF_NEIGHBOURS = ["l1", {"name": "graph", "edges": [["churn", "segment"], ["churn", "segmnt"]]}]


@pytest.mark.parametrize(
    ("sections", "place"),
    [
        ({"sharing": IN_LAYERS}, "sharing.layers.segmnt"),
        ({"sharing": IN_ORDER}, "sharing.order[0]"),
        ({"regularizers": OF_NEIGHBOURS}, "regularizers[1].edges[1][1]"),
    ],
    ids=["layer", "order", "edge"],
)
def test_a_name_that_is_no_task_of_the_setup_is_refused_where_it_stands(space_value, refused, sections, place):
    value = space_value(setups=["diverse"], strategies=["sum", "single_task"], **sections)
    with refused() as caught:
        _prepare(value)
    assert caught.value.where == f"setup diverse: {place}"


@document
class Together(HardSharing):
    """Refuses to serve a task alone."""

    name: ClassVar[str] = "together"

    def build(self, encoder, tasks):
        if len(tasks) == 1:
            raise MtlkdError(f"{tasks[0][0].name} alone", where="sharing", fix="give it company")
        return super().build(encoder, tasks)


def test_a_model_of_some_tasks_that_cannot_be_built_is_told_before_it_trains(space_value, refused):
    value = space_value(setups=["diverse"], sharing=f"{__name__}:Together", strategies=["sum"])
    assert _prepare(value).plan.size
    groups = [["churn", "segment"], ["interests", "spend"]]
    with refused() as caught:
        _prepare({**value, "strategies": ["sum", {"name": "split", "curriculum": {"groups": groups}}]})
    assert caught.value.where == "sharing"


def test_a_domain_on_the_layer_of_a_split_is_planned_and_each_of_its_models_trains(space_value, tmp_path):
    encoder, sharing = {"name": "mlp", "hidden": [6, 4]}, {"name": "hybrid", "split": {"choice": [0, 1, 2]}}
    value = space_value(encoder=encoder, sharing=sharing, strategies=["sum"], search={"configurations": 8})
    prepared = _prepare({**value, "training": {"steps": 4, "batch_size": 32, "eval_every": 2}})
    trials = {trial.configuration.architecture.sharing.split: trial for trial in prepared.plan.distinct()}
    assert trials.keys() == {0, 1, 2}
    scores = set()
    for split, trial in trials.items():
        given = Job(tables=as_tensors(prepared.of(trial)), configuration=trial.configuration, seed=1)
        folder = Storage.at(str(tmp_path / str(split)))
        outcome = train(given, relabel=None, report=lambda _: None, storage=folder, checkpoint_every_s=1e9)
        scores.add(outcome.end.score)
    assert len(scores) == 3


def test_a_model_that_no_memory_holds_is_refused_before_a_byte_of_it_is_taken(space_value):
    value = space_value(encoder={"name": "mlp", "hidden": [10**6, 10**6]}, strategies=["sum"])
    with pytest.raises(MtlkdError) as caught:
        _prepare(value)
    assert caught.value.where.endswith("strategies[0]: encoder")
    assert "1,000,0" in caught.value.what


def test_an_encoder_for_inputs_that_no_task_of_any_setup_has_is_refused(space_value, tmp_path, monkeypatch, refused):
    monkeypatch.chdir(tmp_path)
    for name, more in (("texts", {}), ("both", {"columns": {"numeric": ["x"]}})):
        (tmp_path / name).mkdir()
        files = Files(tmp_path / name)
        files.spec |= more
        for split, count in (("train", 4), ("valid", 2), ("test", 2)):
            files.change("x", [float(at) for at in range(count)], splits=(split,))
        files.write()
        files.manifest.write_text(files.manifest.read_text().replace("name: shop", f"name: {name}"))
    encoder = {"name": "mixed", "text": {"name": "bag", "buckets": 100}, "columns": "mlp"}
    settings = {"strategies": ["sum"], "training": {"steps": 2, "eval_every": 1, "batch_size": 2}}
    setups = ["texts/shop.yaml", "both/shop.yaml"]
    assert len(_prepare(space_value(setups=setups, encoder=encoder, **settings)).tables) == 2
    with refused() as caught:
        _prepare(space_value(setups=setups[:1], encoder=encoder, **settings))
    assert caught.value.where == "encoder.columns"


FOLLOWING = {"configurations": 16, "sampler": "tpe"}


def test_tables_are_made_for_all_that_later_configurations_may_ask(space_value):
    bins = [2, 3, 4, 5, 6, 7, 8, 9]
    value = space_value(encoder={"name": "mlp", "hidden": [4], "bins": {"choice": bins}}, search=FOLLOWING)
    made = prepare(decode_space(value, where="x"))
    assert {features.bins for _, features in made.tables} == set(bins)


def test_a_search_that_follows_scores_through_ever_other_tables_is_refused(space_value, refused):
    encoder = {"name": "mlp", "hidden": [4], "bins": {"randint": [2, 60]}}
    with refused():
        prepare(decode_space(space_value(encoder=encoder, search=FOLLOWING), where="x"))
    assert prepare(decode_space(space_value(encoder=encoder, search={"configurations": 9}), where="x")).tables
