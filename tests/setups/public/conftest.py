from pathlib import Path

import pytest

from tests.web import serving

RAW = Path(__file__).parents[4] / "shared" / "raw"
"""Public files as they lie at their origin."""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of the test's own, and no proxy before this machine."""
    monkeypatch.setenv("MTLKD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "*")
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def origin():
    with serving(RAW) as it:
        yield it


@pytest.fixture
def raw(origin):
    """The origin, where there is what it serves."""
    if not RAW.is_dir():
        pytest.skip(f"the files of public setups are not at {RAW}")
    return origin
