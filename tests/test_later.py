import sys

import pytest

from ray_mtlkd.later import Later

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
