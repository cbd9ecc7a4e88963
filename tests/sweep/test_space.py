from pathlib import Path

import pytest

from ray_mtlkd.errors import gather
from ray_mtlkd.sweep.space import decode_space, read_space


def _problems(value):
    problems = []
    with gather(problems):
        decode_space(value, where="space.yaml")
    return [str(problem).removeprefix("space.yaml: ") for problem in problems]


def test_every_mistake_names_the_file(space_value):
    problems = []
    with gather(problems):
        decode_space(space_value(encoder="mpl", extra=1), where="space.yaml")
    assert [str(problem).split(": ")[0] for problem in problems] == ["space.yaml"] * 2


def test_a_sound_space_decodes(space_value):
    space = decode_space(space_value(), where="space.yaml")
    assert [strategy.label for strategy in space.strategies] == ["sum", "joint_kd"]
    assert set(space.strategies[0].design.shared) == {"training.lr"}
    assert space.strategies[0].example.training.lr == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trainning": {}}, "trainning: unknown key 'trainning'; did you mean 'training'?"),
        ({"setups": None}, "setups: missing; add this key"),
        ({"setups": "similar"}, 'setups: "similar" does not fit'),
        ({"setups": []}, "setups: [] does not fit"),
        ({"setups": ["similar", "similar"]}, "setups: 'similar' stands here twice"),
        ({"strategies": []}, "strategies: [] does not fit"),
        ({"strategies": ["sum", "summ"]}, "strategies[1]: unknown strategy 'summ'; did you mean 'sum'?"),
        ({"strategies": ["sum", "sum"]}, "strategies: 'sum' stands here twice (strategies[0], strategies[1])"),
        (
            {"strategies": [{"name": "sum", "label": "a/KD"}, {"name": "pcgrad", "label": "a/kd"}]},
            "strategies: 'a/KD' and 'a/kd' would be one file name (strategies[0], strategies[1])",
        ),
        (
            {"strategies": [{"name": "sum", "label": "a" * 121}]},
            f"strategies: the label {'a' * 121!r} is too long for a file name",
        ),
        (
            {"strategies": [{"curriculum": {"choice": ["joint", "joint_kd"]}, "balancer": "sum"}]},
            "strategies[0]: its curriculum or balancer is a domain",
        ),
        ({"encoder": "mpl"}, "encoder: unknown encoder 'mpl'; did you mean 'mlp'?"),
        ({"encoder": {"name": "mlp", "width": 3}}, "encoder.width: unknown key 'width'"),
        ({"training": {"lr": "fast"}}, 'training.lr: "fast" does not fit; give'),
        ({"training": {"lr": -1.0}}, "training.lr: -1.0 does not fit; give a number above 0"),
        ({"training": {"lr": {"choice": [0.1, -1.0]}}}, "training.lr: -1.0 does not fit"),
        ({"training": {"lr": {"choice": []}}}, "training.lr.choice: choice of nothing"),
        ({"training": {"lr": {"gaussian": [0, 1]}}}, "training.lr"),
        (
            {"training": {"lr": {"uniform": [0.001, 0.1], "log": True}}},
            "training.lr: {uniform: [0.001, 0.1], log: true} is no domain here; write {loguniform: [0.001, 0.1]}",
        ),
        (
            {"strategies": [{"name": "static", "balancer": {"weights": {"grid_search": [[1], [2]]}}}]},
            "strategies[0].balancer.weights: {grid_search: [[1], [2]]} is no domain here; write {grid: [[1], [2]]}",
        ),
        ({"training": {"steps": 0}}, "training.steps: 0 does not fit"),
        ({"training": {"steps": 10, "eval_every": 20}}, "training.eval_every: 20 is beyond the 10 steps"),
        ({"training": {"steps": 1.5}}, "training.steps: 1.5 does not fit"),
        ({"convergence": {"patience": 0}}, "convergence.patience: 0 does not fit"),
        ({"kd": {"temperature": 0}}, "kd.temperature: 0 does not fit"),
        ({"relabel": {"where": "cloud"}}, 'relabel.where: "cloud" does not fit'),
        ({"search": {"configurations": 0}}, "search.configurations: 0 does not fit"),
        ({"search": {"seeds": [0, 1]}}, "replicate.seeds: seed 1 is also a seed of the search"),
        ({"replicate": {"seeds": [1, 1]}}, "replicate.seeds: 1 stands here twice"),
        ({"name": "a/b"}, "name: 'a/b' cannot name a folder"),
        ({"classical": "no"}, 'classical: "no" does not fit'),
        ({"resources": {"cpus": 0}}, "resources.cpus: 0 does not fit"),
        ({"resources": {"gpus": 1.5}}, "resources.gpus: 1.5 GPUs"),
        ({"resources": {"keep_models": "best"}}, 'resources.keep_models: "best" does not fit'),
        ({"training": {"lr": {"grid": [0.1, 0.2, 0.3]}}}, "search.configurations: the grids of 'sum' have 3 points"),
    ],
    ids=str,
)
def test_each_mistake_is_named_with_its_place(space_value, changes, message):
    problems = _problems(space_value(**changes))
    assert any(problem.startswith(message) for problem in problems), problems


