from dataclasses import replace

import pytest

from ray_mtlkd.sweep import output
from ray_mtlkd.sweep.content import SweepContent
from ray_mtlkd.sweep.output import SweepHead
from ray_mtlkd.sweep_folder import SweepFolder

CONTENT = SweepContent(
    settings={"search.configurations": 2}, strategies={"sum": {"lr": 0.1}}, setups={"similar": {"tables.a.train": "t1"}}
)
HEAD = SweepHead(name="one", began="0123456789abcdef", content=CONTENT, versions={"torch": "1.0"})
FILES = {"space.yaml": "name: one", "manifests/shop.yaml": "name: shop"}


@pytest.fixture
def folder(tmp_path):
    return SweepFolder.at(str(tmp_path / "sweep"))


@pytest.mark.parametrize("name", ["notes.txt", "sweep.json"])
def test_a_new_sweep_needs_an_empty_folder(folder, name, refused):
    output.check_empty(folder)
    folder.root.write(name, b"{}")
    with refused():
        output.check_empty(folder)


def test_the_same_sweep_may_go_on(folder):
    output.create(folder, HEAD, files=FILES)
    found = output.check_same(folder, replace(HEAD, name="another", began="f"), grows=False)
    assert replace(found, files={}) == HEAD
    assert found.files.keys() == FILES.keys()
    assert folder.root.read("space.yaml") == b"name: one"
    assert folder.manifests.read("shop.yaml") == b"name: shop"


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"content": replace(CONTENT, settings={"search.configurations": 3})}, "search.configurations"),
        ({"content": replace(CONTENT, strategies={"sum": {"lr": 0.2}})}, "strategies.sum.lr"),
        ({"content": replace(CONTENT, setups={"similar": {"tables.a.train": "t2"}})}, "setups.similar.tables.a.train"),
        ({"versions": {"torch": "1.1"}}, "torch"),
    ],
)
def test_another_sweep_may_not(folder, changes, key, refused):
    output.create(folder, HEAD, files=FILES)
    with refused() as caught:
        output.check_same(folder, replace(HEAD, **changes), grows=False)
    assert key in caught.value.what


def test_a_folder_without_a_sweep_cannot_be_resumed(folder, refused):
    with refused():
        output.check_same(folder, HEAD, grows=False)


def test_a_sweep_that_grew_keeps_its_identity(folder):
    output.create(folder, HEAD, files=FILES)
    more = replace(CONTENT, strategies={**CONTENT.strategies, "pcgrad": {"lr": 0.1}})
    grown = output.check_same(folder, replace(HEAD, name="another", began="f", content=more), grows=True)
    assert replace(grown, files={}) == replace(HEAD, content=more)
    assert grown.sweep == HEAD.sweep


def test_a_head_of_which_a_bit_has_changed_is_refused(folder, refused):
    output.create(folder, HEAD, files=FILES)
    data = folder.root.read("sweep.json")
    folder.root.write("sweep.json", data.replace(b"0123456789abcdef", b"0123456789abcdeg"))
    with refused():
        output.read_head(folder)
