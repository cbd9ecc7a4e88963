"""A sweep to an object store that does not answer for a while."""

import signal
import time
from contextlib import contextmanager

import pytest

from tests.faults.drivers import ended
from tests.faults.object_store import BUCKET, object_store
from tests.sweeps import assert_same, records, wait_for

pytestmark = pytest.mark.fault
AWAY_S = 40


@pytest.fixture
def store():
    pytest.importorskip("moto.server", reason="wants the extra `faults`")
    with object_store() as found:
        yield found


@contextmanager
def _closed(store):
    store.knock()
    yield
    store.knock()


@contextmanager
def _frozen(store):
    store.process.send_signal(signal.SIGSTOP)
    yield
    store.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("away", [_closed, _frozen], ids=["closed", "frozen"])
def test_a_store_that_is_away_for_a_while_costs_no_record(folder, whole, place, store, away):
    """The sweep waits for it, or ends with the command that goes on."""
    out = f"{BUCKET}/out"
    driver = place.sweep(folder / "space.yaml", "--out", f"s3://{out}", on=store.environment)
    wait_for(lambda: driver.poll() is not None or store.names(f"{out}/records"))
    assert driver.poll() is None
    with away(store):
        time.sleep(AWAY_S)
    _, told = driver.communicate()
    if driver.returncode != 0:
        (line,) = [line for line in told.splitlines() if "--resume" in line]
        assert f"s3://{out}" in line
        assert "Traceback" not in told
        ended(place.sweep("--resume", f"s3://{out}", on=store.environment), code=0)
    store.fetch(out, place.out)
    assert_same(records(place.out), records(whole))
