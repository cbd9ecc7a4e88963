from pathlib import Path

import pytest

from ray_mtlkd import setups
from ray_mtlkd.setups.cache import cache_folder, content_hash


def test_the_same_setup_has_the_same_hash_and_another_one_another():
    first, again, other = (setups.read(name, data_dir=None) for name in ("similar", "similar", "diverse"))
    assert content_hash(first) == content_hash(again)
    assert content_hash(first) != content_hash(other)


@pytest.mark.parametrize("what", ["labels", "inputs", "rows"])
def test_a_changed_cell_changes_the_hash(what):
    raw = setups.read("similar", data_dir=None)
    before = content_hash(raw)
    split = raw.tasks[2].splits["test"]
    if what == "labels":
        split.labels[7] = (split.labels[7] + 1) % 3
    elif what == "rows":
        split.row_ids[-1] += 1
    else:
        column = split.inputs["inputs"]
        turned = column.take(list(range(len(column) - 1, -1, -1)))
        object.__setattr__(split, "inputs", split.inputs.set_column(0, "inputs", turned))
    assert content_hash(raw) != before


def test_the_folder_is_the_user_s_own_unless_named_or_off(monkeypatch):
    monkeypatch.delenv("MTLKD_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/ray_mtlkd")
    monkeypatch.setenv("MTLKD_CACHE", "/else/where")
    assert cache_folder() == Path("/else/where")
    monkeypatch.setenv("MTLKD_CACHE", "")
    assert cache_folder() is None
