from pathlib import Path

import pytest

from ray_mtlkd.errors import gather
from ray_mtlkd.sweep.space import decode_space, read_space


def _problems(value):
    problems = []
    with gather(problems):
        decode_space(value, where="space.yaml")
    return problems


def _places(value):
    """Where the problems of a search space are in its file."""
    return [problem.where.removeprefix("space.yaml: ") for problem in _problems(value)]


def test_every_mistake_names_the_file(space_value):
    problems = _problems(space_value(encoder="mpl", extra=1))
    assert [problem.where.partition(": ")[0] for problem in problems] == ["space.yaml"] * 2


def test_a_sound_space_decodes(space_value):
    space = decode_space(space_value(), where="space.yaml")
    assert [strategy.label for strategy in space.strategies] == ["sum", "joint_kd"]
    assert set(space.strategies[0].design.shared) == {"training.lr"}
    assert space.strategies[0].example.training.lr == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"trainning": {}}, "trainning"),
        ({"setups": None}, "setups"),
        ({"setups": "similar"}, "setups"),
        ({"setups": []}, "setups"),
        ({"setups": ["similar", "similar"]}, "setups"),
        ({"strategies": []}, "strategies"),
        ({"strategies": ["sum", "summ"]}, "strategies[1]"),
        ({"strategies": ["sum", "sum"]}, "strategies"),
        (
            {"strategies": [{"name": "sum", "label": "a/KD"}, {"name": "pcgrad", "label": "a/kd"}]},
            "strategies",
        ),
        (
            {"strategies": [{"name": "sum", "label": "a" * 121}]},
            "strategies",
        ),
        (
            {"strategies": [{"curriculum": {"choice": ["joint", "joint_kd"]}, "balancer": "sum"}]},
            "strategies[0]",
        ),
        ({"encoder": "mpl"}, "encoder"),
        ({"encoder": {"name": "mlp", "width": 3}}, "encoder.width"),
        ({"training": {"lr": "fast"}}, "training.lr"),
        ({"training": {"lr": -1.0}}, "training.lr"),
        ({"training": {"lr": {"choice": [0.1, -1.0]}}}, "training.lr"),
        ({"training": {"lr": {"choice": []}}}, "training.lr.choice"),
        ({"training": {"lr": {"gaussian": [0, 1]}}}, "training.lr"),
        (
            {"training": {"lr": {"uniform": [0.001, 0.1], "log": True}}},
            "training.lr",
        ),
        (
            {"strategies": [{"name": "static", "balancer": {"weights": {"grid_search": [[1], [2]]}}}]},
            "strategies[0].balancer.weights",
        ),
        ({"training": {"steps": 0}}, "training.steps"),
        ({"training": {"steps": 10, "eval_every": 20}}, "training.eval_every"),
        ({"training": {"steps": 1.5}}, "training.steps"),
        ({"convergence": {"patience": 0}}, "convergence.patience"),
        ({"kd": {"temperature": 0}}, "kd.temperature"),
        ({"relabel": {"where": "cloud"}}, "relabel.where"),
        ({"search": {"configurations": 0}}, "search.configurations"),
        ({"search": {"seeds": [0, 1]}}, "replicate.seeds"),
        ({"search": {"configurations": 8, "sampler": "tpe"}}, "search.sampler"),
        ({"search": {"configurations": 16, "sampler": "tpe", "halving": True}}, "search.sampler"),
        ({"search": {"halving": [0.5, 0.25]}}, "search.halving"),
        ({"search": {"halving": [0.5, 1.0]}}, "search.halving[1]"),
        ({"replicate": {"seeds": [1, 1]}}, "replicate.seeds"),
        ({"name": "a/b"}, "name"),
        ({"classical": "no"}, "classical"),
        ({"report": {"margin": 0}}, "report.margin"),
        ({"resources": {"cpus": 0}}, "resources.cpus"),
        ({"resources": {"gpus": 1.5}}, "resources.gpus"),
        ({"resources": {"keep_models": "best"}}, "resources.keep_models"),
        ({"training": {"lr": {"grid": [0.1, 0.2, 0.3]}}}, "search.configurations"),
        ({"encoder": {"name": "mlp", "hidden": [16], "dropout": [0, 0.2]}}, "encoder.dropout"),
    ],
    ids=str,
)
def test_each_mistake_is_named_with_its_place(space_value, changes, place, worded):
    problems = {problem.where: problem for problem in _problems(space_value(**changes))}
    worded(problems[f"space.yaml: {place}"])


