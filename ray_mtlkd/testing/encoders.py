"""The rules that every encoder keeps, for every kind of task and form of inputs that it serves."""

from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.models.encoders import ENCODERS, EncoderConfig
from ray_mtlkd.tasks.kinds import KINDS
from ray_mtlkd.testing.base import expect, expect_structure
from ray_mtlkd.testing.examples import examples_of
from ray_mtlkd.testing.models import check_chance, check_content, check_gradients, check_outputs, seeded


def check_encoder(encoder: EncoderConfig) -> None:
    """Hold an encoder to its contract, in a model with hard sharing, on small inputs of every form that it reads.

    A row's outputs are finite, depend on that row alone and leave the inputs as they are; rows without a token have
    outputs too; an evaluation is deterministic, and initial values and dropout follow torch's global generator;
    `Encoder.parts` names every parameter that a task's outputs depend on, and only hash tables have sparse gradients.

    Args:
        encoder: Its configuration, small enough for this machine.

    Raises:
        AssertionError: saying what is broken.
        MtlkdError: where it names a kind that nobody knows, or does not fit what it says that it serves.
    """
    expect_structure(ENCODERS.misfit, encoder)
    for kind in encoder.forms:
        KINDS.find(kind, where="forms")
    expect(hash(encoder.features) == hash(encoder.features), "`features` are not hashable")
    architecture = Architecture(encoder=encoder)
    for example in examples_of(encoder):
        model = seeded(architecture, [example, example])
        check_outputs(model, 0, example)
        check_content(model, 0, example)
        check_gradients(model, 1, example)
        check_chance(architecture, [example])
