from dataclasses import replace

import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.sweep import output
from ray_mtlkd.sweep.output import SweepHead
from ray_mtlkd.sweep_folder import SweepFolder

HEAD = SweepHead(name="one", space="abcdef0123", tables={"similar": "t1"}, versions={"torch": "2.13.0"})


@pytest.fixture
def folder(tmp_path):
    return SweepFolder.at(str(tmp_path / "sweep"))


def test_a_new_sweep_needs_an_empty_folder(folder):
    output.check_empty(folder)
    folder.root.write("records/t.parquet", b"PAR1")
    with pytest.raises(MtlkdError, match="something in this folder already"):
        output.check_empty(folder)


def test_the_same_sweep_may_go_on(folder):
    output.create(folder, HEAD, space_text="name: one")
    output.check_same(folder, HEAD)
    assert folder.root.read("space.yaml") == b"name: one"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space": "other"}, "another search space"),
        ({"tables": {"similar": "t2"}}, "the tables of similar have changed"),
        ({"versions": {"torch": "2.14.0"}}, "torch 2.13.0 is now 2.14.0"),
    ],
)
def test_another_sweep_may_not(folder, changes, message):
    output.create(folder, HEAD, space_text="name: one")
    with pytest.raises(MtlkdError, match=message):
        output.check_same(folder, replace(HEAD, **changes))


def test_a_folder_without_a_sweep_cannot_be_resumed(folder):
    with pytest.raises(MtlkdError, match="no sweep to resume"):
        output.check_same(folder, HEAD)