def test_all_mistakes_of_a_file_are_reported_together(space_value):
    problems = _problems(
        space_value(
            extra=1,
            encoder="mpl",
            training={"lr": -1.0, "patience": 3},
            strategies=["summ", "joint_kd"],
            search={"configurations": 0},
        )
    )
    places = {problem.split(":", 1)[0] for problem in problems}
    assert places >= {"extra", "encoder", "training.patience", "strategies[0]", "search.configurations"}


def test_a_shared_mistake_is_reported_once(space_value):
    problems = _problems(space_value(training={"lr": -1.0}))
    assert len(problems) == 1


def test_something_else_than_a_mapping_is_refused():
    assert "not a search space" in _problems(["sum"])[0]


def test_classical_models_are_computed_unless_switched_off(space_value):
    first = decode_space(space_value(), where="x")
    without = decode_space(space_value(classical=False), where="x")
    assert (first.classical, without.classical) == (True, False)


def test_a_manifest_may_lie_beside_the_search_space(tmp_path, space_text, monkeypatch):
    folder = tmp_path / "deep"
    folder.mkdir()
    (folder / "shop.yaml").write_text("name: shop")
    (folder / "space.yaml").write_text(space_text.replace("[similar]", "[shop.yaml, elsewhere.yaml]"))
    monkeypatch.chdir(tmp_path)
    space = read_space(Path("deep/space.yaml"))
    assert space.setups == ("deep/shop.yaml", "elsewhere.yaml")


def test_a_strategy_may_have_an_architecture_of_its_own(space_value):
    own = {"name": "sum", "encoder": {"name": "mlp", "hidden": [4], "dropout": {"choice": [0.0, 0.1]}}}
    others = ["sum", own, {"name": "sum", "sharing": "tests.sharings:Mixture", "label": "experts"}]
    space = decode_space(space_value(strategies=others), where="x")
    assert [strategy.label for strategy in space.strategies] == ["sum", "sum+mlp", "experts"]
    architectures = [strategy.example.architecture for strategy in space.strategies]
    assert [architecture.encoder.hidden for architecture in architectures] == [(16,), (4,), (16,)]
    assert [type(architecture.sharing).__name__ for architecture in architectures] == ["HardSharing"] * 2 + ["Mixture"]
    assert set(space.strategies[1].design.shared) == {"training.lr"}
    assert set(space.strategies[1].design.own) == {"encoder.dropout"}


def test_mistakes_in_a_strategys_own_architecture_are_told_at_its_place(space_value):
    wrong = {"name": "sum", "encoder": {"name": "mlp", "dropout": {"choice": []}}, "sharin": "hard"}
    told = _problems(space_value(strategies=["sum", wrong]))
    assert [problem.partition(": ")[0] for problem in told] == ["strategies[1].encoder.dropout.choice"]
    told = _problems(space_value(strategies=["sum", {**wrong, "encoder": {"name": "mlp", "wide": 3}}]))
    assert [problem.partition(": ")[0] for problem in told] == ["strategies[1].sharin", "strategies[1].encoder.wide"]
    assert "did you mean 'sharing'?" in told[0]


def test_sharing_and_regularizers_of_the_space_are_every_strategys(space_value):
    space = decode_space(space_value(sharing="tests.sharings:Serial", regularizers=["tests.sharings:Decay"]), where="x")
    assert {type(strategy.example.architecture.sharing).__name__ for strategy in space.strategies} == {"Serial"}
    assert all(len(strategy.example.architecture.regularizers) == 1 for strategy in space.strategies)