def test_all_mistakes_of_a_file_are_reported_together(space_value):
    places = _places(
        space_value(
            extra=1,
            encoder="mpl",
            training={"lr": -1.0, "patience": 3},
            strategies=["summ", "joint_kd"],
            search={"configurations": 0},
        )
    )
    assert set(places) >= {"extra", "encoder", "training.patience", "strategies[0]", "search.configurations"}


def test_a_shared_mistake_is_reported_once(space_value):
    problems = _problems(space_value(training={"lr": -1.0}))
    assert len(problems) == 1


def test_something_else_than_a_mapping_is_refused(worded):
    worded(_problems(["sum"])[0])


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


def test_mistakes_in_a_strategys_own_architecture_are_told_at_its_place(space_value, worded):
    wrong = {"name": "sum", "encoder": {"name": "mlp", "dropout": {"choice": []}}, "sharin": "hard"}
    assert _places(space_value(strategies=["sum", wrong])) == ["strategies[1].encoder.dropout.choice"]
    told = _problems(space_value(strategies=["sum", {**wrong, "encoder": {"name": "mlp", "wide": 3}}]))
    for problem in told:
        worded(problem)


def test_a_strategy_may_set_keys_for_itself_beside_those_of_the_space(space_value):
    own = {
        "name": "joint_kd",
        "label": "kd",
        "kd": {"temperature": {"choice": [1, 2]}},
        "training": {"ema": 0.9},
        "convergence": {"min_delta": 0.1},
    }
    space = decode_space(space_value(strategies=["sum", own], kd={"top_k": 5}), where="x")
    plain, kd = (strategy.example for strategy in space.strategies)
    assert (plain.training.ema, kd.training.ema) == (None, 0.9)
    assert (plain.convergence.min_delta, kd.convergence.min_delta) == (0.0, 0.1)
    assert kd.training.steps == plain.training.steps
    assert kd.kd.top_k == plain.kd.top_k == 5
    assert {strategy.design.shared.keys() == {"training.lr"} for strategy in space.strategies} == {True}
    assert [set(strategy.design.own) for strategy in space.strategies] == [set(), {"kd.temperature"}]
    values = [strategy.design.values(1, tasks=5) for strategy in space.strategies]
    assert values[0]["training.lr"] == values[1]["training.lr"]


@pytest.mark.parametrize(
    ("own", "where"),
    [
        ({"training": {"steps": 10}}, "strategies[0].training.steps"),
        ({"training": {"batch_size": 10, "eval_every": 5}}, "strategies[0].training.batch_size"),
        ({"training": {"lr": -1}}, "strategies[0].training.lr"),
        ({"training": {"lr": {"uniform": [2, 1]}}}, "strategies[0].training.lr.uniform"),
        ({"kd": {"heat": 1}}, "strategies[0].kd.heat"),
        ({"kd": 3}, "strategies[0].kd"),
        ({"relabel": {"where": "pool"}}, "strategies[0].relabel"),
    ],
    ids=str,
)
def test_mistakes_in_what_a_strategy_sets_for_itself_are_told_at_its_place(space_value, own, where):
    assert where in _places(space_value(strategies=[{"name": "joint_kd", **own}, "sum"]))


def test_a_mistake_of_the_space_is_told_there_also_where_strategies_set_other_keys(space_value):
    own = {"name": "joint_kd", "training": {"ema": 0.9}}
    assert _places(space_value(strategies=[own], training={"steps": 40, "eval_every": 10, "lr": -1})) == ["training.lr"]


def test_sharing_and_regularizers_of_the_space_are_every_strategys(space_value):
    space = decode_space(space_value(sharing="tests.sharings:Serial", regularizers=["tests.sharings:Decay"]), where="x")
    assert {type(strategy.example.architecture.sharing).__name__ for strategy in space.strategies} == {"Serial"}
    assert all(len(strategy.example.architecture.regularizers) == 1 for strategy in space.strategies)


def test_yes_and_no_are_text_where_text_is_meant_and_shown_as_typed_elsewhere(tmp_path, space_text):
    path = tmp_path / "space.yaml"
    kd = "{name: joint_kd, label: no, curriculum: {rewind: %s}}"
    path.write_text(space_text.replace("joint_kd", kd % "{choice: [true, false]}"))
    assert [strategy.label for strategy in read_space(path).strategies] == ["sum", "no"]
    path.write_text(space_text.replace("joint_kd", kd % "{choice: [yes, no]}"))
    problems = []
    with gather(problems):
        read_space(path)
    assert {problem.where for problem in problems} == {f"{path}: strategies[1].curriculum.rewind"}
    assert {problem.what for problem in problems} == {'"yes" does not fit', '"no" does not fit'}
