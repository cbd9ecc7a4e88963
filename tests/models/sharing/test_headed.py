"""Ways of sharing that take an encoder apart, and encoders that do not say how."""

from types import SimpleNamespace

import pytest
from torch import nn

from ray_mtlkd.models.sharing import SHARING
from tests.models.conftest import SMALL


@pytest.mark.parametrize("name", ["cross_stitch", "sluice", "low_level", "hybrid"])
def test_an_encoder_that_does_not_say_what_its_layers_are_is_refused(name, made, refused):
    whole = SimpleNamespace(name="whole", forms=SMALL.forms, build=lambda layouts, kinds: nn.Linear(1, 1))
    with refused() as caught:
        made(SHARING[name](), encoder=whole)
    assert caught.value.where == "sharing"
