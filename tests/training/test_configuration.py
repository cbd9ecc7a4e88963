import json
from pathlib import Path

import pytest

from ray_mtlkd.errors import gather
from ray_mtlkd.strategies.balancers.torchjd import TorchJD
from ray_mtlkd.strategies.curricula.sequential_kd import SequentialKD
from ray_mtlkd.sweep.plan import Plan
from ray_mtlkd.sweep.space import read_space
from ray_mtlkd.training import configuration
from ray_mtlkd.training.configuration import ConfigurationReader, describe, flat

SPACES = sorted((Path(__file__).parents[2] / "search_spaces").rglob("*.yaml"))
SMALL = {"strategy": "sum", "encoder": {"name": "mlp", "hidden": [8, 4]}, "training": {"lr": 0.1}}


@pytest.mark.parametrize("path", SPACES, ids=lambda path: path.stem)
def test_a_configuration_is_the_same_after_it_was_described_as_json(path):
    space, reader = read_space(path), ConfigurationReader()
    for trial in Plan(space, dict.fromkeys(space.setups, 5)).distinct():
        told = json.loads(json.dumps(describe(trial.configuration)))
        assert reader.read(told) == trial.configuration


@pytest.mark.parametrize(
    "strategy",
    [
        {"balancer": {"name": "torchjd:CAGrad", "options": {"c": 0.5}}, "label": "ours"},
        {"curriculum": {"name": "sequential_kd", "order": ["b", "a"], "rewind": True}, "balancer": "gradnorm"},
    ],
    ids=["a family's method", "a list"],
)
def test_a_strategy_is_the_same_after_it_was_described_as_json(strategy):
    found = ConfigurationReader().read({**SMALL, "strategy": strategy})
    assert ConfigurationReader().read(json.loads(json.dumps(describe(found)))) == found


def test_mistakes_of_all_sections_are_told_together():
    problems = []
    with gather(problems):
        ConfigurationReader().read(
            {"strategy": "summ", "encoder": {"name": "mlp", "join": 0}, "training": {"lr": 0, "steps": 0}}
        )
    assert {problem.where for problem in problems} == {"strategy", "encoder.join", "training.lr", "training.steps"}


def test_what_configurations_have_in_common_is_decoded_once(monkeypatch):
    decoded = []
    parts = {
        name: part._replace(decode=lambda tree, name=name, part=part: decoded.append(name) or part.decode(tree))
        for name, part in configuration._PARTS.items()
    }
    monkeypatch.setattr(configuration, "_PARTS", parts)
    reader = ConfigurationReader()
    first = reader.read(SMALL)
    assert sorted(decoded) == sorted(parts)
    second = reader.read({**SMALL, "training": {"lr": 0.2}})
    assert decoded[len(parts) :] == ["training"]
    assert second.architecture is first.architecture


def test_hyper_parameters_are_flat_and_name_their_defaults():
    found = ConfigurationReader().read(
        {**SMALL, "strategy": {"curriculum": "sequential_kd", "balancer": "torchjd:MGDA"}}
    )
    values = flat(found)
    assert values["curriculum.name"] == SequentialKD.name
    assert values["curriculum.order"] == "by_size"
    assert values["balancer.name"] == TorchJD(method="MGDA").name
    assert values["balancer.method"] == "MGDA"
    assert values["encoder.name"] == "mlp"
    assert values["encoder.hidden"] == "8, 4"
    assert values["sharing.name"] == "hard"
    assert values["training.lr"] == 0.1
    assert values["kd.temperature"] == 1.0


def test_encoders_inside_an_encoder_are_described_and_flat_by_their_own_names():
    mixed = {"name": "mixed", "text": {"name": "cnn", "channels": 8}, "columns": {"name": "mlp", "hidden": [8, 4]}}
    found = ConfigurationReader().read({**SMALL, "encoder": mixed})
    assert ConfigurationReader().read(json.loads(json.dumps(describe(found)))) == found
    values = flat(found)
    assert (values["encoder.name"], values["encoder.text.name"], values["encoder.text.channels"]) == ("mixed", "cnn", 8)
    assert (values["encoder.columns.hidden"], values["encoder.vector"]) == ("8, 4", None)
    assert all(not isinstance(value, dict | list) for key, value in values.items() if key.startswith("encoder."))
