"""A cluster of several machines, of which some are lost, cut off, added, or do not share the sweep's folder."""

import os
import signal
import time
from contextlib import ExitStack

import pytest

from tests.cluster.nodes import keys, kill
from tests.faults.drivers import chance, ended
from tests.faults.machines import machines, missing
from tests.processes import below
from tests.sweeps import assert_same, records, wait_for, written

pytestmark = pytest.mark.fault
APART_S, FROZEN_S = 30, 15
IN_TIME_S = 60


@pytest.fixture(scope="module")
def _possible():
    """Asked where the tests run: to collect them must make no network."""
    why_not = missing()
    if why_not is not None:
        pytest.skip(why_not)


@pytest.fixture
def network(_possible, place):
    with machines(4, folder=place.folder, environment=place.environment) as found:
        yield found


def _sweep(place, network, *words):
    keys = {name: network.environment[name] for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH")}
    return place.sweep(*words, before=network.inside(1), on={**keys, "RAY_ADDRESS": network.address})


def _store(node):
    """The process that makes a node the head."""
    (store,) = (pid for pid, line in below(node.pid).items() if "/gcs_server " in line)
    return store


def _trains(out):
    return list(out.glob("checkpoints/*/checkpoint.json"))


def test_a_node_is_killed_and_another_one_joins_and_the_records_stay_the_same(folder, whole, place, network):
    with network.head(), network.node(2), network.node(3) as victim, ExitStack() as later:
        driver = _sweep(place, network, folder / "space.yaml", "--out", place.out)
        wait_for(lambda: driver.poll() is not None or _trains(place.out))
        time.sleep(chance("node").uniform(0, 5))
        kill(victim)
        later.enter_context(network.node(4))
        ended(driver, code=0)
    assert_same(records(place.out), records(whole))


def test_a_node_is_cut_off_for_a_while_and_the_records_stay_the_same(folder, whole, place, network):
    with network.head(), network.node(2), network.node(3):
        driver = _sweep(place, network, folder / "space.yaml", "--out", place.out)
        wait_for(lambda: driver.poll() is not None or _trains(place.out))
        network.cut(3, off=True)
        time.sleep(APART_S)
        network.cut(3, off=False)
        ended(driver, code=0)
    assert_same(records(place.out), records(whole))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["lost", "frozen"])
def test_without_its_head_the_sweep_says_how_to_go_on_and_does_on_another_one(folder, whole, place, network, number):
    with network.head() as node, network.node(2):
        driver = _sweep(place, network, folder / "space.yaml", "--out", place.out)
        wait_for(lambda: driver.poll() is not None or list(place.out.glob("records/*.parquet")))
        os.kill(_store(node), number)
        began = time.monotonic()
        _, told = ended(driver, code=2)
        assert time.monotonic() - began < IN_TIME_S
    (line,) = [line for line in told.splitlines() if "--resume" in line]
    assert str(place.out) in line
    assert "Traceback" not in told
    before = written(place.out)
    with network.head(), network.node(2), network.node(3):
        ended(_sweep(place, network, "--resume", place.out), code=0)
    assert written(place.out).items() >= before.items()
    assert_same(records(place.out), records(whole))


def test_a_head_that_is_frozen_for_a_while_changes_no_record(folder, whole, place, network):
    with network.head() as node, network.node(2), network.node(3):
        driver = _sweep(place, network, folder / "space.yaml", "--out", place.out)
        wait_for(lambda: driver.poll() is not None or _trains(place.out))
        store = _store(node)
        os.kill(store, signal.SIGSTOP)
        time.sleep(FROZEN_S)
        os.kill(store, signal.SIGCONT)
        ended(driver, code=0)
    assert_same(records(place.out), records(whole))


@pytest.mark.parametrize("token", ["wrong", "none", "off"])
def test_who_does_not_have_the_cluster_s_token_is_told_so_in_one_line_in_time(folder, place, network, token):
    other = place.folder / "other"
    other.mkdir()
    variables = {
        "wrong": keys(other),
        "none": {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": "", "HOME": str(place.folder)},
        "off": {"RAY_AUTH_MODE": "disabled"},
    }[token]
    with network.head():
        began = time.monotonic()
        words = (folder / "space.yaml", "--out", place.out)
        driver = place.sweep(*words, before=network.inside(1), on={"RAY_ADDRESS": network.address, **variables})
        _, told = ended(driver, code=2)
        assert time.monotonic() - began < IN_TIME_S
    (line,) = told.splitlines()
    assert network.address in line
    assert "token" in line
    assert not place.out.exists()


def test_a_folder_that_one_machine_has_for_itself_is_told_before_any_trial(folder, place, network):
    place.out.mkdir()
    with network.head(), network.node(2), network.node(3, own=(place.out,)):
        _, told = ended(_sweep(place, network, folder / "space.yaml", "--out", place.out), code=2)
    (line,) = told.splitlines()
    assert str(place.out) in line
    assert network.host(3) in line
    assert not records(place.out)
