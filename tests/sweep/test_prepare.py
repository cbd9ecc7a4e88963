import pytest

from ray_mtlkd.errors import MtlkdError, gather
from ray_mtlkd.sweep.prepare import prepare
from ray_mtlkd.sweep.space import decode_space
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
