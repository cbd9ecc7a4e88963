import pytest

from ray_mtlkd.models.sharing import HardSharing
from ray_mtlkd.models.sharing.adapters import Adapters
from ray_mtlkd.models.sharing.soft import SoftSharing
from ray_mtlkd.models.size import count_parameters
from tests.models.conftest import NUMBERS, SMALL

HEAD = SMALL.hidden[-1] + 1


def test_what_tasks_share_counts_once_and_networks_of_their_own_each(made):
    one, two = (count_parameters(made(HardSharing(), (NUMBERS,) * count)) for count in (1, 2))
    assert two.total - one.total == HEAD
    assert count_parameters(made(SoftSharing(), (NUMBERS, NUMBERS))).total == 2 * one.total
    assert one.trained == one.total


@pytest.mark.parametrize("form", ["bottleneck", "lora"])
def test_a_frozen_encoder_counts_and_does_not_train(made, form):
    hard = count_parameters(made(HardSharing())).total
    free, frozen = (count_parameters(made(Adapters(form=form, freeze=freeze))) for freeze in (False, True))
    assert frozen.total == free.total == free.trained > hard
    assert frozen.trained == free.total - hard + 2 * HEAD
