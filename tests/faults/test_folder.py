"""A sweep whose folder is deleted under it."""

import shutil

import pytest

from tests.faults.drivers import ended
from tests.sweeps import wait_for

pytestmark = pytest.mark.fault


def _gone(folder):
    """Whether a folder is deleted, which others may still write to."""
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def test_a_folder_that_is_deleted_ends_the_sweep_with_an_error_that_names_it_and_nothing_is_advised(folder, place):
    driver = place.sweep(folder / "space.yaml", "--out", place.out)
    wait_for(lambda: driver.poll() is not None or list(place.out.glob("records/*.parquet")))
    assert driver.poll() is None
    wait_for(lambda: _gone(place.out))
    said, told = ended(driver, code=2)
    (line,) = told.splitlines()
    assert str(place.out) in line
    assert "8/8" not in said
    assert "--logdir" not in said  # what stands beside the advice
    assert not list(place.out.glob("report*"))
