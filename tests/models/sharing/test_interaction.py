import torch

from ray_mtlkd.models.sharing import HardSharing
from ray_mtlkd.models.sharing.interaction import Interaction
from ray_mtlkd.testing.examples import Example

EMOTION, CAUSE = Example("multiclass", "Dense"), Example("binary", "Dense")
BOTH = (EMOTION, CAUSE)


def test_forward_and_backward_are_other_models(made):
    """Inter-EC: the cause reads the emotion; Inter-CE: the emotion reads the cause."""
    hard, inputs = made(HardSharing(), BOTH), EMOTION.inputs()
    forward, backward, both = (made(Interaction(direction=each), BOTH) for each in ("forward", "backward", "both"))
    assert (forward.others, backward.others, both.others) == ([[], [0]], [[1], []], [[1], [0]])
    for model, alone, reads in ((forward, 0, 1), (backward, 1, 0)):
        assert torch.equal(model(alone, inputs), hard(alone, inputs))
        assert not torch.equal(model(reads, inputs), hard(reads, inputs))


def test_outputs_are_the_own_prediction_and_what_the_other_s_says(made):
    model, inputs = made(Interaction(direction="forward"), BOTH), CAUSE.inputs()
    (read,) = model.encoder(inputs, [0])
    said = model.heads[0](read).softmax(1) @ model.embeddings["0"].linear.weight.T
    expected = model.heads[1](read) + (said @ model.corrections["1"].weight.T).squeeze(1)
    torch.testing.assert_close(model(1, inputs), expected)


def test_gradient_flows_back_to_whom_a_task_reads(made, reached):
    model = made(Interaction(direction="forward"), BOTH)
    assert "heads.0.linear.weight" in reached(model, 1, CAUSE)
    assert "heads.1.linear.weight" not in reached(model, 0, EMOTION)
    assert {id(p) for p in model.heads[0].parameters()} <= {id(p) for p in model.shared()}
