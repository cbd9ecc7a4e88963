import sys
from importlib.metadata import EntryPoint

import pytest

from ray_mtlkd import registry as module
from ray_mtlkd.registry import Registry, is_reference

SOUND = "class Mine:\n    weigh = None"


class Own:
    weigh = None


def _contract(found):
    return None if hasattr(found, "weigh") else "has no `weigh`"


@pytest.fixture
def registry():
    return Registry("balancer", group="ray_mtlkd.balancers", members={"own": Own}, contract=_contract)


@pytest.fixture
def plug_in(tmp_path, monkeypatch):
    """Writes a module of that source beside the package; returns its name."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(source, name="somebodys_part"):
        (tmp_path / f"{name}.py").write_text(source)
        sys.modules.pop(name, None)
        return name

    return write


def _offer(monkeypatch, **points):
    offered = [EntryPoint(name, value, "ray_mtlkd.balancers") for name, value in points.items()]
    monkeypatch.setattr(module, "entry_points", lambda group: [each for each in offered if each.group == group])


def test_the_packages_own_parts_are_a_mapping(registry):
    assert dict(registry) == {"own": Own}
    assert registry.find("own", where="x") is Own
    assert registry.name_of(Own) == "own"


def test_a_reference_leads_to_somebodys_part_and_back(registry, plug_in):
    name = f"{plug_in(SOUND)}:Mine"
    found = registry.find(name, where="x")
    assert found.__name__ == "Mine"
    assert registry.name_of(found) == name


def test_an_entry_point_has_the_name_that_its_package_gave_it(registry, plug_in, monkeypatch):
    _offer(monkeypatch, mine=f"{plug_in(SOUND)}:Mine")
    assert registry.names() == ["own", "mine"]
    assert registry.name_of(registry.find("mine", where="x")) == "mine"


@pytest.mark.parametrize("source", ["class Other: ...", "raise RuntimeError", "class Mine: ..."])
def test_a_plug_in_that_does_not_fit_is_one_error_at_its_place(registry, plug_in, source, refused):
    with refused() as caught:
        registry.find(f"{plug_in(source)}:Mine", where="strategies[0].balancer")
    assert caught.value.where == "strategies[0].balancer"


@pytest.mark.parametrize("name", ["ownn", 3, None, "no module:at all", "a:"])
def test_a_name_that_nobody_knows_lists_those_that_there_are(registry, name, refused):
    with refused():
        registry.find(name, where="x")


def test_a_module_that_is_not_there_is_told_with_the_way_out(registry, refused):
    with refused():
        registry.find("nowhere.to_be_found:Mine", where="x")


def test_references_are_told_from_other_names():
    assert is_reference("a.b:C.D")
    assert not is_reference("torchjd")
    assert not is_reference("s3://bucket:x")


def test_what_packages_offer_is_searched_once(registry, monkeypatch):
    asked = []
    monkeypatch.setattr(module, "entry_points", lambda group: asked.append(group) or [])
    assert registry.names() == ["own"]
    assert not registry.knows("nobody")
    assert len(asked) == 1
