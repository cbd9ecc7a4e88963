import gc
import importlib
import sys

import pytest

from ray_mtlkd.imports import Later, importing

NAME = "module_of_a_test"


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / f"{NAME}.py").write_text("value = [1]\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield Later(NAME)
    sys.modules.pop(NAME, None)


def test_a_module_is_imported_when_it_is_first_used(module):
    assert NAME not in sys.modules
    assert module.value == [1]
    assert module.value is sys.modules[NAME].value


def test_what_a_module_does_not_hold_is_an_error(module):
    with pytest.raises(AttributeError, match="missing"):
        module.missing  # noqa: B018 - the look-up is the test


def test_what_was_imported_is_never_searched_for_garbage_again(module):
    frozen = gc.get_freeze_count()
    with importing():
        assert not gc.isenabled()
        kept = module.value
    assert gc.isenabled()
    assert gc.get_freeze_count() > frozen
    assert not any(kept is found for found in gc.get_objects())
    gc.unfreeze()
    assert any(kept is found for found in gc.get_objects())


def test_garbage_is_searched_for_again_where_an_import_fails():
    with pytest.raises(ModuleNotFoundError), importing():
        importlib.import_module("there_is_no_such_module")
    assert gc.isenabled()
    gc.unfreeze()
