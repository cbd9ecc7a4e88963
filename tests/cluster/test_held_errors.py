import os

from ray_mtlkd.cluster.held_errors import HeldErrors


def test_what_is_written_while_errors_are_held_is_given_back_and_nothing_afterwards(capfd):
    held = HeldErrors()
    held.hold()
    os.write(2, b"core\n")
    assert held.release() == "core\n"
    os.write(2, b"later\n")
    assert held.release() == ""
    assert capfd.readouterr().err == "later\n"


def test_errors_that_were_released_before_are_not_held(capfd):
    held = HeldErrors()
    held.release()
    held.hold()
    os.write(2, b"seen\n")
    assert held.release() == ""
    assert capfd.readouterr().err == "seen\n"
