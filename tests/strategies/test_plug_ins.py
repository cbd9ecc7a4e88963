"""Strategies whose parts lie outside the package."""

import sys
from importlib.metadata import EntryPoint

import pytest

from ray_mtlkd import registry
from ray_mtlkd.strategies import decode_strategy
from ray_mtlkd.strategies.curricula.joint import Joint
from tests.plug_ins import BALANCER, CURRICULUM


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where somebody's modules lie."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "theirs.py").write_text(BALANCER)
    (tmp_path / "theirs_too.py").write_text(CURRICULUM)
    yield tmp_path
    for name in ("theirs", "theirs_too"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("folder")
def test_a_balancer_of_somebody_s_stands_where_a_strategy_is_named_and_is_joint_s():
    strategy = decode_strategy("theirs:Halved", where="")
    assert strategy.curriculum == Joint()
    assert strategy.name == "halved"
    assert strategy.references == ("joint", "theirs:Halved")


def test_for_this_package_s_own_parts_no_installed_package_is_searched(monkeypatch):
    monkeypatch.setattr(registry, "entry_points", lambda group: pytest.fail(f"searched for {group}"))
    assert decode_strategy({"curriculum": "joint_kd", "balancer": "gradnorm"}, where="").references == (
        "joint_kd",
        "gradnorm",
    )


@pytest.mark.usefixtures("folder")
def test_both_parts_of_a_pair_may_be_somebody_s_with_hyper_parameters():
    value = {"curriculum": "theirs_too:ToTheEnd", "balancer": {"name": "theirs:Halved", "factor": 0.25}}
    strategy = decode_strategy(value, where="")
    assert (strategy.name, strategy.balancer.factor) == ("to_the_end+halved", 0.25)
    assert strategy.references == ("theirs_too:ToTheEnd", "theirs:Halved")


@pytest.mark.usefixtures("folder")
def test_an_installed_package_s_parts_have_the_names_that_it_gave_them(monkeypatch, refused):
    offered = {
        "ray_mtlkd.balancers": [EntryPoint("halved", "theirs:Halved", "ray_mtlkd.balancers")],
        "ray_mtlkd.curricula": [EntryPoint("to_the_end", "theirs_too:ToTheEnd", "ray_mtlkd.curricula")],
    }
    monkeypatch.setattr(registry, "entry_points", lambda group: offered.get(group, []))
    alone = decode_strategy({"name": "halved", "balancer": {"factor": 2.0}}, where="")
    assert (alone.references, alone.balancer.factor) == (("joint", "halved"), 2.0)
    assert decode_strategy({"curriculum": "to_the_end"}, where="").references == ("to_the_end", "sum")
    with refused():
        decode_strategy("halvd", where="")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("value", "where"),
    [
        ("theirs:Other", ""),
        ("nowhere:Other", ""),
        ("sum:x", ""),
        ("theirs_too:ToTheEnd", ""),
        ({"curriculum": "theirs:Halved"}, ".curriculum"),
        ({"balancer": {"name": "theirs:Halved", "factr": 1}}, ".balancer.factr"),
        ({"name": "theirs:Halved", "balancer": {"factor": "x"}}, ".balancer.factor"),
    ],
)
def test_what_is_wrong_with_somebody_s_part_is_one_error_at_its_place(value, where, refused):
    with refused() as caught:
        decode_strategy(value, where="strategies[0]")
    assert caught.value.where == f"strategies[0]{where}"


@pytest.mark.parametrize(
    "changed",
    [
        ("frozen=True, ", ""),
        ("@dataclass(frozen=True, kw_only=True)", ""),
        ("def weigh", "def way"),
        ('    name: ClassVar[str] = "halved"\n', ""),
        ("num_tasks: int) -> tuple[()]", "num_tasks: int)"),
        ('= "losses"', '= "loss"'),
        ('"halved"', '"gradnorm"'),
    ],
    ids=" to ".join,
)
def test_a_balancer_that_lacks_what_one_has_is_told_of_it(folder, changed, refused):
    (folder / "theirs.py").write_text(BALANCER.replace(*changed))
    with refused():
        decode_strategy("theirs:Halved", where="x")


def test_a_frozen_dataclass_of_python_s_own_is_held_to_its_keys_too(folder, refused):
    (folder / "theirs.py").write_text(BALANCER.replace("@document\n", "@dataclass(frozen=True)\n"))
    assert decode_strategy({"name": "theirs:Halved", "balancer": {"factor": 0.25}}, where="").balancer.factor == 0.25
    with refused():
        decode_strategy({"name": "theirs:Halved", "balancer": {"factr": 0.25}}, where="")
    with refused():
        decode_strategy({"name": "theirs:Halved", "balancer": {"factor": "1"}}, where="")


@pytest.mark.parametrize(
    "changed",
    [
        ("def advance", "def go_on"),
        ("    rewinds: ClassVar[bool] = False\n", ""),
        ('= "baseline"', '= "base"'),
    ],
    ids=" to ".join,
)
def test_a_curriculum_that_lacks_what_one_has_is_told_of_it(folder, changed, refused):
    (folder / "theirs_too.py").write_text(CURRICULUM.replace(*changed))
    with refused():
        decode_strategy({"curriculum": "theirs_too:ToTheEnd"}, where="x")
