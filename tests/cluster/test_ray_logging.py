import os

import pytest

from ray_mtlkd.cluster.ray_logging import quiet_core
from ray_mtlkd.errors import MtlkdError

CASES = {MtlkdError("x", where="x", fix="x"): "", KeyboardInterrupt(): "", ZeroDivisionError(): "from the core\n"}


@pytest.mark.parametrize("error", CASES, ids=repr)
def test_what_the_core_prints_is_shown_only_where_something_unforeseen_happens(capfd, error):
    def run():
        with quiet_core():
            os.write(2, b"from the core\n")
            raise error

    with pytest.raises(type(error)):
        run()
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == CASES[error] + "afterwards\n"


def test_nothing_is_shown_where_all_is_well(capfd):
    with quiet_core():
        os.write(2, b"from the core\n")
    assert capfd.readouterr().err == ""
