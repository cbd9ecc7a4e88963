import pytest

from ray_mtlkd.sweep import built_models
from ray_mtlkd.sweep.prepare import prepare
from ray_mtlkd.sweep.space import decode_space

SPACE = {
    "name": "small",
    "setups": ["similar"],
    "encoder": {"name": "mlp", "hidden": [4]},
    "strategies": ["sum", "pcgrad", "single_task", {"label": "alone", "curriculum": "single_task", "balancer": "sum"}],
    "search": {"configurations": 3},
}


@pytest.fixture
def built(monkeypatch):
    """The numbers of tasks of models that were outlined."""
    found = []
    outline = built_models.outline
    monkeypatch.setattr(
        built_models, "outline", lambda *given, **more: found.append(len(given[1])) or outline(*given, **more)
    )
    return found


def _warnings(**parts):
    space = decode_space({**SPACE, **parts}, where="space.yaml")
    return [each for each in prepare(space, compute=False).warnings if "models" in each]


def test_a_model_that_configurations_have_in_common_is_built_once(built):
    assert _warnings() == []
    assert len([tasks for tasks in built if tasks > 1]) == 1
    assert len(built) - 1 == max(built)


def test_of_a_great_many_models_the_first_are_built_and_the_others_counted(built, monkeypatch):
    monkeypatch.setattr(built_models, "MOST_MODULES", 1)
    (said,) = _warnings(
        strategies=["sum"], encoder={"name": "mlp", "hidden": [4], "dropout": {"grid": [0.1, 0.2, 0.3]}}
    )
    assert len(built) == 1
    assert said.startswith("2 of 3 different models")
