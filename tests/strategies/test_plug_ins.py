"""Strategies whose parts lie outside the package."""

import sys
from importlib.metadata import EntryPoint

import pytest

from ray_mtlkd import registry
from ray_mtlkd.errors import MtlkdError
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
def test_an_installed_package_s_parts_have_the_names_that_it_gave_them(monkeypatch):
    offered = {
        "ray_mtlkd.balancers": [EntryPoint("halved", "theirs:Halved", "ray_mtlkd.balancers")],
        "ray_mtlkd.curricula": [EntryPoint("to_the_end", "theirs_too:ToTheEnd", "ray_mtlkd.curricula")],
    }
    monkeypatch.setattr(registry, "entry_points", lambda group: offered.get(group, []))
    alone = decode_strategy({"name": "halved", "balancer": {"factor": 2.0}}, where="")
    assert (alone.references, alone.balancer.factor) == (("joint", "halved"), 2.0)
    assert decode_strategy({"curriculum": "to_the_end"}, where="").references == ("to_the_end", "sum")
    with pytest.raises(MtlkdError, match="did you mean 'halved'"):
        decode_strategy("halvd", where="")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("theirs:Other", "strategies[0]: the balancer 'theirs:Other' cannot be imported (AttributeError"),
        ("nowhere:Other", "strategies[0]: the balancer 'nowhere:Other' cannot be imported (ModuleNotFoundError"),
        ("sum:x", "strategies[0]: the balancer 'sum:x' cannot be imported (ModuleNotFoundError"),
        ("theirs_too:ToTheEnd", "strategies[0]: 'theirs_too:ToTheEnd' is no balancer: it is a curriculum, which"),
        ({"curriculum": "theirs:Halved"}, "strategies[0].curriculum: 'theirs:Halved' is no curriculum: it is a bal"),
        ({"balancer": {"name": "theirs:Halved", "factr": 1}}, "strategies[0].balancer.factr: unknown key 'factr'"),
        ({"name": "theirs:Halved", "balancer": {"factor": "x"}}, 'strategies[0].balancer.factor: "x" does not fit'),
    ],
)
def test_what_is_wrong_with_somebody_s_part_is_one_error_at_its_place(value, said):
    with pytest.raises(MtlkdError) as caught:
        decode_strategy(value, where="strategies[0]")
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("frozen=True, ", ""), "it is not a frozen dataclass"),
        (("@dataclass(frozen=True, kw_only=True)", ""), "it is not a frozen dataclass"),
        (("def weigh", "def way"), "it has no `weigh`"),
        (('    name: ClassVar[str] = "halved"\n', ""), "it has no `name`"),
        (("num_tasks: int) -> tuple[()]", "num_tasks: int)"), "its `init` does not say of what type the state is"),
        (('= "losses"', '= "loss"'), "its `needs` is 'loss', which is none of losses, norms, gram"),
        (('"halved"', '"gradnorm"'), "'gradnorm' is the name of this package's own"),
    ],
)
def test_a_balancer_that_lacks_what_one_has_is_told_of_it(folder, changed, said):
    (folder / "theirs.py").write_text(BALANCER.replace(*changed))
    with pytest.raises(MtlkdError) as caught:
        decode_strategy("theirs:Halved", where="x")
    assert caught.value.what.startswith(f"'theirs:Halved' is no balancer: {said}")


def test_a_frozen_dataclass_of_python_s_own_is_held_to_its_keys_too(folder):
    (folder / "theirs.py").write_text(BALANCER.replace("@document\n", "@dataclass(frozen=True)\n"))
    assert decode_strategy({"name": "theirs:Halved", "balancer": {"factor": 0.25}}, where="").balancer.factor == 0.25
    with pytest.raises(MtlkdError, match="unknown key 'factr'"):
        decode_strategy({"name": "theirs:Halved", "balancer": {"factr": 0.25}}, where="")
    with pytest.raises(MtlkdError, match='factor: "1" does not fit'):
        decode_strategy({"name": "theirs:Halved", "balancer": {"factor": "1"}}, where="")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("def advance", "def go_on"), "it has no `advance`"),
        (("    rewinds: ClassVar[bool] = False\n", ""), "it has no `rewinds`"),
        (('= "baseline"', '= "base"'), "its `role` is 'base', which is none of baseline, kd, control, reference"),
    ],
)
def test_a_curriculum_that_lacks_what_one_has_is_told_of_it(folder, changed, said):
    (folder / "theirs_too.py").write_text(CURRICULUM.replace(*changed))
    with pytest.raises(MtlkdError) as caught:
        decode_strategy({"curriculum": "theirs_too:ToTheEnd"}, where="x")
    assert caught.value.what == f"'theirs_too:ToTheEnd' is no curriculum: {said}"
