import pytest
from ray.exceptions import AuthenticationError

from ray_mtlkd.cluster.failures import explained, may_succeed_later, no_answer
from ray_mtlkd.errors import MtlkdError

LONG_PATH = OSError("validate_socket_filename failed: AF_UNIX path length cannot exceed 107 bytes: /x\nand more")
SLOW = Exception("The current node timed out during startup. This could happen because …")


@pytest.fixture(autouse=True)
def _folder(monkeypatch):
    monkeypatch.setenv("RAY_TMPDIR", "/scratch")


@pytest.mark.parametrize(
    ("named", "error"),
    [
        ("", LONG_PATH),
        ("", SLOW),
        ("", RuntimeError("no room")),
        ("head:1", ConnectionError("ray client connection timeout")),
        ("head:1", RuntimeError("Version mismatch")),
        ("head:1", AuthenticationError("no token")),
    ],
    ids=["long path", "slow", "no room", "not let in", "other version", "no token"],
)
def test_each_failure_is_one_line_with_its_place_and_a_way_out(named, error, monkeypatch, worded):
    monkeypatch.setenv("RAY_ADDRESS", named)
    found = explained(error)
    assert found.where == (f"RAY_ADDRESS={named}" if named else "this machine")
    assert "\n" not in str(found)
    worded(found)


def test_what_has_a_line_of_its_own_keeps_it():
    error = MtlkdError("nobody listens", where="there", fix="do it")
    assert explained(error) is error


@pytest.mark.parametrize("named", ["", "head:1"], ids=["here", "there"])
def test_silence_has_a_place_and_a_way_out_too(named, monkeypatch, worded):
    monkeypatch.setenv("RAY_ADDRESS", named)
    worded(no_answer(45.0))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SLOW, True),
        (TimeoutError("for node to startup"), True),
        (RuntimeError("Failed to start GCS"), True),
        (LONG_PATH, False),
        (ValueError("a wrong option"), False),
        (AuthenticationError("no token"), False),
    ],
    ids=repr,
)
def test_only_slowness_may_pass(error, expected):
    assert may_succeed_later(error) == expected
